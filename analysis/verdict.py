"""What became of a sweep's claims: CONFIRMED, REFUTED, or UNDECIDED with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.amendments import remark
from analysis.columns import Row
from analysis.compare import Replicates, replicates
from analysis.decision import Outcome as Outcome
from analysis.decision import decide, outlook
from analysis.grid_edge import edges
from analysis.significance.holm import holm, holm_factors
from analysis.significance.intervals import Interval, mean_interval, relative_differences
from analysis.study import shown
from analysis.trials import config_of
from trainable.spec.statement import ALL_CELLS, DEPARTURE, EQUIVALENCE, WINNER, Claim, Statement


@dataclass(frozen=True)
class Verdict:
    """`estimate`, `low` and `high` are relative differences to the baseline (below 0 is better), paired by seed, or for a departure
    those of the metric itself to the claim's number; `std` is their sample standard deviation and `confidence` that of the interval;
    `threshold` is the claimed bound, `kind` the claim's. `p_value` stands by itself, `adjusted_p_value` among all claims of the sweep.
    `cell` is the one that decided, `subject` its varied values as text; None where there was nothing to compute from.
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
    kind: str = ""
    std: float | None = None
    confidence: float | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None


def verdicts(statement: Statement, rows: Sequence[Row]) -> list[Verdict]:
    """One verdict for each claim of the sweep, in order.

    Args:
        statement: what the sweep stated before its first trial.
        rows: the rows of ``trials.parquet``. Only the confirmation's completed trials carry weight.

    First each claim by itself: an interval of Student's t on the differences paired by seed decides it (`analysis.decision`). A claim
    on every cell is confirmed when each cell confirms it (an intersection-union test: Berger, Technometrics 24 (1982), needs no
    correction for the number of cells) and refuted when one cell refutes it, the smallest p value times the number of cells
    (Bonferroni). Then all claims together: the family is every claim that was stated, those without a p value counted as 1, and
    CONFIRMED or REFUTED stands only where Holm's adjusted p value is at most alpha = 1 - ``statement.confidence``, so that the chance
    of even one wrong verdict in the sweep is alpha. What does not stand is UNDECIDED, and its reason says why. A reason ends with what
    was changed of its claim after the start.
    """
    found = [_judge(statement, claim, rows) for claim in statement.claims]
    found = _corrected(found, statement)
    notes = {edge.cell: edge.sentence for edge in edges(statement, rows)}
    remarks = ((notes.get(v.cell or ""), remark(statement, claim)) for v, claim in zip(found, statement.claims, strict=True))
    return [replace(v, reason="; ".join(filter(None, (v.reason, *more)))) for v, more in zip(found, remarks, strict=True)]


def _corrected(found: Sequence[Verdict], statement: Statement) -> list[Verdict]:
    p_values = [1.0 if verdict.p_value is None else verdict.p_value for verdict in found]
    alpha = 1 - statement.confidence
    return [
        _among_all(verdict, claim, adjusted, factor, alpha, len(found)) if verdict.p_value is not None else verdict
        for verdict, claim, adjusted, factor in zip(found, statement.claims, holm(p_values), holm_factors(p_values), strict=True)
    ]


def _among_all(verdict: Verdict, claim: Claim, adjusted: float, factor: int, alpha: float, claims: int) -> Verdict:
    """The verdict once its p value has been adjusted for the number of claims, with the seeds it would take where it is undecided."""
    verdict = replace(verdict, adjusted_p_value=adjusted)
    alone = f"p = {verdict.p_value:.2g}"
    corrected = alone if claims == 1 else f"{alone}, {adjusted:.2g} after Holm's correction over the {claims} claims of this sweep"
    if verdict.outcome != Outcome.UNDECIDED:
        # An interval that ends on the bound and its p value may differ by a rounding error.
        if adjusted <= alpha * (1 + 1e-9):
            return replace(verdict, reason=f"{verdict.reason}; {corrected}") if claims > 1 and verdict.p_value else verdict
        why = f"by itself that would be {verdict.outcome}, but {corrected}, above {alpha:.2g}"
        verdict = replace(verdict, outcome=Outcome.UNDECIDED, reason=f"{verdict.reason}; {why}")
    differences = _interval_of(verdict)
    return replace(verdict, reason=f"{verdict.reason}; {outlook(differences, claim, alpha / factor)}") if differences else verdict


def _interval_of(verdict: Verdict) -> Interval | None:
    if verdict.estimate is None or verdict.low is None or verdict.high is None or verdict.std is None:
        return None
    return Interval(verdict.estimate, verdict.low, verdict.high, verdict.std, verdict.n_pairs)


def _judge(statement: Statement, claim: Claim, rows: Sequence[Row]) -> Verdict:
    cells, why_none = _cells_of(statement, claim, rows)
    if not cells:
        return replace(_open(claim), reason=why_none)
    found = [_judge_cell(statement, claim, cell, rows) for cell in cells]
    return found[0] if len(found) == 1 else _weakest(found)


def _open(claim: Claim) -> Verdict:
    threshold = claim.min_distance if claim.stated_kind == DEPARTURE else claim.max_relative_difference
    return Verdict(claim.statement, Outcome.UNDECIDED, "", threshold, claim.metric, kind=claim.stated_kind)


