"""Every figure of a sweep: adding one is a file and a line here."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures import loss_curves, metric_by_value
from analysis.figures.style import STYLE
from analysis.study import Study
from trainable.spec.atomic_write import write_bytes


@dataclass(frozen=True)
class FigureKind:
    """`draw` gives None when the sweep has nothing to show in this figure."""

    caption: str
    draw: Callable[[Study], Figure | None]


FIGURES: dict[str, FigureKind] = {
    "loss_curves": FigureKind(
        "Loss by step. Thin: explored trials. Thick: confirmed cells, mean over seeds, band of one sample standard deviation.",
        loss_curves.figure,
    ),
    "metric_by_value": FigureKind(
        "The sweep's metric against the varied value. Filled: confirmed, mean and sample standard deviation over seeds. "
        "Hollow: one explored trial; those stopped early have had fewer steps.",
        metric_by_value.figure,
    ),
}

# Without dates and program versions: the same data give the same bytes.
_METADATA = {"png": {"Software": None}, "pdf": {"Creator": None, "Producer": None, "CreationDate": None}}


def draw_figures(study: Study, folder: Path, names: Iterable[str] = tuple(FIGURES)) -> list[Path]:
    """Draws the named figures as PNG (300 dpi) and PDF into `folder`; returns the files, those without data left out."""
    written = []
    with mpl.rc_context(STYLE):
        for name in names:
            figure = FIGURES[name].draw(study)
            if figure is not None:
                written += [_save(figure, folder / f"{name}.{kind}") for kind in _METADATA]
    return written


def _save(figure: Figure, path: Path) -> Path:
    kind = path.suffix.removeprefix(".")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=_METADATA[kind])
    write_bytes(path, buffer.getvalue(), sync=False)
    return path
