"""What became of a sweep's claims: CONFIRMED, REFUTED, or UNDECIDED with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from analysis.columns import Row
from analysis.compare import Replicates, replicates
from analysis.significance import Interval, mean_interval, pairs_needed, relative_differences
from analysis.study import shown
from analysis.trials import config_of
from trainable.spec.statement import ALL_CELLS, WINNER, Claim, Statement


class Outcome(StrEnum):
    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Verdict:
    """`estimate`, `low` and `high` are relative differences to the baseline (below 0 is better), paired by seed; `threshold` is
    the claimed bound. `cell` is the one that decided, `subject` its varied values as text; None where there was nothing to compute from.
    """

    claim: str
    outcome: Outcome
    reason: str
    threshold: float
    metric: str
    cell: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n_pairs: int = 0
    subject: str | None = None


def verdicts(statement: Statement, rows: Sequence[Row]) -> list[Verdict]:
    """One verdict for each claim of the sweep, in order.

    Args:
        statement: what the sweep stated before its first trial.
        rows: the rows of ``trials.parquet``. Only the confirmation's completed trials carry weight.

    The interval is Student's t on the differences paired by seed, two-sided at ``statement.confidence``. A claim on every cell
    is confirmed when each cell confirms it (an intersection-union test: Berger, Technometrics 24 (1982), needs no correction for
    the number of cells) and refuted when one cell refutes it.
    """
    return [_judge(statement, claim, rows) for claim in statement.claims]


def _judge(statement: Statement, claim: Claim, rows: Sequence[Row]) -> Verdict:
    cells, why_none = _cells_of(statement, claim, rows)
    if not cells:
        return Verdict(claim.statement, Outcome.UNDECIDED, why_none, claim.max_relative_difference, claim.metric)
    found = [_judge_cell(statement, claim, cell, rows) for cell in cells]
    return found[0] if len(found) == 1 else _weakest(found)


def _cells_of(statement: Statement, claim: Claim, rows: Sequence[Row]) -> tuple[list[str], str]:
    """The cells that a claim speaks of, or the reason why there is none."""
    others = sorted({row["cell"] for row in rows} - {statement.baseline_cell})
    if claim.cell == ALL_CELLS:
        return others, "no cell beside the baseline was tried"
    if claim.cell == WINNER:
        cells = sorted({row["cell"] for row in rows if row["finalist_rank"] == 1})
        why = "exploration has not named its finalists yet"
    else:
        wanted = claim.cell if isinstance(claim.cell, dict) else {}
        matching = [row for row in rows if wanted and _has(row, wanted)]
        if set(wanted) < set(statement.varied):
            # Values that leave keys open speak of the best that the exploration found with them.
            matching = [row for row in matching if row["finalist_rank"] is not None]
        cells = sorted({row["cell"] for row in matching})
        why = (
            f"no cell with the values {claim.cell} was confirmed"
            if any(_has(row, wanted) for row in rows)
            else f"no trial has the values {claim.cell}"
        )
    if cells == [statement.baseline_cell]:
        subject = "the winner of the exploration" if claim.cell == WINNER else "the cell of this claim"
        return [], f"{subject} is the baseline itself: there is nothing to compare"
    return [cell for cell in cells if cell != statement.baseline_cell], why


def _has(row: Row, wanted: Mapping[str, Any]) -> bool:
    present = {key: row[f"config.{key}"] for key in wanted if f"config.{key}" in row}
    return all(key in present and present[key] == value for key, value in wanted.items())


def _judge_cell(statement: Statement, claim: Claim, cell: str, rows: Sequence[Row]) -> Verdict:
    ours = replicates(rows, cell, claim.metric, statement.seeds)
    baseline = replicates(rows, statement.baseline_cell, claim.metric, statement.seeds)
    pairs = relative_differences(ours.values, baseline.values, higher_is_better=claim.higher_is_better)
    interval = mean_interval(list(pairs.values()), statement.confidence)
    verdict = Verdict(claim.statement, Outcome.UNDECIDED, "", claim.max_relative_difference, claim.metric, cell)
    verdict = replace(verdict, n_pairs=len(pairs), subject=_subject(statement, cell, rows))
    if interval is not None:
        verdict = replace(verdict, estimate=interval.estimate, low=interval.low, high=interval.high)
    obstacle = _obstacle(ours, baseline, pairs)
    if obstacle or interval is None:
        return replace(verdict, reason=obstacle or f"{len(pairs)} of at least 2 pairs of seeds")
    outcome, reason = _decide(interval, claim.max_relative_difference, statement.confidence)
    return replace(verdict, outcome=outcome, reason=reason)


def _subject(statement: Statement, cell: str, rows: Sequence[Row]) -> str:
    values = next(config_of(row, statement.varied) for row in rows if row["cell"] == cell)
    return ", ".join(f"{key} = {shown(value)}" for key, value in values.items()) or cell


def _obstacle(ours: Replicates, baseline: Replicates, pairs: Mapping[int, float]) -> str:
    """Why these replicates may not decide a claim; empty when they may."""
    parties = {"the cell": ours, "the baseline": baseline}
    pending = [f"{_seeds(seeds.pending)} of {name}" for name, seeds in parties.items() if seeds.pending]
    if pending:
        return f"the confirmation is not finished: no full run yet for {' and '.join(pending)}"
    dead = [f"seed {seed} of {name} ({why})" for name, seeds in parties.items() for seed, why in seeds.dead.items()]
    if dead:
        return f"not every seed brought a number: {', '.join(dead)}"
    zero = [seed for seed, value in baseline.values.items() if value == 0.0]
    if zero:
        return f"the baseline is 0 for {_seeds(zero)}: a relative difference does not exist"
    if len(pairs) < 2:
        return f"{len(pairs)} pair{'' if len(pairs) == 1 else 's'} of seeds: an interval needs at least 2"
    return ""


def _decide(interval: Interval, threshold: float, confidence: float) -> tuple[Outcome, str]:
    measured = (
        f"{interval.estimate:+.2%} against the baseline over {interval.n} pairs of seeds, "
        f"{confidence:.0%} interval [{interval.low:+.2%}, {interval.high:+.2%}]"
    )
    if interval.high < threshold:
        return Outcome.CONFIRMED, f"{measured}, which lies below the claimed {threshold:+.2%}"
    if interval.low >= threshold:
        return Outcome.REFUTED, f"{measured}, which does not lie below the claimed {threshold:+.2%} anywhere"
    needed = pairs_needed(interval.std, abs(interval.estimate - threshold), confidence)
    outlook = f"about {needed} seeds" if needed else "more than 1000 seeds"
    return Outcome.UNDECIDED, f"{measured}, which contains the claimed {threshold:+.2%}; at this mean and spread {outlook} would decide it"


def _weakest(found: Sequence[Verdict]) -> Verdict:
    """The verdict on several cells: one refutation refutes, all must confirm. It shows the cell that decided, by the worst estimate."""
    for outcome in (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.CONFIRMED):
        deciding = [verdict for verdict in found if verdict.outcome == outcome]
        if deciding:
            break
    worst = max(deciding, key=lambda verdict: verdict.high if verdict.high is not None else float("-inf"))
    return replace(worst, reason=f"{len(deciding)} of {len(found)} cells {outcome.lower()}; {worst.subject}: {worst.reason}")


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