def _cells_of(statement: Statement, claim: Claim, rows: Sequence[Row]) -> tuple[list[str], str]:
    """The cells that a claim speaks of, or the reason why there is none."""
    reference = _reference(statement, claim, rows)
    others = sorted({row["cell"] for row in rows} - {reference})
    if claim.cell == ALL_CELLS:
        return others, "no cell beside the baseline was tried"
    if claim.cell == WINNER:
        cells = sorted({row["cell"] for row in rows if row["finalist_rank"] == 1})
        why = "exploration has not named its finalists yet" if statement.explores else "without an exploration there is no winner"
    else:
        wanted = claim.cell if isinstance(claim.cell, dict) else {}
        matching = [row for row in rows if wanted and _has(row, wanted)]
        if set(wanted) < set(statement.varied) and statement.explores:
            # Values that leave keys open speak of the best that the exploration found with them.
            matching = [row for row in matching if row["finalist_rank"] is not None]
        cells = sorted({row["cell"] for row in matching})
        why = (
            f"no cell with the values {claim.cell} was confirmed"
            if any(_has(row, wanted) for row in rows)
            else f"no trial has the values {claim.cell}"
        )
    if cells == [reference]:
        subject = "the winner of the exploration" if claim.cell == WINNER else "the cell of this claim"
        return [], f"{subject} is the baseline itself: there is nothing to compare"
    return [cell for cell in cells if cell != reference], why


def _reference(statement: Statement, claim: Claim, rows: Sequence[Row]) -> str | None:
    """The cell that a claim compares with; None where it is a number. A cell that nobody tried has an empty name, and no replicates."""
    if claim.stated_kind == DEPARTURE:
        return None
    if claim.against is None:
        return statement.baseline_cell
    return next((row["cell"] for row in rows if _has(row, claim.against)), "")


def _has(row: Row, wanted: Mapping[str, Any]) -> bool:
    present = {key: row[f"config.{key}"] for key in wanted if f"config.{key}" in row}
    return all(key in present and present[key] == value for key, value in wanted.items())


def _judge_cell(statement: Statement, claim: Claim, cell: str, rows: Sequence[Row]) -> Verdict:
    ours, reference = replicates(rows, cell, claim.metric, statement.seeds), _reference(statement, claim, rows)
    baseline = None if reference is None else replicates(rows, reference, claim.metric, statement.seeds)
    if baseline is None:
        pairs = {seed: value - (claim.away_from or 0.0) for seed, value in ours.values.items()}
    else:
        pairs = relative_differences(ours.values, baseline.values, higher_is_better=claim.higher_is_better)
    interval = mean_interval(list(pairs.values()), statement.confidence)
    verdict = replace(_open(claim), cell=cell, n_pairs=len(pairs), subject=_subject(statement, cell, rows))
    obstacle = _obstacle(ours, baseline, pairs)
    if interval is None:
        return replace(verdict, reason=obstacle or f"{len(pairs)} of at least 2 pairs of seeds")
    decision = decide(interval, claim, statement.confidence)
    found = decision.interval
    verdict = replace(verdict, estimate=found.estimate, low=found.low, high=found.high, std=found.std, confidence=decision.confidence)
    if obstacle:
        return replace(verdict, reason=obstacle)
    return replace(verdict, outcome=decision.outcome, reason=decision.reason, p_value=decision.p_value)


def _subject(statement: Statement, cell: str, rows: Sequence[Row]) -> str:
    values = next(config_of(row, statement.varied) for row in rows if row["cell"] == cell)
    return ", ".join(f"{key} = {shown(value)}" for key, value in values.items()) or cell


def _obstacle(ours: Replicates, baseline: Replicates | None, pairs: Mapping[int, float]) -> str:
    """Why these replicates may not decide a claim; empty when they may."""
    parties = {"the cell": ours} | ({} if baseline is None else {"the baseline": baseline})
    pending = [f"{_seeds(seeds.pending)} of {name}" for name, seeds in parties.items() if seeds.pending]
    if pending:
        return f"the confirmation is not finished: no full run yet for {' and '.join(pending)}"
    dead = [f"seed {seed} of {name} ({why})" for name, seeds in parties.items() for seed, why in seeds.dead.items()]
    if dead:
        return f"not every seed brought a number: {', '.join(dead)}"
    zero = [seed for seed, value in baseline.values.items() if value == 0.0] if baseline is not None else []
    if zero:
        return f"the baseline is 0 for {_seeds(zero)}: a relative difference does not exist"
    if len(pairs) < 2:
        return f"{len(pairs)} pair{'' if len(pairs) == 1 else 's'} of seeds: an interval needs at least 2"
    return ""


def _weakest(found: Sequence[Verdict]) -> Verdict:
    """The verdict on several cells: one refutation refutes, all must confirm. It shows the cell that decided, by the worst estimate."""
    for outcome in (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.CONFIRMED):
        deciding = [verdict for verdict in found if verdict.outcome == outcome]
        if deciding:
            break
    worst = max(deciding, key=_badness)
    p_values = [verdict.p_value for verdict in deciding if verdict.p_value is not None]
    p_value: float | None = max(p_values, default=None)
    if outcome == Outcome.REFUTED:
        p_value = min(1.0, len(found) * min(p_values))
    elif len(p_values) < len(deciding):
        p_value = None
    return replace(
        worst, p_value=p_value, reason=f"{len(deciding)} of {len(found)} cells {outcome.lower()}; {worst.subject}: {worst.reason}"
    )


def _badness(verdict: Verdict) -> float:
    if verdict.high is None or verdict.low is None:
        return float("-inf")
    return max(verdict.high, -verdict.low) if verdict.kind == EQUIVALENCE else verdict.high


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
