"""``python -m analysis notebook SWEEP...``: the protocol's analysis notebook of each sweep, filled in."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.notebook.percent import has_jupytext, write_ipynb
from analysis.notebook.sweep_notebook import sweep_notebook
from analysis.report.gather import gather
from trainable.spec.atomic_write import write_text
from trainable.spec.sweep_dir import SweepDir

NAME = "analysis.py"


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    parser.add_argument("--ipynb", action="store_true", help="also as analysis.ipynb (needs jupytext)")
    parser.add_argument("--force", action="store_true", help="write it anew where somebody has changed it")


def _mistakes(given: argparse.Namespace) -> list[str]:
    lacking = given.ipynb and not has_jupytext()
    found = path_mistakes(given) + (["--ipynb needs jupytext: pip install 'transformer-sweeps[notebook]'"] if lacking else [])
    return found if given.force else found + [fault for path in given.paths for fault in _kept(path, given.ipynb)]


def _kept(path: Path, also_ipynb: bool) -> list[str]:
    """One sentence for each file that is there already: what people wrote into a notebook is theirs."""
    files = [path / NAME, *([path / NAME.replace(".py", ".ipynb")] if also_ipynb else [])]
    return [f"'{file}' is there and may hold somebody's work; --force writes it anew" for file in files if file.exists()]


def _write(path: Path, also_ipynb: bool) -> list[str]:
    text = sweep_notebook(gather(SweepDir(path)))
    file = path / NAME
    write_text(file, text)
    if not also_ipynb:
        return [str(file)]
    write_ipynb(file.with_suffix(".ipynb"), text)
    return [str(file), str(file.with_suffix(".ipynb"))]


def _run(given: argparse.Namespace) -> int:
    return for_each(given, lambda path: _write(path, given.ipynb))


NOTEBOOK = Command("write the protocol's analysis notebook of each sweep", _arguments, _run, _mistakes)
