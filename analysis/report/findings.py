"""Key findings: computed sentences and tables on effects, efficiency and anomalies."""

from analysis.importance import Importance, importances
from analysis.report.anomalies import anomalies
from analysis.report.effects import FEWEST_TRIALS, KeyEffect, at_common_step, key_effects
from analysis.report.efficiency import catch_ups, cost_table
from analysis.report.evidence import Evidence
from analysis.report.markdown import MISSING, percent, table
from analysis.study import shown
from trainable.spec.status import Stage


def section(evidence: Evidence) -> list[str]:
    """Empty before the first trial was evaluated."""
    parts = [
        *_titled("Against the baseline", against_baseline(evidence)),
        *_titled("Effect of each key", _keys(evidence)),
        *_titled("Efficiency", cost_table(evidence)),
        *_titled("Anomalies", [f"- {sentence}" for sentence in anomalies(evidence)]),
    ]
    return ["## Key findings", "", *parts] if parts else []


def _titled(title: str, lines: list[str]) -> list[str]:
    return [f"### {title}", "", *lines, ""] if lines else []


def against_baseline(evidence: Evidence) -> list[str]:
    """One sentence per confirmed cell: how far from the baseline, with its interval, and how soon it came to the baseline's loss."""
    metric, confidence = evidence.sweep.statement.metric, evidence.sweep.statement.confidence
    reached = {one.cell: one for one in catch_ups(evidence)}
    lines = []
    for cell in evidence.cells:
        if cell.is_baseline or cell.paired is None:
            continue
        better = "better" if cell.paired.estimate < 0 else "worse"
        interval = f"[{percent(cell.paired.low)}, {percent(cell.paired.high)}] at {confidence:.0%}, {cell.paired.n} pairs of seeds"
        clear = "" if cell.paired.high < 0 or cell.paired.low > 0 else "; the interval contains 0: it may be no difference"
        soon = reached.get(cell.cell)
        early = f" It had the baseline's final loss after {soon.share:.0%} of its steps." if soon and soon.share is not None else ""
        amount = f"{abs(cell.paired.estimate):.2%} {better} than the baseline in {metric}"
        lines.append(f"- **{evidence.title(cell.cell)}** is {amount} ({interval}{clear}).{early}")
    return lines


def _keys(evidence: Evidence) -> list[str]:
    statement = evidence.sweep.statement
    explored = [row for row in evidence.study.rows if row["stage"] == Stage.EXPLORE]
    step, values = at_common_step(explored, evidence.sweep.state, statement.metric)
    higher, confidence = statement.higher_is_better, statement.confidence
    effects = key_effects(explored, values, statement.varied, higher_is_better=higher, confidence=confidence)
    if not effects or len(values) < FEWEST_TRIALS:
        return []
    intro = (
        f"{len(values)} explored trials at step {step}, which all of them reached (equal budgets; diverged and failed ones left out). "
        f"Trend: rank correlation of {statement.metric} with the value; a key whose best value lies inside its range has a weak one. "
        "Explained: the share of the variance of the trials' ranks that the key's values explain, each key by itself and beyond chance, "
        "with Kruskal and Wallis' p value."
    )
    header = ["key", "trials", "best value", f"trend [{confidence:.0%} interval]", "explained"]
    important = {one.key: one for one in importances(explored, values, statement.varied)}
    return [intro, "", *table(header, [_key_row(effect, important.get(effect.key)) for effect in effects])]


def _key_row(effect: KeyEffect, important: Importance | None) -> list[str]:
    trend = MISSING if effect.rho is None else f"{effect.rho:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"
    explained = MISSING
    if important is not None and important.share is not None:
        explained = f"{important.share:.0%} (p = {important.p_value:.2g})"
    return [f"`{effect.key}`", str(effect.n), shown(effect.best), trend, explained]
