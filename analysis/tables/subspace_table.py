"""SubLoRA's summary: risk, complexity, bound and compressed size of every budget and allocation, in the study's own columns."""

from collections.abc import Mapping
from statistics import fmean, stdev

from analysis.figures.subspace.points import Point, points
from analysis.report.markdown import MISSING
from analysis.study import Study
from analysis.tables.table import Entry, Table

HEADER = ("budget", "mode", "ratio", "BPD", "KL", "Bound", "Size (KB)")
VACUOUS, INCOMPLETE = "vacuous", "seeds missing"
_FOOTNOTES = {
    INCOMPLETE: "Over fewer seeds than the others: not every run has bounds.",
    VACUOUS: "Vacuous for at least one seed: no better than guessing.",
}


def subspace_table(study: Study) -> Table | None:
    """One row for each budget and allocation; None where no completed run has bounds.

    Every allocation that was tried has its row, `learned` and `uniform` with a dash for the ratio that only `fixed` has. Bounds of which at
    least one seed is vacuous are marked, and so are rows in which a seed is missing.
    """
    shown = points(study)
    if not any(point.risk or point.bound for point in shown):
        return None
    rows = [_row(point) for point in shown]
    marks = {entry.mark for row in rows for entry in row}
    seeds = sorted({seed for point in shown for seed in (*point.risk, *point.bound)})
    return Table(
        caption=(
            "Empirical risk (BPD, bits/token), KL divergence (nats), PAC-Bayes bound (bits/token) and compressed size (1 KB = 1000 bytes): "
            f"mean ± sample standard deviation over seeds {', '.join(map(str, seeds))}."
        ),
        header=HEADER,
        rows=rows,
        footnotes={mark: text for mark, text in _FOOTNOTES.items() if mark in marks},
    )


def _row(point: Point) -> list[Entry]:
    ratio = MISSING if point.method.ratio is None else f"{point.method.ratio:g}"
    return [
        Entry(str(point.budget)),
        Entry(point.method.allocation),
        Entry(ratio),
        Entry(_over_seeds(point.risk, 4), mark=INCOMPLETE if point.without else ""),
        Entry(_over_seeds(point.complexity, 2)),
        Entry(_over_seeds(point.bound, 4), mark=VACUOUS if point.vacuous else ""),
        Entry(_over_seeds(point.size_kb, 1)),
    ]


def _over_seeds(values: Mapping[int, float], decimals: int) -> str:
    """``mean ± std``; without the deviation for a single seed."""
    if not values:
        return MISSING
    mean = f"{fmean(values.values()):.{decimals}f}"
    return mean if len(values) < 2 else f"{mean} ± {stdev(values.values()):.{decimals}f}"
