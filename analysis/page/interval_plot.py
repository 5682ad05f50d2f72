"""A confidence interval against its bounds, as places on a line: for the verdicts and for the table of cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.compare import CellSummary
from analysis.report.markdown import number, percent
from analysis.significance.intervals import Interval
from analysis.verdict import Verdict
from trainable.spec.statement import DEPARTURE, EQUIVALENCE

_MARGIN = 0.12


@dataclass(frozen=True)
class Mark:
    """A line across the plot; `place` is between 0 and 1."""

    place: float
    text: str

    @property
    def anchor(self) -> str:
        """Which end of its text stands at the mark, so that the text stays inside of the plot."""
        return "start" if self.place < 0.25 else "end" if self.place > 0.75 else "middle"


@dataclass(frozen=True)
class IntervalPlot:
    """`low`, `estimate` and `high` are places between 0 and 1, `zero` and `bounds` the lines to compare with, `text` says it all."""

    low: float
    estimate: float
    high: float
    zero: Mark
    bounds: tuple[Mark, ...]
    text: str


def of_verdict(verdict: Verdict) -> IntervalPlot | None:
    """The interval that a verdict rests on; None where there is none."""
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        return None
    departs = verdict.kind == DEPARTURE
    two_sided = departs or verdict.kind == EQUIVALENCE
    shown = number if departs else percent
    bounds = sorted({-verdict.threshold, verdict.threshold}) if two_sided else [verdict.threshold]
    place = _scale([verdict.low, verdict.high, 0.0, *bounds])
    confidence = "" if verdict.confidence is None else f"{verdict.confidence:.0%} "
    text = f"{confidence}interval from {shown(verdict.low)} to {shown(verdict.high)} around {shown(verdict.estimate)}; "
    text += f"bound{'s' if len(bounds) > 1 else ''} at {' and '.join(map(shown, bounds))}"
    marks = tuple(Mark(place(bound), shown(bound)) for bound in bounds if bound)
    zero = Mark(place(0.0), "the number" if departs else "no difference" if verdict.threshold else "no difference = bound")
    return IntervalPlot(place(verdict.low), place(verdict.estimate), place(verdict.high), zero, marks, text)


def of_cells(cells: Sequence[CellSummary]) -> dict[str, IntervalPlot]:
    """The paired difference of each cell to the baseline, all on one scale."""
    paired = {cell.cell: cell.paired for cell in cells if cell.paired is not None}
    place = _scale([0.0, *(end for interval in paired.values() for end in (interval.low, interval.high))])
    return {cell: _of_cell(found, place) for cell, found in paired.items()}


def _of_cell(found: Interval, place: Callable[[float], float]) -> IntervalPlot:
    text = f"interval from {percent(found.low)} to {percent(found.high)}"
    return IntervalPlot(place(found.low), place(found.estimate), place(found.high), Mark(place(0.0), ""), (), text)


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    """What tells where a value lies between the ends of `values`, with a margin on either side."""
    span = (max(values) - min(values)) or 1.0
    low, width = min(values) - _MARGIN * span, span * (1 + 2 * _MARGIN)
    return lambda value: (value - low) / width
