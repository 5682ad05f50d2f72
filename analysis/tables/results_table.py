"""The sweep's metric in every confirmed cell: mean and deviation over seeds, and the difference to the baseline with its interval."""

from typing import Any

from analysis.compare import CellSummary, compare, counted_seeds
from analysis.figures.style import metric_label
from analysis.paired_tests import PairedTests, paired_tests
from analysis.report.markdown import MISSING, mean_and_std, number, percent, signed
from analysis.significance.intervals import Interval
from analysis.study import Study
from analysis.tables.cell_columns import dead_seeds, identity_columns, identity_of, is_whole, seeds_shown
from analysis.tables.table import Entry, Numbers, Table, best_of

_NUMBERS = ["n", "mean", "std", "median"]
_DIFFERENCES = ["difference", "difference_low", "difference_high", "relative", "relative_low", "relative_high"]


def results_table(study: Study) -> Table | None:
    """None before a cell has been confirmed."""
    statement = study.statement
    cells = compare(statement, study.rows)
    if not any(cell.n for cell in cells):
        return None
    tests = paired_tests(statement, cells)
    best = best_of({cell.cell: cell.mean for cell in cells if is_whole(study, cell)}, higher_is_better=statement.higher_is_better)
    any_dead = any(dead_seeds(cell) for cell in cells)
    header = ["configuration", "n", metric_label(statement.metric), "median"]
    header += [f"Δ [{statement.confidence:.0%}]", f"relative Δ [{statement.confidence:.0%}]", *(["dead seeds"] if any_dead else [])]
    return Table(
        caption=(
            f"{metric_label(statement.metric)} at the end of full runs on {seeds_shown(counted_seeds(statement, study.rows))}: "
            "mean ± sample standard deviation. "
            f"Δ: mean difference to the baseline, paired by seed, with its {statement.confidence:.0%} interval. Best mean in bold."
        ),
        header=header,
        rows=[_row(study, cell, tests.get(cell.cell), cell.cell in best, any_dead) for cell in cells],
        numbers=Numbers(
            [*identity_columns(study), *_NUMBERS, *_DIFFERENCES, "dead_seeds"],
            [_numbers(study, cell, tests.get(cell.cell)) for cell in cells],
        ),
    )


def natural(cell: CellSummary, *, higher_is_better: bool) -> Interval | None:
    """(cell - baseline) / |baseline| over the pairs, whichever way is better."""
    paired = cell.paired
    if paired is None or not higher_is_better:
        return paired
    return Interval(-paired.estimate, -paired.high, -paired.low, paired.std, paired.n)


def _row(study: Study, cell: CellSummary, tests: PairedTests | None, best: bool, any_dead: bool) -> list[Entry]:
    relative = natural(cell, higher_is_better=study.statement.higher_is_better)
    difference = tests.difference if tests else None
    texts = [study.cells[cell.cell].title, str(cell.n), mean_and_std(cell.mean, cell.std), number(cell.median)]
    texts += [interval_shown(difference, signed), interval_shown(relative, percent)]
    texts += [", ".join(dead_seeds(cell)) or "0"] if any_dead else []
    return [Entry(text, best=best and place == 2) for place, text in enumerate(texts)]


def interval_shown(interval: Interval | None, form: Any) -> str:
    """``-0.10 [-0.20, -0.05]`` with each number as `form` writes it."""
    return MISSING if interval is None else f"{form(interval.estimate)} [{form(interval.low)}, {form(interval.high)}]"


def _numbers(study: Study, cell: CellSummary, tests: PairedTests | None) -> list[Any]:
    found = [tests.difference if tests else None, natural(cell, higher_is_better=study.statement.higher_is_better)]
    intervals = [number for one in found for number in ((one.estimate, one.low, one.high) if one else (None, None, None))]
    dead = "; ".join(dead_seeds(cell)) or None
    return [*identity_of(study, cell), cell.n, cell.mean, cell.std, cell.median, *intervals, dead]
