"""A sweep's entry in the experiment log after the template of CS336, and its row in the table over all sweeps."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np

from analysis.columns import Row
from analysis.figures.curves import Curve
from analysis.report.anomalies import anomalies
from analysis.report.evidence import Evidence
from analysis.report.findings import against_baseline
from analysis.report.markdown import MISSING, number, table
from analysis.report.next_steps import next_steps
from analysis.report.overview import completion, config_value, dates, tried_values
from analysis.report.results import verdict_lines
from trainable.spec.status import Status

_CONFIGURATION = [
    ("Model", "model.name"),
    ("Vocab size", "model.vocab_size"),
    ("Context length", "model.context_length"),
    ("d_model", "model.d_model"),
    ("num_heads", "model.num_heads"),
    ("num_layers", "model.num_layers"),
    ("d_ff", "model.d_ff"),
    ("Dataset", "data.name"),
    ("Batch size", "training.batch_size"),
    ("Learning rate", "optimizer.lr"),
    ("Schedule", "schedule.name"),
    ("Warmup steps", "schedule.warmup_steps"),
    ("Optimizer", "optimizer.name"),
    ("Betas", "optimizer.betas"),
    ("Weight decay", "optimizer.weight_decay"),
    ("Gradient clipping", "training.grad_clip"),
    ("Max iterations", "training.max_steps"),
]
_MILESTONES = 6


def entry(evidence: Evidence, position: int) -> list[str]:
    """The whole entry; `position` is its number in the log."""
    sweep = evidence.sweep
    seconds = round(sweep.state.seconds)
    return [
        f"### Experiment {position}: {sweep.directory.path.name}",
        "",
        f"**Date**: {dates(evidence.study.rows) or MISSING}  ",
        f"**Duration**: {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}  ",
        f"**Status**: {completion(evidence)}  ",
        f"**Hypothesis**: {sweep.statement.hypothesis or '(none was written down)'}",
        "",
        "#### Configuration",
        *_configuration(evidence),
        "",
        "#### Results",
        *_results(evidence),
        "",
        *_milestones(evidence),
        *_listed("Observations", [*against_baseline(evidence), *(f"- {sentence}" for sentence in anomalies(evidence))]),
        *_listed("Lessons Learned", [line for line in verdict_lines(evidence.verdicts, evidence.study) if line]),
        *_listed("Next Steps", [f"- {step}" for step in next_steps(evidence)]),
    ]


def row(evidence: Evidence, position: int) -> list[str]:
    """The entry in the table over all sweeps, without the column Notes."""
    rows = best_rows(evidence)
    label = evidence.study.cells[rows[0]["cell"]].label if rows else MISSING
    outcomes = [str(verdict.outcome) for verdict in evidence.verdicts]
    name = f"`{evidence.sweep.directory.path.name}`"
    return [str(position), name, label, _mean(rows, "train/loss"), _mean(rows, "eval/loss"), ", ".join(outcomes) or completion(evidence)]


def best_rows(evidence: Evidence) -> list[Row]:
    """The completed confirmations of the winner, or of the baseline where it won; before them the best complete run."""
    best = evidence.winner or evidence.baseline
    rows = evidence.completed(best.cell) if best else []
    if rows:
        return rows
    metric, sign = evidence.sweep.statement.metric, evidence.sign
    full = [one for one in evidence.study.rows if one["status"] == Status.COMPLETED and one.get(metric) is not None]
    return sorted(full, key=lambda one: sign * one[metric])[:1]


def _configuration(evidence: Evidence) -> list[str]:
    statement = evidence.sweep.statement
    varied = [f"- {key}: varied: {tried_values(evidence.study.rows, key)}" for key in statement.varied]
    told = [(name, config_value(statement, key)) for name, key in _CONFIGURATION if key not in statement.varied]
    return [*(f"- {name}: {value}" for name, value in told if value is not None), *varied]


def _results(evidence: Evidence) -> list[str]:
    rows = best_rows(evidence)
    if not rows:
        return ["- No full run yet."]
    lowest = [float(curve.values.min()) for one in rows if (curve := evidence.training.get(one["trial"])) is not None]
    return [
        f"- Of: {evidence.title(rows[0]['cell'])}, mean over {len(rows)} seed{'' if len(rows) == 1 else 's'}",
        f"- Best training loss: {number(fmean(lowest)) if lowest else MISSING}",
        f"- Best validation loss: {_mean(rows, 'best_eval_loss')}",
        f"- Final training loss: {_mean(rows, 'train/loss')}",
        f"- Final validation loss: {_mean(rows, 'eval/loss')}",
        f"- Tokens/sec: {_mean(rows, 'time/tokens_per_sec')}",
    ]


def _mean(rows: Sequence[Row], name: str) -> str:
    values = [one[name] for one in rows if one.get(name) is not None]
    return number(fmean(values)) if values else MISSING


def _milestones(evidence: Evidence) -> list[str]:
    """Key metrics over training of the best configuration's first seed, at a handful of evaluations."""
    rows = best_rows(evidence)
    curve = evidence.evaluations.get(rows[0]["trial"]) if rows else None
    if curve is None or not len(curve.steps):
        return []
    places = np.unique(np.linspace(0, len(curve.steps) - 1, _MILESTONES).round().astype(int))
    others = [evidence.training, evidence.rates, evidence.speeds]
    body = []
    for step in curve.steps[places]:
        train, rate, speed = (_at(curves.get(curve.trial), step) for curves in others)
        body.append([f"{step:.0f}", number(train), number(_at(curve, step)), number(rate), number(speed)])
    return [
        f"#### Key Metrics Over Training (seed {rows[0]['seed']})",
        "",
        *table(["Iteration", "Train Loss", "Val Loss", "LR", "Tokens/sec"], body),
        "",
    ]


def _at(curve: Curve | None, step: Any) -> float | None:
    """The value at exactly this step."""
    if curve is None:
        return None
    hit = np.flatnonzero(curve.steps == step)
    return float(curve.values[hit[0]]) if len(hit) else None


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return [f"#### {title}", *lines, ""] if lines else []
