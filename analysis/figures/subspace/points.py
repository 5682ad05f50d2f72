"""SubLoRA's runs as the study's figures look at them: risk, complexity, bound and size of each budget and allocation, over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from analysis.columns import CONFIG_PREFIX, Row
from analysis.figures.cell_values import Spread
from analysis.figures.quantity import Quantity
from analysis.study import Study
from trainable.spec.status import Stage, Status

BUDGET, ALLOCATION, RATIO = "adapter.intrinsic_dim", "adapter.allocation", "adapter.allocation_ratio"
UNIFORM, FIXED, LEARNED = "uniform", "fixed", "learned"
RISK = Quantity("bounds/empirical_bpd", "Empirical risk (BPD, bits/token)")
COMPLEXITY = Quantity("bounds/kl_divergence", "KL divergence (nats)")
BOUND = Quantity("bounds/bound_value", "PAC-Bayes bound (BPD, bits/token)")
SIZE = Quantity("bounds/compressed_size_bits", "Compressed size (KB)", 1 / 8000)
VACUOUS = "bounds/vacuous"
_ORDER = (UNIFORM, FIXED, LEARNED)


@dataclass(frozen=True)
class Method:
    """How the budget is given out: `ratio` is the share of B in a fixed allocation, None in the others."""

    allocation: str
    ratio: float | None

    @property
    def label(self) -> str:
        return self.allocation if self.ratio is None else f"{self.allocation} {self.ratio:g}"

    @property
    def order(self) -> tuple[int, float, str]:
        known = _ORDER.index(self.allocation) if self.allocation in _ORDER else len(_ORDER)
        return (known, self.ratio or 0.0, self.allocation)


@dataclass(frozen=True)
class Point:
    """One method at one budget: what each seed measured, by seed; `without` are seeds whose run has no bounds."""

    budget: int
    method: Method
    risk: Mapping[int, float]
    complexity: Mapping[int, float]
    bound: Mapping[int, float]
    size_kb: Mapping[int, float]
    vacuous: tuple[int, ...]
    without: tuple[int, ...]

    @property
    def is_vacuous(self) -> bool:
        """Whether the bound of at least one seed says no more than guessing would."""
        return bool(self.vacuous)


def spread(by_seed: Mapping[int, float]) -> Spread | None:
    """Mean and deviation over the seeds; None without any."""
    return Spread(tuple(by_seed.values())) if by_seed else None


def points(study: Study) -> list[Point]:
    """One point for each budget and method, by budget, then uniform, fixed by ratio, learned.

    Where other keys are swept as well, a point is the method's cell with the lowest mean risk.
    """
    best: dict[tuple[int, Method], Point] = {}
    for rows in study.rows_by_cell.values():
        told = [_setting(study, rows[0], key) for key in (BUDGET, ALLOCATION, RATIO)]
        if told[0] is None or told[1] is None:
            continue
        point = _point(int(told[0]), Method(str(told[1]), told[2] if told[1] == FIXED else None), rows)
        before = best.get((point.budget, point.method))
        if before is None or _mean_risk(point) < _mean_risk(before):
            best[point.budget, point.method] = point
    return sorted(best.values(), key=lambda point: (point.budget, point.method.order))


def _setting(study: Study, row: Row, key: str) -> Any:
    """The row's value of a swept key, or the one that all runs share."""
    group, _, name = key.partition(".")
    shared = study.statement.base_config.get(group, {}).get(name)
    return row.get(CONFIG_PREFIX + key, shared)


def _point(budget: int, method: Method, rows: Sequence[Row]) -> Point:
    replicates = [row for row in rows if row["stage"] == Stage.CONFIRM] or rows
    whole = [row for row in replicates if row["status"] == Status.COMPLETED]
    risk, complexity, bound, size = (_by_seed(whole, wanted) for wanted in (RISK, COMPLEXITY, BOUND, SIZE))
    vacuous = sorted(row["seed"] for row in whole if row.get(VACUOUS))
    without = sorted({row["seed"] for row in replicates} - set(bound))
    return Point(budget, method, risk, complexity, bound, size, tuple(vacuous), tuple(without))


def _by_seed(rows: Sequence[Row], wanted: Quantity) -> dict[int, float]:
    return {row["seed"]: value for row in sorted(rows, key=lambda row: row["seed"]) if (value := wanted.of(row)) is not None}


def _mean_risk(point: Point) -> float:
    return fmean(point.risk.values()) if point.risk else float("inf")


def improvement(point: Point, every_point: Sequence[Point]) -> Spread | None:
    """Relative improvement of the risk over the uniform allocation of the same budget, 100 (BPD_uniform - BPD) / BPD_uniform, in percent.

    Seed by seed where both have the seed, else between the means; None where one of them has no risk.
    """
    uniform = next((p for p in every_point if p.budget == point.budget and p.method.allocation == UNIFORM), None)
    if uniform is None or not uniform.risk or not point.risk:
        return None
    shared = [(uniform.risk[seed], risk) for seed, risk in point.risk.items() if seed in uniform.risk]
    pairs = shared or [(fmean(uniform.risk.values()), fmean(point.risk.values()))]
    return Spread(tuple(100 * (reference - risk) / reference for reference, risk in pairs))


def remarks(shown: Sequence[Point]) -> list[str]:
    """What a reader has to know of the points: missing baseline, missing bounds, single seeds, vacuous bounds; one sentence each."""
    said = []
    for budget in sorted({point.budget for point in shown}):
        here = [point for point in shown if point.budget == budget]
        if not any(point.method.allocation == UNIFORM and point.risk for point in here):
            said.append(f"d = {budget}: no run with uniform allocation, so there is no baseline to compare with.")
        if missing := [f"{p.method.label} (seeds {', '.join(map(str, p.without))})" for p in here if p.without]:
            said.append(f"d = {budget}: no bounds of {'; '.join(missing)}.")
        if single := [point.method.label for point in here if len(point.bound) == 1]:
            said.append(f"d = {budget}: one seed only, hence no error bar: {', '.join(single)}.")
        if vacuous := [f"{p.method.label} ({len(p.vacuous)} of {len(p.bound)})" for p in here if p.vacuous]:
            said.append(f"d = {budget}: vacuous bounds (no better than guessing), drawn hollow: {', '.join(vacuous)}.")
    return said


def by_budget(study: Study) -> dict[str, Study]:
    """The study parted by intrinsic dimension: ``_d1000`` and so on, empty where none is set."""
    budgets = sorted({int(d) for row in study.rows if (d := _setting(study, row, BUDGET)) is not None})
    return {f"_d{d}": replace(study, rows=[row for row in study.rows if _setting(study, row, BUDGET) == d]) for d in budgets}
