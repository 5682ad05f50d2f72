"""``python -m analysis summarize|compare|figures|report PATH...``: tables, comparison, figures and page of sweeps by hand."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from analysis.columns import Row
from analysis.figures.registry import FIGURES, draw_figures
from analysis.load import is_run, is_sweep, load_sweep
from analysis.report.cells import statuses
from analysis.report.conclusion import conclude, look
from analysis.study import Study
from analysis.summarize import summarize, summarize_run
from trainable.spec.metric_names import METRICS
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, EXIT_WRONG_REQUEST, WrongRequest, did_you_mean, render, unknown
from trainable.spec.sweep_dir import SweepDir


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongRequest([message])


def _summarize(path: Path, _given: argparse.Namespace) -> list[str]:
    rows: list[Row] = summarize(load_sweep(SweepDir(path))) if is_sweep(path) else summarize_run(path)
    noted = [f"  {row['trial']}: {row['note']}" for row in rows if row["note"]]
    return [f"{path / 'trials.parquet'}: {statuses(rows)}", f"{path / 'metrics.parquet'}", *noted]


def _compare(path: Path, given: argparse.Namespace) -> list[str]:
    return [look(SweepDir(path), given.metric).as_text()]


def _figures(path: Path, given: argparse.Namespace) -> list[str]:
    sweep = load_sweep(SweepDir(path))
    study = Study(sweep.statement, summarize(sweep), sweep.directory.metrics)
    written = draw_figures(study, sweep.directory.figures, given.only or list(FIGURES))
    return [str(file) for file in written] or [f"{path}: nothing was measured that could be drawn"]


def _report(path: Path, _given: argparse.Namespace) -> list[str]:
    conclusion = conclude(SweepDir(path))
    return [conclusion.as_text(), str(SweepDir(path).results)]


VERBS: dict[str, tuple[Callable[[Path, argparse.Namespace], list[str]], str]] = {
    "summarize": (_summarize, "write trials.parquet and metrics.parquet into each sweep or run directory"),
    "compare": (_compare, "print confirmed cells against the baseline, and the verdicts"),
    "figures": (_figures, "draw the figures of each sweep (PNG and PDF)"),
    "report": (_report, "tables, figures and RESULTS.md of each sweep"),
}
_ALSO_RUNS = frozenset({"summarize"})


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Raises `WrongRequest` with every mistake: unknown verb, option, metric or figure, and paths that are no sweep or run."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in VERBS:
        raise WrongRequest([unknown("command", arguments[0], VERBS)])
    given = _parser().parse_args(arguments)
    mistakes = [sentence for path in given.paths if (sentence := _fault(path, given.verb))]
    if getattr(given, "metric", None) and given.metric not in METRICS:
        mistakes.append(unknown("metric", given.metric, METRICS))
    mistakes += [unknown("figure", name, FIGURES) for name in getattr(given, "only", None) or [] if name not in FIGURES]
    if mistakes:
        raise WrongRequest(mistakes)
    return given


def _parser() -> _Parser:
    parser = _Parser(prog="python -m analysis", description=__doc__)
    verbs: Any = parser.add_subparsers(dest="verb", required=True, metavar="{" + ",".join(VERBS) + "}")
    for verb, (_, explanation) in VERBS.items():
        command = verbs.add_parser(verb, help=explanation, description=explanation)
        command.add_argument(
            "paths",
            nargs="+",
            type=Path,
            metavar="PATH",
            help="results/sweeps/<sweep>" + (", or results/runs/<run>" if verb in _ALSO_RUNS else ""),
        )
        if verb == "compare":
            command.add_argument("--metric", help="compare by this metric instead of the sweep's own")
        if verb == "figures":
            command.add_argument(
                "--only", action="append", metavar="FIGURE", help=f"draw only this one ({', '.join(FIGURES)}); may be given again"
            )
    return parser


def _fault(path: Path, verb: str) -> str | None:
    """What is wrong with a path, with the nearest name beside it; None for one that the verb can work on."""
    if is_sweep(path) or (verb in _ALSO_RUNS and is_run(path)):
        return None
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        return f"'{path}' does not exist" + (did_you_mean(path.name, siblings) if siblings else "")
    if is_run(path):
        return f"'{path}' is a single run; {verb} needs a sweep directory (one with a sweep.json)"
    inside = [entry.name for entry in path.iterdir() if is_sweep(entry)] if path.is_dir() else []
    found = f"; sweeps in it: {', '.join(sorted(inside)[:12])}" if inside else ""
    return f"'{path}' is no sweep directory{' and no run directory' if verb in _ALSO_RUNS else ''} (sweep.json is missing){found}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 1: something on disk could not be read or written; 2: a wrong request."""
    try:
        given = parse(sys.argv[1:] if arguments is None else arguments)
    except WrongRequest as wrong:
        print(render(wrong.mistakes), file=sys.stderr)
        return EXIT_WRONG_REQUEST
    code = EXIT_DONE
    for path in given.paths:
        try:
            print("\n".join(VERBS[given.verb][0](path, given)))
        except (OSError, ValueError) as error:
            print(render([f"{path}: {error}"]), file=sys.stderr)
            code = EXIT_FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())
