"""``python -m analysis figures PATH...``: the figures of each sweep, as PNG and PDF; of some budgets or seeds only, where asked."""

import argparse
from dataclasses import replace
from pathlib import Path

from analysis.commands.command import Command
from analysis.commands.paths import add_paths, for_each, path_mistakes
from analysis.figures.quantity import COLUMNS
from analysis.figures.registry import FIGURES, draw_figures
from analysis.figures.subspace.points import by_budget
from analysis.load import is_sweep, load_sweep, read_statement
from analysis.study import Study
from analysis.summarize import summarize
from trainable.spec.mistakes import unknown
from trainable.spec.sweep_dir import SweepDir

_OF_TWO = {name: kind.two for name, kind in FIGURES.items() if kind.two}


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_paths(parser)
    shown = f"draw only this one ({', '.join(FIGURES)}); may be given again; default: those that mean something for the sweep"
    parser.add_argument("--only", action="append", default=[], metavar="FIGURE", help=shown)
    two = ", ".join(f"{name} takes two {what}" for name, what in _OF_TWO.items())
    parser.add_argument("--of", nargs=2, default=[], metavar=("X", "Y"), help=f"with --only, of what to draw it ({two})")
    parser.add_argument("--budgets", nargs="+", type=int, default=[], metavar="D", help="only runs of these intrinsic dimensions")
    parser.add_argument("--seeds", nargs="+", type=int, default=[], metavar="SEED", help="only runs of these seeds")


def _mistakes(given: argparse.Namespace) -> list[str]:
    strange = [unknown("figure", name, FIGURES) for name in given.only if name not in FIGURES]
    return path_mistakes(given) + strange + (_mistakes_of_two(given) if given.of and not strange else [])


def _mistakes_of_two(given: argparse.Namespace) -> list[str]:
    if len(given.only) != 1 or given.only[0] not in _OF_TWO:
        return [f"--of {' '.join(given.of)} needs one --only that takes two things: {', '.join(_OF_TWO)}"]
    if _OF_TWO[given.only[0]] == "metrics":
        return [unknown("metric", name, COLUMNS) for name in given.of if name not in COLUMNS]
    return [sentence for path in given.paths if is_sweep(path) for sentence in _strange_keys(path, given.of)]


def _strange_keys(path: Path, wanted: list[str]) -> list[str]:
    try:
        swept = read_statement(SweepDir(path)).varied
    except ValueError:  # told when the sweep is read
        return []
    return [unknown("swept key", name, swept) for name in wanted if name not in swept]


def _draw(path: Path, given: argparse.Namespace) -> list[str]:
    whole = study_of(path)
    study, remarks = restricted(whole, given.budgets, given.seeds)
    written = draw_figures(study, SweepDir(path).figures, given.only or None, given.of)
    return [*remarks, *(map(str, written) if written else [f"{path}: nothing was measured that could be drawn"])]


def study_of(path: Path) -> Study:
    """The sweep in `path`, its tables made anew; where there is no ledger to make them from, such as in an archive, as they are."""
    if not SweepDir(path).ledger.exists():
        return Study.from_files(path)
    sweep = load_sweep(SweepDir(path))
    return Study(sweep.statement, summarize(sweep), sweep.directory.metrics)


def restricted(study: Study, budgets: list[int], seeds: list[int]) -> tuple[Study, list[str]]:
    """The runs of `budgets` and `seeds` (empty: all), and a sentence for each that no run has."""
    by_dimension = {int(ending.removeprefix("_d")): part for ending, part in by_budget(study).items()} if budgets else {}
    rows = [row for d, part in by_dimension.items() if d in budgets for row in part.rows] if budgets else study.rows
    remarks = [f"no run has an intrinsic dimension of {d} ({_there(by_dimension)})" for d in budgets if d not in by_dimension]
    known = {row["seed"] for row in study.rows}
    remarks += [f"no run has seed {seed} ({_there(known)})" for seed in seeds if seed not in known]
    return replace(study, rows=[row for row in rows if not seeds or row["seed"] in seeds]), remarks


def _there(values: dict[int, Study] | set[int]) -> str:
    return f"there are {', '.join(map(str, sorted(values)))}" if values else "none has one"


def _run(given: argparse.Namespace) -> int:
    return for_each(given, lambda path: _draw(path, given))


FIGURES_COMMAND = Command("draw the figures of each sweep (PNG and PDF)", _arguments, _run, _mistakes)
