"""Trials that nobody trained, with curves like those of real ones, and the form in which our trials lie on disk."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainable.spec.atomic_write import write_json
from trainable.spec.identity import content_hash
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import RunSummary, write_summary
from trainable.spec.statement import Claim, Statement
from trainable.spec.status import Stage, Status
from trainable.spec.sweep_dir import SweepDir

LR, DECAY = "optimizer.lr", "optimizer.weight_decay"
EVALUATE_EVERY = 20  # rows
LOG_EVERY = 10  # steps
_START, _END = "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"


@dataclass(frozen=True)
class FakeTrial:
    """`rows` are what the trial logged, by column; a value that was not measured is None."""

    name: str
    cell: str
    values: dict[str, float]
    rows: list[dict[str, float | int | None]]


def fake_trials(count: int, rows: int) -> Iterator[FakeTrial]:
    """`count` trials of `rows` rows, the same ones each time. Losses and norms have the precision of float32, as torch gives them."""
    for number in range(count):
        drawn = np.random.default_rng(number)
        values = {LR: float(10 ** drawn.uniform(-5, 0)), DECAY: float(10 ** drawn.uniform(-4, -0.5))}
        cell = content_hash(values)
        yield FakeTrial(f"{cell}-s0", cell, values, _rows(drawn, rows, values[LR]))


def _rows(drawn: np.random.Generator, count: int, lr: float) -> list[dict[str, float | int | None]]:
    steps = LOG_EVERY * np.arange(1, count + 1)
    share = steps / steps[-1]
    loss = (3 + 4 * np.exp(-4 * share) + 0.05 * drawn.standard_normal(count)).astype(np.float32).astype(float)
    evaluated = (3 + 4 * np.exp(-4 * share) + 0.01 * drawn.standard_normal(count)).astype(np.float32).astype(float)
    norms = np.exp(0.2 * drawn.standard_normal((2, count))).astype(np.float32).astype(float)
    step_ms = 80 + 5 * drawn.standard_exponential(count)
    resident = 4096 * (150_000 + np.cumsum(drawn.integers(0, 20, count))) / 1e9
    rows = []
    for i in range(count):
        due = (i + 1) % EVALUATE_EVERY == 0
        rows.append(
            {
                "step": int(steps[i]),
                "epoch": int(steps[i] // 1000),
                "train/loss": loss[i],
                "train/perplexity": math.exp(loss[i]),
                "eval/loss": evaluated[i] if due else None,
                "eval/perplexity": math.exp(evaluated[i]) if due else None,
                "eval/tokens_per_sec": 3e6 / step_ms[i] if due else None,
                "memory/allocated_gb": resident[i],
                "memory/reserved_gb": resident[i],
                "memory/peak_gb": resident[i],
                "time/tokens_per_sec": 1e6 / step_ms[i],
                "time/step_time_ms": step_ms[i],
                "optimizer/lr": lr * (0.1 + 0.45 * (1 + math.cos(math.pi * share[i]))),
                "optimizer/grad_norm": norms[0, i],
                "optimizer/update_norm": float(np.float32(norms[1, i] * lr)),
            }
        )
    return [{name: float(value) if isinstance(value, np.floating) else value for name, value in row.items()} for row in rows]


def write_ours(root: Path, trials: Iterator[FakeTrial], max_steps: int) -> SweepDir:
    """A sweep directory with its run directories under `root`, in the form that the runner leaves behind."""
    sweep = SweepDir(root / "sweeps" / "fake-00000000")
    claims = [Claim("the winner beats the baseline", 0.0)]
    baseline = {LR: 1e-3, DECAY: 0.1}
    statement = Statement("fake", "none", "eval/loss", [LR, DECAY], baseline, content_hash(baseline), claims, [1, 2, 3], 0, max_steps)
    write_json(sweep.statement, statement.as_json(), sync=False)
    with open(sweep.ledger, "w") as ledger:
        for trial in trials:
            run = RunDir(root / "runs" / f"20260101_0000_baseline-adam_fake_{trial.name}")
            ledger.writelines(f"{json.dumps(event)}\n" for event in _events(trial, run.experiment_id))
            _write_run(run, trial, max_steps)
    return sweep


def _events(trial: FakeTrial, run_id: str) -> Iterator[dict[str, object]]:
    who = {"trial": trial.name, "attempt": 1, "time": _START}
    began = {"stage": Stage.EXPLORE, "cell": trial.cell, "seed": 0, "values": trial.values, "overrides": [], "run_id": run_id}
    yield {"event": "trial_started", **who, **began}
    for row in _evaluated(trial.rows):
        yield {"event": "evaluated", **who, "step": row["step"], "metrics": {"eval/loss": row["eval/loss"]}}
    yield {"event": "trial_ended", **who, "time": _END, "status": Status.COMPLETED, "stop_reason": None, "step": trial.rows[-1]["step"]}


def _evaluated(rows: Sequence[dict[str, float | int | None]]) -> list[dict[str, float | int | None]]:
    return [row for row in rows if row["eval/loss"] is not None]


def _write_run(run: RunDir, trial: FakeTrial, max_steps: int) -> None:
    run.metrics_csv.parent.mkdir(parents=True)
    lines = (",".join("" if row[name] is None else repr(row[name]) for name in EVERY_RUN) for row in trial.rows)
    run.metrics_csv.write_text("\n".join([",".join(EVERY_RUN), *lines, ""]))
    config: dict[str, dict[str, object]] = {"model": {"name": "fake"}, "optimizer": {"name": "adamw"}}
    for key, value in trial.values.items():
        group, _, name = key.partition(".")
        config[group][name] = value
    metrics: dict[str, float | None] = {n: v for row in trial.rows for n, v in row.items() if v is not None and n != "step"}
    summary = RunSummary(run.experiment_id, trial.name, trial.cell, 0, Stage.EXPLORE, Status.COMPLETED, config)
    summary.started, summary.ended, summary.duration_seconds = _START, _END, 60.0
    summary.step, summary.max_steps, summary.tokens = trial.rows[-1]["step"] or 0, max_steps, 512  # type: ignore[assignment]
    summary.metrics = metrics
    write_summary(run, summary)
