"""The sweep's claims with their verdicts: interval, p value, and p value among all claims."""

from typing import Any

from analysis.amendments import written
from analysis.report.markdown import MISSING, percent
from analysis.study import Study
from analysis.tables.significance_table import p_shown
from analysis.tables.table import Entry, Numbers, Table
from analysis.verdict import Verdict, verdicts
from trainable.spec.statement import DEPARTURE, EQUIVALENCE

_NUMBERS = ["n_pairs", "estimate", "low", "high", "confidence", "std", "threshold", "p_value", "adjusted_p_value"]


def claims_table(study: Study) -> Table | None:
    """None for a sweep without claims."""
    found = verdicts(study.statement, study.rows)
    if not found:
        return None
    return Table(
        caption=(
            f"Claims written down {written(study.statement, 'claims') or 'without a date'}. "
            "Δ: relative difference to the baseline, paired by seed (below 0 is better), or "
            "for a departure to its number, with the interval that decides; p: against the claimed bound, by itself and after Holm's "
            "correction over all claims."
        ),
        header=["claim", "kind", "verdict", "Δ", "bound", "pairs", "p", "p, Holm"],
        rows=[[Entry(text) for text in _texts(verdict)] for verdict in found],
        numbers=Numbers(
            ["claim", "kind", "metric", "cell", "configuration", "verdict", *_NUMBERS, "reason"], [_numbers(verdict) for verdict in found]
        ),
    )


def _texts(verdict: Verdict) -> list[str]:
    shown = _signed if verdict.kind == DEPARTURE else percent
    interval = MISSING if verdict.low is None else f"{shown(verdict.estimate)} [{shown(verdict.low)}, {shown(verdict.high)}]"
    bound = f"±{verdict.threshold:.2%}" if verdict.kind == EQUIVALENCE else f"< {percent(verdict.threshold)}"
    if verdict.kind == DEPARTURE:
        bound = f"beyond ±{verdict.threshold:g}"
    kind = verdict.kind.replace("_", "-")
    p_values = [p_shown(verdict.p_value), p_shown(verdict.adjusted_p_value)]
    return [verdict.claim, kind, str(verdict.outcome), interval, bound, str(verdict.n_pairs), *p_values]


def _signed(number: float | None) -> str:
    return MISSING if number is None else f"{number:+.3g}"


def _numbers(verdict: Verdict) -> list[Any]:
    about = [verdict.claim, verdict.kind, verdict.metric, verdict.cell, verdict.subject, str(verdict.outcome)]
    return [*about, *(getattr(verdict, name) for name in _NUMBERS), verdict.reason]
