"""The README keeps its promises: its tree names every file with its own first sentence, its links lead somewhere."""

import ast
import re
from pathlib import Path

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


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
