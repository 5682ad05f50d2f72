"""``summary.md`` of one run after the protocol's template (section 11.1), from the values of ``summary.json``.

A run knows itself; what it cannot know, such as its baseline and what became of the hypothesis, the analysis adds as a `Standing`
when it writes the page anew. ``summary.json`` stays the run's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainable.spec.run_observations import Told, conclusion, next_steps, observations, told_number
from trainable.spec.status import Status

MISSING = "–"
_MARKS: dict[str, str] = {
    Status.COMPLETED: "✅",
    Status.RUNNING: "▶",
    Status.PAUSED: "▶",
    Status.STOPPED_EARLY: "■",
    Status.INTERRUPTED: "■",
}
# What the template asks for, and what else is measured beside training: label, key of the summary, divisor of the shown unit.
_ROWS: list[tuple[str, str, float]] = [
    ("Val loss", "eval/loss", 1),
    ("Val perplexity", "eval/perplexity", 1),
    ("Train loss", "train/loss", 1),
    ("Test loss", "test/loss", 1),
    ("Test perplexity", "test/perplexity", 1),
    ("Peak memory (GB)", "memory/peak_gb", 1),
    ("Predicted peak memory (GB)", "predicted_peak_memory_gb", 1),
    ("Optimizer state (MB)", "optimizer_state_bytes", 1e6),
    ("Tokens/sec", "time/tokens_per_sec", 1),
    ("Total time (hours)", "duration_seconds", 3600),
]
_SHOWN_ELSEWHERE = frozenset(
    {"step", "epoch", "train/perplexity", "memory/allocated_gb", "memory/reserved_gb", "eval/tokens_per_sec", "optimizer/lr"}
)


@dataclass(frozen=True)
class Standing:
    """What the rest of its sweep says of one run. `baseline` holds the baseline's values and `targets` what was claimed, by the names of
    ``trials.parquet``; `baseline_name` says whose values those are. The lists are sentences.
    """

    baseline_name: str = ""
    baseline: Mapping[str, float | None] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    observations: Sequence[str] = ()
    conclusion: Sequence[str] = ()
    next_steps: Sequence[str] = ()
    files: Sequence[str] = ()


def run_page(told: Told, standing: Standing | None = None) -> str:
    """The whole page. `told` are the values of ``summary.json``; one that is missing is shown as a dash or left out."""
    seen = standing or Standing()
    concluded, todo = seen.conclusion or conclusion(told), [*seen.next_steps, *next_steps(told)]
    lines = [
        *_head(told),
        "## Hypothesis",
        "",
        str(told.get("hypothesis") or "(none was written down)"),
        "",
        "---",
        "",
        *_configuration(told),
        *_results(told, seen),
        *_listed("Observations", [*observations(told), *seen.observations], "- ", "Nothing was measured."),
        *_error(told),
        *_listed("Conclusion", concluded, "", ""),
        *_listed("Next Steps", list(dict.fromkeys(todo)), "- [ ] ", "None follow from this run by itself."),
        *_files(told, seen),
    ]
    return "\n".join(lines)


def _head(told: Told) -> list[str]:
    status, reason = str(told.get("status")), told.get("stop_reason")
    seconds = told_number(told, "duration_seconds")
    paper = _config(told, "experiment", "paper")
    return [
        f"# Experiment: {told.get('experiment_id')}",
        "",
        f"**Date:** {str(told.get('started') or MISSING)[:10]}  ",
        f"**Status:** {_MARKS.get(status, '❌')} {status}{f' ({reason})' if reason else ''}  ",
        f"**Duration:** {MISSING if seconds is None else _duration(seconds)}  ",
        *([f"**Paper:** {paper}  "] if paper else []),
        f"**Trial:** {told.get('trial')}, stage {told.get('stage')}, seed {told.get('seed')}",
        "",
        "---",
        "",
    ]


def _duration(seconds: float) -> str:
    """The protocol's hours, and seconds where those say little."""
    return f"{seconds / 3600:.3f} hours" + (f" ({seconds:.1f} s)" if seconds < 360 else "")


