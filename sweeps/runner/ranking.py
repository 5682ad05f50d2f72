"""Who goes on from the exploration: pure functions of its trials."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sweeps.runner.searchers.directions import direction
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status

DEAD = frozenset({Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY})


def last_value(record: TrialRecord, metric: str) -> float | None:
    """The last finite value of a metric."""
    newest_first = (metrics.get(metric) for metrics in reversed(record.evaluations.values()))
    return next((value for value in newest_first if value is not None and math.isfinite(value)), None)


def ranked_cells(explored: Collection[TrialRecord], metrics: Sequence[str]) -> list[str]:
    """The cells that lived, best first, by the last value of the metrics, wherever a trial was stopped.

    A trial that was stopped early has had less time to get there: if it is ahead all the same, stopping it was a mistake that
    the confirmation can mend. Equal values go to the one further in training, equal cells by name. Several metrics rank by
    Pareto front (Deb et al. 2002, non-dominated sorting), within a front by the first of them.
    """
    dead = {record.cell for record in explored if record.status in DEAD}
    costs = {record.trial: _costs(record, metrics) for record in explored if record.cell not in dead}
    alive = [record for record in explored if record.trial in costs and math.isfinite(costs[record.trial][0])]
    fronts = _fronts({record.trial: costs[record.trial] for record in alive})

    def rank(record: TrialRecord) -> tuple[int, float, int, str]:
        return (fronts[record.trial], costs[record.trial][0], -record.step, record.cell)

    return list(dict.fromkeys(record.cell for record in sorted(alive, key=rank)))


def finalists(
    explored: Collection[TrialRecord], metrics: Sequence[str], count: int, per: str | None, without: str | None
) -> tuple[str, ...]:
    """The best `count` cells (for each value of the key `per`, when given), best first, leaving out the cell `without`."""
    order = ranked_cells(explored, metrics)
    groups: dict[str, list[str]] = {}
    for cell, values in _values_by_cell(explored).items():
        groups.setdefault(group_of(values, per), []).append(cell)
    chosen = {cell for group in groups.values() for cell in [c for c in order if c in group and c != without][:count]}
    return tuple(cell for cell in order if cell in chosen)


def claimed_cells(
    explored: Collection[TrialRecord], metrics: Sequence[str], claimed: Iterable[Mapping[str, Any]], chosen: Collection[str | None]
) -> list[str]:
    """The cells that claims are about and the ranking has not `chosen`: the best with the `claimed` values; the one that has them all even
    when it is dead, for then its fresh seeds say so.
    """
    found: list[str] = []
    for values in claimed:
        having = [record for record in explored if has_values(record, values)]
        if having and not any(record.cell in chosen for record in having):
            named = having[0].cell if len(having[0].values) == len(values) else None
            found += [cell for cell in [best_cell(having, metrics, values) or named] if cell]
    return found


def best_cell(explored: Collection[TrialRecord], metrics: Sequence[str], values: Mapping[str, Any]) -> str | None:
    """The best cell among those that have `values`."""
    return next(iter(ranked_cells([record for record in explored if has_values(record, values)], metrics)), None)


def has_values(record: TrialRecord, values: Mapping[str, Any]) -> bool:
    return all(record.values.get(key) == value for key, value in values.items())


def group_of(values: Mapping[str, Any], per: str | None) -> str:
    """The race a trial belongs to: its value of the key `per`; one race for all without it."""
    return "" if per is None else repr(values.get(per))


def _values_by_cell(explored: Collection[TrialRecord]) -> dict[str, Mapping[str, Any]]:
    return {record.cell: record.values for record in explored}


def _costs(record: TrialRecord, metrics: Sequence[str]) -> tuple[float, ...]:
    """Lower is better in each; infinite where nothing was measured."""
    values = [last_value(record, metric) for metric in metrics]
    signs = [1.0 if direction(metric) == "minimize" else -1.0 for metric in metrics]
    return tuple(math.inf if value is None else sign * value for value, sign in zip(values, signs, strict=True))


def _fronts(costs: Mapping[str, tuple[float, ...]]) -> dict[str, int]:
    """The front of each trial: 0 for those that nothing dominates, 1 for those that only these dominate, and so on."""
    if all(len(cost) == 1 for cost in costs.values()):
        order = {cost: number for number, cost in enumerate(sorted(set(costs.values())))}
        return {name: order[cost] for name, cost in costs.items()}
    left, fronts, number = dict(costs), dict[str, int](), 0
    while left:
        front = [name for name, mine in left.items() if not any(_dominates(other, mine) for other in left.values())]
        fronts |= dict.fromkeys(front, number)
        left = {name: cost for name, cost in left.items() if name not in fronts}
        number += 1
    return fronts


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
