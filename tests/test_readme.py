"""The README keeps its promises: its tree names every file with its own first sentence, its commands parse, its links lead somewhere."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
PACKAGES = ("sweeps", "trainable", "search_spaces", "analysis")


def clause(path: Path) -> str:
    """A module's first sentence, without its last stop."""
    document = ast.get_docstring(ast.parse(path.read_text())) or ""
    return document.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")


def tree() -> str:
    """Every module that has something to say, a line each."""
    lines = []
    for package in PACKAGES:
        lines.append(f"{package}/")
        for path in sorted((ROOT / package).rglob("*.py"), key=lambda p: (p.parent, p.name)):
            if path.read_text().strip() and clause(path):
                lines.append(f"  {path.relative_to(ROOT / package)!s:<40} {clause(path)}")
    return "\n".join(lines)


def test_the_tree_is_that_of_the_checkout() -> None:
    missing = [line for line in tree().splitlines() if line not in README]
    assert missing == [], "\n".join(["paste into README.md:", *missing])


def test_the_tree_names_no_file_that_is_gone() -> None:
    shown = re.search(r"```text\n(sweeps/.*?)```", README, re.DOTALL)
    assert shown is not None
    assert set(shown.group(1).strip().splitlines()) <= set(tree().splitlines())


def commands() -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = [line.split(" #")[0].strip() for language, block in blocks if not language for line in block.splitlines()]
    return [line for line in lines if line.startswith("python -m sweeps.") and "--address" not in line]


@pytest.mark.parametrize("command", commands())
def test_every_sweep_command_is_composed_by_a_dry_run(command: str, tmp_path: Path) -> None:
    arguments = [word for word in shlex.split(command)[1:] if not word.startswith("resources.gpus")]
    done = subprocess.run([sys.executable, *arguments, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
