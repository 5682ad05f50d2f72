"""Norms of gradient and update by step, on logarithmic axes: instability shows here before it shows in the loss."""

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.curve_panels import Limits, draw
from analysis.figures.curves import Panel, panels
from analysis.study import Study

METRICS = ("optimizer/grad_norm", "optimizer/update_norm")
_DECADES = 3.0


def limits(panel: Panel) -> Limits:
    """From the smallest to the largest norm, but at most three decades above and below the median."""
    values = np.concatenate([*(curve.values for curve in panel.curves), *(band.mean for band in panel.bands)])
    reach, middle = 10.0**_DECADES, float(np.median(values))
    return 0.8 * max(float(values.min()), middle / reach), 1.25 * min(float(values.max()), middle * reach)


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no norm was measured."""
    shown = panels(study, METRICS, above_zero=True)
    return draw(shown, list(study.cells.values()), [limits(panel) for panel in shown], log=True) if shown else None
