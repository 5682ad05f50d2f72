"""Sweeps whose truth is known, judged as real ones: how often a verdict is wrong.

``PYTHONPATH=. python tests/analysis/simulated_studies.py`` prints what docs/explanation/error-rates.md says. The claim is always that the
winner is better at all, and the truth that it is exactly as good as the baseline: every verdict is wrong.
"""

from collections.abc import Callable, Sequence
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from analysis.columns import Row
from analysis.decision import Outcome
from analysis.verdict import Verdict, verdicts
from trainable.spec.statement import Claim, Statement
from trainable.spec.status import Stage, Status

LR, LOSS = "optimizer.lr", "eval/loss"
NOISE = 0.01
# How many seeds would decide a claim takes most of the time, and decides nothing.
_QUICKLY = patch("analysis.verdict.outlook", return_value="")
Generator = np.random.Generator
Numbers = NDArray[np.float64]
# Whether the claim was confirmed, refuted, and whether the interval held the truth.
Study = Callable[[Generator, int], tuple[bool, bool, bool]]


def confirmed_rows(cell: Numbers, baseline: Numbers, metric: str = LOSS) -> list[Row]:
    about = {"stage": Stage.CONFIRM, "status": Status.COMPLETED, "note": None}
    return [
        {"cell": name, "seed": seed, "finalist_rank": rank, f"config.{LR}": lr, metric: float(value), **about}
        for name, rank, lr, values in (("base", None, 1.0, baseline), ("won", 1, 2.0, cell))
        for seed, value in enumerate(values, 1)
    ]


def judged(rows: Sequence[Row], seeds: int, claims: Sequence[Claim]) -> list[Verdict]:
    about = {"name": "s", "hypothesis": "", "metric": LOSS, "varied": [LR], "baseline_values": {LR: 1.0}, "baseline_cell": "base"}
    return verdicts(Statement(**about, claims=list(claims), seeds=list(range(1, seeds + 1)), explore_seed=0, max_steps=1), rows)


def outcome(cell: Numbers, baseline: Numbers) -> tuple[bool, bool, bool]:
    (verdict,) = judged(confirmed_rows(cell, baseline), len(cell), [Claim("better", 0.0)])
    assert verdict.low is not None
    assert verdict.high is not None
    return verdict.outcome == Outcome.CONFIRMED, verdict.outcome == Outcome.REFUTED, verdict.low <= 0 <= verdict.high


def best_of_nine(draw: Generator, seeds: int, *, fresh: bool) -> tuple[bool, bool, bool]:
    """Nine cells that are equally good; the best on one seed goes on, or (not `fresh`) the best on the very seeds that judge it."""
    shared = NOISE * draw.standard_normal(seeds)
    losses = 4 * (1 + shared + NOISE * draw.standard_normal((9, seeds)))
    merits = draw.standard_normal(8) if fresh else losses[1:].mean(axis=1)
    return outcome(losses[1 + int(np.argmin(merits))], losses[0])


def unlike(errors: Callable[[Generator, int], Numbers]) -> Study:
    """A cell whose relative differences to the baseline are `errors`, with mean 0."""

    def study(draw: Generator, seeds: int) -> tuple[bool, bool, bool]:
        baseline = 4 * (1 + NOISE * draw.standard_normal(seeds))
        return outcome(baseline * (1 + NOISE * errors(draw, seeds)), baseline)

    return study


def until_decided(draw: Generator, seeds: int) -> tuple[bool, bool, bool]:
    """Three seeds, and one more at a time until the claim is decided, at most `seeds`."""
    baseline, found = np.full(seeds, 4.0), (False, False, True)
    cell = baseline * (1 + NOISE * draw.standard_normal(seeds))
    for count in range(3, seeds + 1):
        found = outcome(cell[:count], baseline[:count])
        if found[0] or found[1]:
            break
    return found


STUDIES: dict[str, Study] = {
    "the best of nine equal cells, fresh seeds": lambda draw, seeds: best_of_nine(draw, seeds, fresh=True),
    "the same, judged on the seeds that chose it": lambda draw, seeds: best_of_nine(draw, seeds, fresh=False),
    "differences with heavy tails (t, 3 degrees of freedom)": unlike(lambda draw, n: draw.standard_t(3, n)),
    "differences that are skewed (exponential)": unlike(lambda draw, n: draw.exponential(1, n) - 1),
    "one seed in ten is worse by 8 standard deviations": unlike(lambda draw, n: draw.standard_normal(n) + 8 * (draw.random(n) < 0.1) - 0.8),
    "3 seeds, one more until it is decided": until_decided,
}


def rates(study: Study, seeds: int, studies: int, seed: int) -> tuple[float, float, float]:
    """Shares of studies that were confirmed, refuted, and whose interval held the truth."""
    draw = np.random.default_rng([seed, seeds])
    with _QUICKLY:
        found = np.array([study(draw, seeds) for _ in range(studies)])
    confirmed, refuted, covered = found.mean(axis=0)
    return float(confirmed), float(refuted), float(covered)


def any_wrong(claims: int, seeds: int, studies: int, seed: int) -> tuple[float, float]:
    """Share of studies with a wrong verdict among `claims` on independent metrics: as it is, and by each interval alone."""
    draw = np.random.default_rng([seed, seeds, claims])
    names = [f"m{number}" for number in range(claims)]
    stated = [Claim(name, 0.0, metric=name) for name in names]
    corrected = alone = 0
    for _ in range(studies):
        rows = confirmed_rows(np.ones(seeds), np.ones(seeds))
        for row in rows:
            values = 1 + NOISE * draw.standard_normal(claims) if row["cell"] == "won" else np.ones(claims)
            row.update(zip(names, map(float, values), strict=True))
        with _QUICKLY:
            found = judged(rows, seeds, stated)
        corrected += any(verdict.outcome != Outcome.UNDECIDED for verdict in found)
        alone += any((verdict.p_value or 0.0) < 0.05 for verdict in found)
    return corrected / studies, alone / studies


if __name__ == "__main__":
    for name, study in STUDIES.items():
        for n in (3, 5, 10):
            print(f"| {name} | {n} | " + " | ".join(f"{100 * rate:.1f} %" for rate in rates(study, n, 10_000, 1)) + " |", flush=True)
    for m in (2, 5, 10):
        for n in (3, 5, 10):
            print(f"| {m} | {n} | " + " | ".join(f"{100 * rate:.1f} %" for rate in any_wrong(m, n, 5_000, 1)) + " |", flush=True)
