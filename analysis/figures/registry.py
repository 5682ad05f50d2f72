"""Every figure of a sweep: adding one is a file and a line here."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures import (
    asha_rungs,
    contour,
    gradient_norms,
    loss_curves,
    loss_landscape,
    memory_profile,
    metric_by_value,
    optimizer_comparison,
    parallel_coordinates,
    pareto_front,
    throughput,
)
from analysis.figures.cell_values import costs_differ
from analysis.figures.style import STYLE
from analysis.figures.subspace import allocation_grid, compression_comparison, gating_heatmap, gating_trend, pareto_frontier
from analysis.figures.subspace.points import by_budget
from analysis.study import Study
from trainable.spec.atomic_write import write_bytes


def _always(_study: Study) -> bool:
    return True


def _as_a_whole(study: Study) -> dict[str, Study]:
    return {"": study}


@dataclass(frozen=True)
class FigureKind:
    """`draw` gives None when the sweep has nothing to show in this figure.

    `by_default` tells whether it means something for a sweep, so that it is drawn unasked. `parts` divides a sweep into those that get
    a figure each, by the ending of its file name. `draw_of` draws it of `two` named things ("metrics" or "keys") instead of those that
    it would choose.
    """

    caption: str
    draw: Callable[[Study], Figure | None]
    by_default: Callable[[Study], bool] = _always
    parts: Callable[[Study], Mapping[str, Study]] = _as_a_whole
    two: str = ""
    draw_of: Callable[[Study, Sequence[str]], Figure | None] | None = None


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
    "gradient_norms": FigureKind(
        "Norm of the gradient before clipping and of the update by step, logarithmic. Thin: explored trials. Thick: confirmed cells.",
        gradient_norms.figure,
    ),
    "asha_rungs": FigureKind(
        "Left: how far every explored trial went. Right: the metric at each step where trials were stopped, of those that were and of "
        "those that went on.",
        asha_rungs.figure,
    ),
    "parallel_coordinates": FigureKind(
        "Every cell as a line through the swept keys, coloured by its metric over full runs. Thick: the best. Grey: without a full run.",
        parallel_coordinates.figure,
        by_default=parallel_coordinates.is_telling,
    ),
    "contour": FigureKind(
        "The metric over pairs of the keys that it goes with most. Points: cells with a full run. Crosses: cells without.",
        contour.figure,
        by_default=contour.is_telling,
        two="keys",
        draw_of=contour.of_keys,
    ),
    "memory_profile": FigureKind(
        "Peak memory of each cell as it was measured, mean and sample standard deviation over its trials, and as it was predicted.",
        memory_profile.figure,
        by_default=costs_differ,
    ),
    "throughput": FigureKind(
        "Training throughput of each cell: the median over each run's steps, mean and sample standard deviation over its trials.",
        throughput.figure,
        by_default=costs_differ,
    ),
    "pareto_front": FigureKind(
        "The sweep's metric against its cost. The line joins cells that no other beats in one without losing in the other.",
        pareto_front.figure,
        by_default=costs_differ,
        two="metrics",
        draw_of=pareto_front.of_metrics,
    ),
    "optimizer_comparison": FigureKind(
        "Every optimizer at its best setting: the metric, mean and sample standard deviation over seeds, against its bytes of state.",
        optimizer_comparison.figure,
    ),
    "loss_landscape": FigureKind(
        "Validation loss around checkpoints, along one and over two random directions of the weights' own scale.",
        loss_landscape.figure,
    ),
    "pareto_frontier": FigureKind(
        "Empirical risk against KL divergence at one budget, mean and sample standard deviation over seeds. Hollow: vacuous bound.",
        pareto_frontier.figure,
        parts=by_budget,
    ),
    "compression_comparison": FigureKind(
        "Risk and PAC-Bayes bound at one budget against complexity and compressed size. Solid: bound. Dashed: risk. Hollow: vacuous bound.",
        compression_comparison.figure,
        parts=by_budget,
    ),
    "allocation_comparison_grid": FigureKind(
        "Risk, bound, compressed size and improvement over the uniform allocation, mean and sample standard deviation over seeds.",
        allocation_grid.figure,
    ),
    "learned_gating_heatmap": FigureKind(
        "The learned share of B in each layer's subspace, by seed, at one budget.", gating_heatmap.figure, parts=by_budget
    ),
    "learned_gating_trend": FigureKind(
        "The learned share of B by depth, mean and sample standard deviation over seeds; dashed: the equal split.", gating_trend.figure
    ),
}

# Without dates and program versions: the same data give the same bytes.
_METADATA = {"png": {"Software": None}, "pdf": {"Creator": None, "Producer": None, "CreationDate": None}}


def draw_figures(study: Study, folder: Path, names: Iterable[str] | None = None, of: Sequence[str] = ()) -> list[Path]:
    """Draws figures as PNG (300 dpi) and PDF into `folder`; returns the files, those without data left out.

    `names` default to those that mean something for this sweep. With `of`, two metrics or two keys, the named figures show those.
    """
    written: list[Path] = []
    with mpl.rc_context(STYLE):
        for name in names if names is not None else default_figures(study):
            kind = FIGURES[name]
            ending = "".join(f"__{_plain(thing)}" for thing in of)
            for part, inner in kind.parts(study).items():
                figure = kind.draw_of(inner, of) if of and kind.draw_of is not None else kind.draw(inner)
                if figure is not None:
                    written += _save(figure, folder / f"{name}{part}{ending}")
    return written


def default_figures(study: Study) -> list[str]:
    """The figures that a sweep draws unasked."""
    return [name for name, kind in FIGURES.items() if kind.by_default(study)]


def caption_of(stem: str) -> str:
    """What the figure in a file called `stem` shows. Raises KeyError for a file that no figure is named like."""
    owners = [name for name in FIGURES if stem == name or stem.startswith((f"{name}_", f"{name}__"))]
    return FIGURES[max(owners, key=len, default=stem)].caption


def _plain(name: str) -> str:
    """A metric or a key as a part of a file name."""
    return "".join(sign if sign.isalnum() else "_" for sign in name)


def _save(figure: Figure, path: Path) -> list[Path]:
    """The layout is found for the first file, and kept: with matplotlib's engine "none" the next would be drawn twice, once blank."""
    files = []
    for kind, metadata in _METADATA.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=metadata)
        with mpl.rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
        files.append(path.with_name(f"{path.name}.{kind}"))
        write_bytes(files[-1], buffer.getvalue(), sync=False)
    return files
