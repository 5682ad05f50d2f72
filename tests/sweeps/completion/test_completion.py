"""Completion: every candidate is a word that the command takes, and bash offers them as it would at a prompt."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps import sweep_names
from sweeps.__main__ import main
from sweeps.runner.completion.candidates import candidates
from sweeps.runner.completion.scripts import SHELLS, script
from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.searchers.registry import SEARCHERS
from trainable.spec.mistakes import WrongRequest

ROOT = Path(__file__).resolve().parents[3]
ASK = """
source "$1"
COMP_LINE="$2"; COMP_POINT=${#2}; COMP_WORDBREAKS="$3"; COMP_WORDS=($2)
_sweeps_complete
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("python -m sweeps.lr", ["sweeps.lr_ablation", "sweeps.lr_search"]),
        ("/usr/bin/sweeps lr_", ["lr_ablation", "lr_search"]),
        ("python -m trainable.t", ["trainable.train"]),
        ("python -m sweeps.lr_ablation --d", ["--dashboard", "--dry-run"]),
        ("sweeps lr_ablation schedule=c", ["schedule=constant", "schedule=cosine"]),
        ("sweeps lr_ablation optimizer.lr", ["optimizer.lr="]),
        ("sweeps lr_ablation budget.", ["budget.gpu_hours=", "budget.minutes=", "budget.trials="]),
        ("sweeps lr_ablation explore.enabled=", ["explore.enabled=false", "explore.enabled=true"]),
        ("python -m trainable.train budget.", []),
        ("sweeps lr_ablation --watch res", []),
        ("sweeps cluster ", []),
        ("ls ", []),
        ("", []),
    ],
)
def test_candidates(line: str, found: list[str]) -> None:
    assert candidates(line) == found


def test_registered_names_are_offered() -> None:
    assert candidates("sweeps lr_search scheduler=") == sorted(f"scheduler={name}" for name in SCHEDULERS)
    assert candidates("sweeps lr_search searcher.name=") == sorted(f"searcher.name={name}" for name in SEARCHERS)
    assert {*sweep_names(), "cluster"} < set(candidates("sweeps "))


@pytest.mark.parametrize(
    ("line", "breaks", "found"),
    [
        (f"{sys.executable} -m sweeps.lr_ablation schedule=c", " =:", ["constant", "cosine"]),
        (f"{sys.executable} -m sweeps.lr_ablation schedule=c", " ", ["schedule=constant", "schedule=cosine"]),
        (f"{sys.executable} -m sweeps.lr_ablation training.max", " =:", ["training.max_steps="]),
        (f"{sys.executable} something_else.py schedule=c", " =:", [""]),
    ],
)
def test_bash(tmp_path: Path, line: str, breaks: str, found: list[str]) -> None:
    sourced = tmp_path / "completion.bash"
    sourced.write_text(script("bash"))
    command = ["bash", "--norc", "-c", ASK, "bash", str(sourced), line, breaks]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines() == found
    assert done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_and_is_of_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert text == script(shell)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True, timeout=60)


def test_another_shell_is_refused() -> None:
    with pytest.raises(WrongRequest, match="unknown shell 'bsh' \\(did you mean 'bash'\\?\\)"):
        main(["completion", "bsh"])
