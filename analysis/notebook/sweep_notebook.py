"""The protocol's analysis notebook (section 11.2) of one sweep, filled in: it computes everything again from the two tables."""

from string import Template

from analysis.notebook.percent import Cell, as_percent, markdown
from analysis.report.evidence import Evidence
from analysis.report.findings import against_baseline
from analysis.report.next_steps import next_steps
from analysis.report.overview import baseline, dates
from analysis.report.results import verdict_lines

_SETUP = """
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

plt.rcParams.update({"figure.figsize": (10, 6), "axes.grid": True, "grid.alpha": 0.3})
"""
_LOAD = """
sweep_dir = Path(globals().get("__file__", "analysis.py")).resolve().parent
plots = sweep_dir / "plots"
plots.mkdir(exist_ok=True)

trials = pd.read_parquet(sweep_dir / "trials.parquet")
curves = pd.read_parquet(sweep_dir / "metrics.parquet")
METRIC, VARIED, BASELINE, CONFIDENCE = $metric, $varied, $baseline, $confidence

# Claims rest on these alone: full runs on fresh seeds.
confirmed = trials[(trials["stage"] == "confirm") & (trials["status"] == "completed")]
trials[["cell", "seed", "stage", "status", *VARIED, "step", METRIC]].sort_values(METRIC).head(20)
"""
_NAMES = """
def label(row):
    texts = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
    return ", ".join(f"{key.split('.')[-1]} = {text}" for key, text in zip(VARIED, texts, strict=True))


labels = trials.groupby("cell")[VARIED].first().astype(object).apply(label, axis=1).astype(object)
if BASELINE in labels:
    labels[BASELINE] += " (baseline)"
"""
_CONVERGENCE = """
shown = curves[curves["trial"].isin(confirmed["trial"] if len(confirmed) else trials["trial"])]
fig, axes = plt.subplots(1, 2, sharey=True)
for axis, name in zip(axes, ["train/loss", "eval/loss"], strict=True):
    for cell, part in shown.dropna(subset=[name]).groupby("cell"):
        seeds = part.groupby("step")[name]
        mean, std = seeds.mean(), seeds.std().fillna(0.0)
        axis.plot(mean.index, mean, label=labels[cell])
        axis.fill_between(mean.index, mean - std, mean + std, alpha=0.2)
    axis.set_xlabel("Step")
    axis.set_title(name)
axes[0].set_ylabel("Loss (nats/token)")
if len(shown):
    axes[1].legend()
fig.savefig(plots / "convergence.png", dpi=300, bbox_inches="tight")
"""
_MEMORY = """
memory = trials.groupby("cell")[["predicted_peak_memory_gb", "memory/peak_gb", "optimizer_state_bytes"]].max()
memory["measured / predicted"] = memory["memory/peak_gb"] / memory["predicted_peak_memory_gb"]
memory.index = [labels[cell] for cell in memory.index]

fig, axis = plt.subplots(figsize=(10, 1 + 0.3 * len(memory)))
axis.barh(memory.index, memory["memory/peak_gb"].fillna(0.0), label="measured")
axis.plot(memory["predicted_peak_memory_gb"], memory.index, "k|", markersize=14, label="predicted")
axis.set_xlabel("Peak memory (GB)")
if len(memory):
    axis.legend()
fig.savefig(plots / "memory.png", dpi=300, bbox_inches="tight")
print(memory.to_string())
"""
_COMPARISON = """
table = confirmed.groupby("cell")[METRIC].agg(["count", "mean", "std", "median"])
by_seed = confirmed.pivot_table(index="seed", columns="cell", values=METRIC)
for cell in table.index:
    if cell == BASELINE or BASELINE not in by_seed:
        continue
    pairs = ((by_seed[cell] - by_seed[BASELINE]) / by_seed[BASELINE].abs()).dropna()
    table.loc[cell, "relative difference"] = pairs.mean()
    if len(pairs) > 1:
        half = stats.t.ppf((1 + CONFIDENCE) / 2, len(pairs) - 1) * pairs.std() / np.sqrt(len(pairs))
        table.loc[cell, ["low", "high"]] = pairs.mean() - half, pairs.mean() + half
        table.loc[cell, "paired t, p"] = stats.ttest_1samp(pairs, 0.0).pvalue if pairs.std() > 0 else np.nan
table.index = [labels[cell] for cell in table.index]
print(table.to_string())
"""


def sweep_notebook(evidence: Evidence) -> str:
    """The text of ``analysis.py``; it runs from top to bottom in the folder of the sweep, in Jupyter and as plain Python."""
    statement = evidence.sweep.statement
    values = {
        "metric": repr(statement.metric),
        "varied": repr([f"config.{key}" for key in statement.varied]),
        "baseline": repr(statement.baseline_cell),
        "confidence": repr(statement.confidence),
    }
    cells = [
        markdown(
            f"# Analysis: {statement.name}",
            "",
            f"**Date:** {dates(evidence.study.rows) or 'not started'}  ",
            f"**Experiment ID:** {evidence.sweep.directory.path.name}  ",
            f"**Objective:** {_one_line(statement.hypothesis) or '(none was written down)'}",
        ),
        markdown("## Setup"),
        Cell(_SETUP),
        markdown("## Load Data", "", "One row for each trial, and one for each trial and logged step; units are in the Parquet fields."),
        Cell(Template(_LOAD).substitute(values)),
        Cell(_NAMES),
        markdown(
            "## Analysis 1: Convergence", "", "Mean and one sample standard deviation over the seeds of each confirmed configuration."
        ),
        Cell(_CONVERGENCE),
        markdown("## Analysis 2: Memory Profile"),
        Cell(_MEMORY),
        markdown(
            "## Comparison with Baseline",
            "",
            f"Baseline: {baseline(statement)}. Relative differences seed by seed, with Student's interval; below 0 is less than it.",
        ),
        Cell(_COMPARISON),
        markdown("## Conclusions", "", *_conclusions(evidence)),
        markdown("## Next Steps", "", *(f"- [ ] {_one_line(step)}" for step in next_steps(evidence))),
    ]
    return as_percent(cells)


def _conclusions(evidence: Evidence) -> list[str]:
    lines = [*verdict_lines(evidence.verdicts, evidence.study), *against_baseline(evidence)]
    return [_one_line(line) for line in lines]


def _one_line(text: str) -> str:
    return " ".join(text.split())
