"""Sweeps on disk for the tests: real files, written as a driver and its trials write them."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainable.spec.atomic_write import write_json
from trainable.spec.identity import content_hash
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import RunSummary, write_summary
from trainable.spec.statement import Claim, Statement
from trainable.spec.status import Stage, Status
from trainable.spec.sweep_dir import SweepDir

START = "2026-03-01T12:00:00+00:00"
END = "2026-03-01T12:30:00+00:00"
LR = "optimizer.lr"
BETTER = Claim("the winner beats the baseline", 0.0)


def losses(final: float, steps: int = 40, start: float = 7.0, every: int = 10) -> dict[int, dict[str, float]]:
    """A curve from `start` to `final`: training loss every 10 steps, validation loss every 20."""
    rows: dict[int, dict[str, float]] = {}
    for step in range(every, steps + 1, every):
        loss = final + (start - final) * (1 - step / steps)
        rows[step] = {"epoch": 0, "train/loss": loss + 0.01, "optimizer/lr": 1e-3, "time/tokens_per_sec": 1000.0}
        if step % (2 * every) == 0:
            rows[step]["eval/loss"] = loss
    return rows


@dataclass
class SweepBuilder:
    """Writes a sweep trial by trial; `events` is the ledger."""

    root: Path
    statement: Statement
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def directory(self) -> SweepDir:
        return SweepDir(self.root / "sweeps" / f"{self.statement.name}-0badcafe")

    def run_dir(self, trial: str) -> RunDir:
        return RunDir(self.root / "runs" / f"20260301_1200_baseline-adam_tiny_{trial}")

    def event(self, name: str, **values: Any) -> None:
        self.events.append({"event": name, "time": START, **values})

    def driver(self, command: str = "python -m sweeps.lr_ablation", commit: str | None = "abc123") -> None:
        self.event("driver_started", host="node1", pid=1, command=command, commit=commit)

    def trial(
        self,
        values: dict[str, Any],
        *,
        seed: int = 0,
        stage: Stage = Stage.EXPLORE,
        status: Status = Status.COMPLETED,
        rows: dict[int, dict[str, float]] | None = None,
        final: float | None = None,
        stop_reason: str | None = None,
        error: str | None = None,
        cell: str | None = None,
        **summary: Any,
    ) -> str:
        """One trial with its run directory; `final` is the last eval/loss of a straight curve, `summary` changes its fields."""
        if rows is None:
            rows = losses(final if final is not None else 5.0, steps=self.statement.max_steps)
        cell = cell or self.cell(values)
        trial = f"{cell}-s{seed}"
        run_dir = self.run_dir(trial)
        self.event(
            "trial_started",
            trial=trial,
            attempt=1,
            stage=stage,
            cell=cell,
            seed=seed,
            values=values,
            overrides=[],
            run_id=run_dir.experiment_id,
        )
        self.evaluations(trial, rows)
        if status != Status.RUNNING:
            ended = {"attempt": 1, "status": status, "stop_reason": stop_reason, "step": max(rows, default=0), "error": error}
            self.event("trial_ended", trial=trial, **ended, time=END)
        write_metrics_csv(run_dir, rows)
        write_summary(
            run_dir, self.summary(trial, cell, seed, stage, status, values, rows, stop_reason=stop_reason, error=error, **summary)
        )
        return trial

    def evaluations(self, trial: str, rows: dict[int, dict[str, float]]) -> None:
        for step, row in rows.items():
            if "eval/loss" in row:
                self.event("evaluated", trial=trial, attempt=1, step=step, metrics={"eval/loss": row["eval/loss"]})

    def cell(self, values: dict[str, Any]) -> str:
        return self.statement.baseline_cell if values == self.statement.baseline_values else content_hash(values)

    def summary(
        self, trial: str, cell: str, seed: int, stage: str, status: str, values: dict[str, Any], rows: Any, **more: Any
    ) -> RunSummary:
        merged = {name: value for row in rows.values() for name, value in row.items()} | {"memory/peak_gb": 0.5}
        evaluated = [(row["eval/loss"], step) for step, row in rows.items() if "eval/loss" in row]
        best = min(evaluated, default=None)
        config: dict[str, Any] = {}
        for key, value in values.items():
            group, _, name = key.partition(".")
            config.setdefault(group, {})[name] = value
        known = {
            "started": START,
            "ended": END,
            "duration_seconds": 90.0,
            "step": max(rows, default=0),
            "max_steps": self.statement.max_steps,
            "tokens": 512 * max(rows, default=0),
            "parameters": 1_000_000,
            "trainable_parameters": 1_000_000,
            "optimizer_state_bytes": 8_000_000,
            "checkpoint_bytes": 12_000_000,
            "predicted_peak_memory_gb": 0.45,
            "host": "node1",
            "device": "cpu",
            "commit": "abc123",
            "metrics": merged,
            "best_metrics": {} if best is None else {"eval/loss": best[0]},
            "best_step": None if best is None else best[1],
        }
        return RunSummary(f"id-{trial}", trial, cell, seed, stage, status, config, **{**known, **more})

    def confirm(self, values: dict[str, Any], finals: dict[int, float], **more: Any) -> list[str]:
        """A completed confirmation: final eval/loss by seed."""
        return [self.trial(values, seed=seed, stage=Stage.CONFIRM, final=final, **more) for seed, final in finals.items()]

    def finalists(self, *cells: str) -> None:
        self.event("stage_ended", stage=Stage.EXPLORE, finalists=list(cells))

    def write(self) -> SweepDir:
        directory = self.directory
        write_json(directory.statement, self.statement.as_json())
        directory.ledger.write_text("".join(json.dumps(event) + "\n" for event in self.events))
        return directory


def write_metrics_csv(run_dir: RunDir, rows: dict[int, dict[str, float]], columns: list[str] | None = None) -> None:
    run_dir.metrics_csv.parent.mkdir(parents=True, exist_ok=True)
    with open(run_dir.metrics_csv, "w", newline="") as file:
        writer = csv.DictWriter(file, columns or EVERY_RUN, lineterminator="\n")
        writer.writeheader()
        writer.writerows({"step": step, **row} for step, row in rows.items())


def empty_sweep(root: Path) -> SweepBuilder:
    """An empty learning-rate sweep with the baseline at 3e-3, seeds 1 to 3 and runs of 40 steps."""
    statement = Statement(
        name="lr_ablation",
        hypothesis="A larger learning rate trains faster.",
        metric="eval/loss",
        varied=[LR],
        baseline_values={LR: 0.003},
        baseline_cell="base00000000",
        claims=[BETTER],
        seeds=[1, 2, 3],
        explore_seed=0,
        max_steps=40,
        created="2026-03-01T11:59:00+00:00",
        settings={"scheduler": {"name": "asha"}},
    )
    return SweepBuilder(root, statement)


def lived_sweep(root: Path) -> SweepBuilder:
    """A sweep in which everything happened: completed, stopped, diverged, failed, a run directory gone, a torn metrics.csv."""
    sweep = empty_sweep(root)
    sweep.driver()
    sweep.trial({LR: 0.003}, final=4.0)
    sweep.trial({LR: 0.01}, final=3.0)
    stopped = sweep.trial({LR: 0.0001}, status=Status.STOPPED_EARLY, stop_reason="asha", rows=losses(6.5, steps=20))
    sweep.event("rung", trial=stopped, level=20, value=6.5, decision="stop", cutoff=5.5, bracket=0)
    nan = {10: {"train/loss": 7.5}, 20: {"train/loss": float("nan")}}
    sweep.trial({LR: 1.0}, status=Status.DIVERGED, stop_reason="loss is not finite", rows=nan, metrics={"train/loss": None}, step=20)
    sweep.trial({LR: 0.1}, status=Status.FAILED, error="RuntimeError: disk full", rows=losses(6.0, steps=10))
    gone = sweep.trial({LR: 0.03}, final=3.5)
    for file in sorted(sweep.run_dir(gone).path.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    sweep.run_dir(gone).path.rmdir()
    torn = sweep.trial({LR: 0.001}, final=4.5)
    with open(sweep.run_dir(torn).metrics_csv, "a") as file:
        file.write("50,0,4.4")
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.78, 3: 3.731})
    return sweep
