"""Learning curves as the page carries them: a bounded number of points, however many trials a sweep has."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.curves import Curve, Panel, curves_of
from analysis.figures.loss_curves import limits
from analysis.figures.style import metric_label
from analysis.page.thinning import thinned
from analysis.study import Study

METRICS = ("eval/loss", "train/loss", "optimizer/grad_norm", "time/tokens_per_sec", "memory/allocated_gb")
# A point takes about ten bytes of the page.
MOST_POINTS, MOST_OF_A_CURVE, FEWEST_OF_A_CURVE = 40_000, 400, 16


def curve_data(study: Study, trials: Mapping[str, int]) -> list[dict[str, Any]]:
    """The curves of each metric for `trials` (name to place on the page): the sweep's own metric first, as many as fit."""
    wanted = list(dict.fromkeys([study.statement.metric, *METRICS]))
    share = MOST_POINTS // (len(wanted) * max(1, len(trials)))
    most = min(MOST_OF_A_CURVE, max(FEWEST_OF_A_CURVE, share))
    told: list[dict[str, Any]] = []
    room = MOST_POINTS
    for metric in wanted:
        if told and room < most * len(trials):
            break
        curves = [curve for curve in curves_of(study, metric) if curve.trial in trials]
        if curves:
            told.append(_metric(metric, curves, trials, most))
            room -= sum(min(most, len(curve.steps)) for curve in curves)
    return told


def _metric(metric: str, curves: Sequence[Curve], trials: Mapping[str, int], most: int) -> dict[str, Any]:
    """`range` is what the axis shows at first; null: everything."""
    is_loss = metric.endswith("loss")
    shown = [significant(end, 5) for end in limits([Panel(metric, list(curves), [])])] if is_loss else None
    return {"metric": metric, "label": metric_label(metric), "range": shown, "curves": [_curve(c, trials[c.trial], most) for c in curves]}


def _curve(curve: Curve, trial: int, most: int) -> list[Any]:
    """The trial, its steps as differences to the one before (they are shorter), and the values."""
    steps, values = thinned(curve, most)
    return [trial, np.diff(steps.astype(int), prepend=0).tolist(), [significant(value, 5) for value in values.tolist()]]


def significant(value: float, digits: int) -> float:
    """`value` to so many digits: more cannot be seen, and every one of them has to travel."""
    return float(f"{value:.{digits}g}")
