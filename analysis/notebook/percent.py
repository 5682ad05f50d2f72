"""Notebooks in jupytext's percent format: a Python file whose cells begin with ``# %%``, and the same as ``.ipynb``."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from trainable.spec.atomic_write import write_text

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""


@dataclass(frozen=True)
class Cell:
    text: str
    is_markdown: bool = False


def markdown(*lines: str) -> Cell:
    return Cell("\n".join(lines), is_markdown=True)


def as_percent(cells: Iterable[Cell]) -> str:
    """The whole file. Text from outside stays inside of its comment or cell: no line of it can begin another one."""
    return "\n".join([HEADER, *(_percent(cell) for cell in cells)])


def _percent(cell: Cell) -> str:
    lines = cell.text.strip().splitlines()
    if cell.is_markdown:
        return "\n".join(["# %% [markdown]", *(f"# {line}".rstrip() for line in lines), ""])
    return "\n".join(["# %%", *lines, ""])


def has_jupytext() -> bool:
    return find_spec("jupytext") is not None


def write_ipynb(path: Path, percent: str) -> None:
    """The same notebook for Jupyter, through jupytext (extra dependency `notebook`)."""
    jupytext = import_module("jupytext")  # slow, and needed by one option only
    notebook = jupytext.read(io.StringIO(percent), fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    write_text(path, jupytext.writes(notebook, fmt="ipynb"))
