"""The folders and files of the code with what each says of itself first: for the README, and for the page that has them all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sweeps", "trainable", "search_spaces", "analysis")
_WIDTH = 26


def clause(path: Path) -> str:
    """A module's first sentence, without its last stop; that of its first function or class where there is not more to say."""
    module = ast.parse(path.read_text())
    defined = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    document = next(filter(None, map(ast.get_docstring, [module, *defined])), "")
    sentences = re.split(r"\. (?=[A-Z])", document.split("\n\n")[0].replace("\n", " "))
    return sentences[0].rstrip(".").replace("``", "`")


def folders() -> Iterator[Path]:
    """The packages and the packages in them, each before what it holds."""
    for package in PACKAGES:
        yield from sorted(path.parent for path in (ROOT / package).rglob("__init__.py"))


def folder_tree() -> str:
    """A line for each folder, indented by its depth."""
    lines = []
    for folder in folders():
        inside = folder.relative_to(ROOT).parts
        name = "  " * (len(inside) - 1) + inside[-1] + "/"
        lines.append(f"{name:<{_WIDTH}}{clause(folder / '__init__.py')}")
    return "\n".join(lines)


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