def _configuration(told: Told) -> list[str]:
    parameters = told_number(told, "parameters")
    size = "" if parameters is None else f" ({parameters:,.0f} trainable parameters)"
    rate = told_number(told, "config", "optimizer", "lr")
    schedule, warmup = _config(told, "schedule", "name"), _config(told, "schedule", "warmup_steps")
    following = f", {schedule} after {warmup} steps of warm-up" if schedule else ""
    adapter = _config(told, "adapter", "name")
    rank = _config(told, "adapter", "rank")
    entries = [
        ("Model", f"{_config(told, 'model', 'name') or MISSING}{size}"),
        ("Dataset", _config(told, "data", "name")),
        ("Optimizer", _config(told, "optimizer", "name")),
        ("Learning rate", MISSING if rate is None else f"{rate:g}{following}"),
        ("Batch size", _config(told, "training", "batch_size")),
        ("Sequence length", _config(told, "model", "context_length")),
        *([("Adapter", f"{adapter}{f', rank {rank}' if rank else ''}")] if adapter not in (None, "none") else []),
        ("Device", " on ".join(str(told[name]) for name in ("device", "host") if told.get(name))),
        ("Commit", f"`{told['commit']}`" if told.get("commit") else MISSING),
    ]
    shown = [f"**{name}:** {MISSING if value is None else value}  " for name, value in entries]
    return ["## Configuration", "", *shown, "", "---", ""]


def _config(told: Told, group: str, key: str) -> Any:
    config = told.get("config")
    section = config.get(group) if isinstance(config, Mapping) else None
    return section.get(key) if isinstance(section, Mapping) else None


def _results(told: Told, seen: Standing) -> list[str]:
    metrics = told.get("metrics")
    named = {key for _, key, _ in _ROWS} | _SHOWN_ELSEWHERE
    further = [(name, name, 1.0) for name in metrics if name not in named] if isinstance(metrics, Mapping) else []
    rows = [_row(told, seen, *row) for row in [*_ROWS, *further]]
    whose = [f"Baseline: {seen.baseline_name}.", ""] if seen.baseline_name else []
    steps = f"{told.get('step', MISSING)} of {told.get('max_steps', MISSING)} steps, {told_number(told, 'tokens') or 0:,.0f} tokens."
    header = ["| Metric | Value | Baseline | Delta | Target |", "|--------|-------|----------|-------|--------|"]
    return ["## Results", "", *header, *(row for row in rows if row), "", steps, "", *whose, "---", ""]


def _row(told: Told, seen: Standing, label: str, key: str, divisor: float) -> str:
    """One line of the table; empty when neither the run nor its baseline has the number and nothing was claimed of it."""
    value = told_number(told, "metrics", key) if "/" in key else told_number(told, key)
    baseline, target = seen.baseline.get(key), seen.targets.get(key, MISSING)
    if value is None and baseline is None and target == MISSING:
        return ""
    delta = f"{value / baseline - 1:+.1%}" if value is not None and baseline else MISSING
    return f"| {label} | {_number(value, divisor)} | {_number(baseline, divisor)} | {delta} | {target} |"


def _number(value: float | None, divisor: float) -> str:
    if value is None:
        return MISSING
    shown = value / divisor
    if abs(shown) >= 1000:
        return f"{shown:,.0f}"
    return f"{shown:.4f}" if shown == 0 or abs(shown) >= 1e-3 else f"{shown:.3e}"


def _listed(title: str, sentences: Sequence[str], bullet: str, otherwise: str) -> list[str]:
    return [f"## {title}", "", *([f"{bullet}{text}" for text in sentences] or [otherwise]), "", "---", ""]


def _error(told: Told) -> list[str]:
    return ["## Error", "", "```text", str(told["error"]).replace("```", "'''"), "```", "", "---", ""] if told.get("error") else []


def _files(told: Told, seen: Standing) -> list[str]:
    tracked = _config(told, "tracking", "wandb")
    wandb = {"offline": "- **Wandb:** offline run under `wandb/`; `wandb sync wandb/offline-run-*` uploads it"}
    return [
        "## Files",
        "",
        "- **Config:** `config.yaml`",
        *([wandb.get(tracked, f"- **Wandb:** run `{told.get('experiment_id')}`")] if tracked and tracked != "off" else []),
        "- **Results:** `summary.json`, `logs/metrics.csv`, `logs/train.log`, `plots/`, `checkpoints/`",
        "- **Provenance:** `provenance.json` (commit, packages, hardware, command)",
        *seen.files,
        "",
    ]
