"""Every command in the README and the docs is parsed by its program's own parser, and composed as a dry run would."""

import argparse
import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from analysis.commands.registry import COMMANDS as ANALYSIS
from sweeps.runner.blueprint import draw_up
from trainable.request import request_run
from trainable.spec.compose import compose_run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")} - set((ROOT / "docs/reference").glob("*.md")))
SCRIPTS = {
    name: target.partition(":")[0]
    for name, target in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].items()
    if name.startswith("sweeps-")
}
NEW_ON_THEIR_PAGE = {"sweeps.weight_decay_ablation"}
PLACEHOLDER = re.compile(r"\.\.\.|…|<\w|COMMAND|NAME\b|[|;&]")


class Parsed(Exception):
    """What a parser made of its arguments."""


def lines_of(page: Path) -> list[str]:
    """Lines of code blocks without a language, and code within a sentence."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [re.split(r"\s+# ", line)[0] for line in lines] + re.findall(r"`([^`\n]+)`", prose)


def module_and_arguments(line: str) -> tuple[str, list[str]] | None:
    """``python -m x.y a b`` or ``torchrun ... -m x.y a b`` as ``(x.y, [a, b])``; None for what is no program of ours."""
    if PLACEHOLDER.search(line):
        return None
    try:
        words = shlex.split(line.partition(" > ")[0])
    except ValueError:  # a sentence's apostrophe
        return None
    if words and words[0] in SCRIPTS:
        return SCRIPTS[words[0]], words[1:]
    if len(words) < 3 or words[0] not in ("python", "torchrun") or "-m" not in words:
        return None
    module = words[words.index("-m") + 1]
    arguments = words[words.index("-m") + 2 :]
    only_named = module == "analysis" and len(arguments) == 1 and arguments[0] in ANALYSIS
    ours = module.split(".")[0] in ("sweeps", "trainable", "analysis") and module not in NEW_ON_THEIR_PAGE
    return (module, arguments) if ours and not only_named else None


COMMANDS = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in lines_of(page) if module_and_arguments(line)})


def parsed(module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """What the program's own parser makes of the arguments; nothing is run."""
    known = argparse.ArgumentParser.parse_known_args

    def parse(parser: argparse.ArgumentParser, *given: Any, **options: Any) -> Any:
        namespace, further = known(parser, *given, **options)
        if parser.prog.count(" ") > 2:  # a subcommand's, which hands on to the one that called it
            return namespace, further
        assert not further or "slurm" in arguments, f"unknown: {further}"
        raise Parsed(namespace)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse)
    program = importlib.import_module(module if module not in ("analysis", "sweeps", "trainable.bounds") else f"{module}.__main__")
    if module == "sweeps.cluster":
        program = importlib.import_module("sweeps.runner.cluster.command_line")
    sweep = getattr(program, "SWEEP", None)
    with pytest.raises(Parsed) as caught:
        program.main(*([sweep] if sweep else []), arguments)
    return caught.value.args[0]  # type: ignore[no-any-return]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_command_is_what_its_program_takes(
    page: str, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, corpus_file: Path
) -> None:
    found = module_and_arguments(line)
    assert found is not None
    module, arguments = found
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_bytes(corpus_file.read_bytes())
    overrides = getattr(parsed(module, arguments, monkeypatch), "overrides", [])
    if module == "trainable.train":
        request_run(overrides)
    elif module.startswith("trainable.") and module != "trainable.bounds":
        compose_run(overrides)
    elif module.startswith("sweeps.") and module != "sweeps.cluster":
        # Whom to tell is the driver's business and no part of the sweep.
        draw_up(importlib.import_module(module).SWEEP, [text for text in overrides if not text.startswith("notify=")])


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_what_a_page_names_is_there(page: Path) -> None:
    """Targets of make, extras of pip, and Python that compiles."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in lines_of(page):
        if line.startswith("make "):
            wanted = [word for word in line.split()[1:] if "=" not in word and not word.startswith("-")]
            assert set(wanted) <= set(targets), line
        for extra in re.findall(r"transformer-sweeps\[([\w,]+)\]", line):
            assert set(extra.split(",")) <= set(project["optional-dependencies"]), line
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        compile(code, str(page), "exec")


def test_the_sweep_that_a_page_states_is_composed() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/howto/own-sweep.md").read_text(), re.DOTALL | re.MULTILINE)
    stated: dict[str, Any] = {"__name__": "stated"}
    exec(code, stated)
    assert f"sweeps.{stated['SWEEP'].name}" in NEW_ON_THEIR_PAGE
    assert len(draw_up(stated["SWEEP"], []).slots) == 4
