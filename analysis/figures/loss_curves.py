"""Training and validation loss by step: explored trials thin, confirmed cells as mean and one standard deviation over seeds."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.curve_panels import Limits, draw
from analysis.figures.curves import Panel, panels
from analysis.study import Study

METRICS = ("train/loss", "eval/loss")


def limits(shown: Sequence[Panel]) -> Limits:
    """The common range of the panels: from the lowest value to where training starts.

    A trial that starts far above the others, or climbs, leaves the axes at the top instead of flattening the others.
    """
    firsts = [[c.values[0] for c in panel.curves] + [band.mean[0] for band in panel.bands] for panel in shown]
    usual = max(float(np.median(values)) for values in firsts)
    highs = [first for values in firsts for first in values if first <= 1.25 * usual]
    bands = [band for panel in shown for band in panel.bands]
    low = min([c.values.min() for panel in shown for c in panel.curves] + [(band.mean - band.std).min() for band in bands])
    high = max(highs + [(band.mean + band.std).max() for band in bands])
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def figure(study: Study) -> Figure | None:
    """The drawn figure; None when no trial has a loss."""
    shown = panels(study, METRICS)
    return draw(shown, list(study.cells.values()), [limits(shown)] * len(shown)) if shown else None
