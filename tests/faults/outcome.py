"""What a finished sweep left, as far as it must not depend on what happened on the way; and how two of them differ."""

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trainable.spec.ledger import read_events, replay
from trainable.spec.run_dir import RunDir, runs_dir
from trainable.spec.sweep_dir import SweepDir, sweeps_dir

# Columns that measure or expect something of the machine, or tell when and how often and where, and not what was computed.
OF_THE_MACHINE = ("time/", "memory/", "eval/tokens_per_sec", "predicted_peak_memory_gb", "probe_seconds")
OF_THE_WAY = frozenset(
    {"attempts", "run_id", "duration_seconds", "started", "ended", "note", "checkpoint_bytes", "commit", "host", "device"}
)

Key = tuple[str, int]


@dataclass(frozen=True)
class Outcome:
    """`rows` by (trial, step) and `trials` by name; `weights` are hashes of the kept models, `twice` rows that a run wrote twice.

    `rungs` are the decisions as the ledger has them, (trial, level, decision), in order.
    """

    rows: Mapping[Key, Mapping[str, Any]]
    trials: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, str]
    ledger: Mapping[Key, Mapping[str, Any]]
    rungs: tuple[tuple[str, int, str], ...] = ()
    twice: tuple[Key, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class Difference:
    """Of a disturbed sweep from an undisturbed one; all empty when they agree."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    bits: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.lost, self.doubled, self.bits, self.statuses, self.notes))


def sweep_directory(results: Path) -> SweepDir:
    """The only sweep below a results folder."""
    (path,) = sweeps_dir(results).iterdir()
    return SweepDir(path)


def read_outcome(results: Path) -> Outcome:
    """Reads the tables, and beside them what they are made from: a row that stands twice in a run is one in the table."""
    directory = sweep_directory(results)
    table = pq.read_table(directory.metrics).to_pylist()
    trials = {row["trial"]: row for row in pq.read_table(directory.trials).to_pylist()}
    rows: dict[Key, Mapping[str, Any]] = {}
    twice: list[Key] = []
    for row in table:
        key = (row["trial"], row["step"])
        twice += [key] if key in rows else []
        rows[key] = _of_the_run(row)
    runs = {name: RunDir(runs_dir(results) / row["run_id"]) for name, row in trials.items()}
    twice += [(name, step) for name, run in runs.items() for step in _steps_twice(run)]
    events = read_events(directory.ledger)[0]
    state = replay(events)
    return Outcome(
        rows=rows,
        trials={name: {k: v for k, v in _of_the_run(row).items() if k not in OF_THE_WAY} for name, row in trials.items()},
        weights={f"{name}/{kind}": digest for name, run in runs.items() for kind, digest in _weights(run)},
        ledger={(name, step): _of_the_run(found) for name, record in state.trials.items() for step, found in record.evaluations.items()},
        rungs=tuple((event["trial"], rung["level"], rung["decision"]) for event in events for rung in _rung_of(event)),
        twice=tuple(twice),
        notes=tuple(f"{name}: {row['note']}" for name, row in trials.items() if row["note"]),
    )


def difference(undisturbed: Outcome, disturbed: Outcome) -> Difference:
    """Everything in which `disturbed` is not `undisturbed`, a sentence each."""
    found = Difference(notes=list(disturbed.notes))
    for kind, before, after in (
        ("row", undisturbed.rows, disturbed.rows),
        ("ledger", undisturbed.ledger, disturbed.ledger),
        ("trial", undisturbed.trials, disturbed.trials),
        ("weights", undisturbed.weights, disturbed.weights),
    ):
        found.lost += [f"{kind} {key}" for key in before if key not in after]
        found.doubled += [f"{kind} {key} (the undisturbed sweep has none)" for key in after if key not in before]
        found.bits += [f"{kind} {key}: {_changed(before[key], after[key])}" for key in before if key in after and before[key] != after[key]]
    found.doubled += [f"row {key} twice" for key in disturbed.twice]
    found.statuses += [
        f"{name}: {row['status']}, then {disturbed.trials[name]['status']}"
        for name, row in undisturbed.trials.items()
        if name in disturbed.trials and row["status"] != disturbed.trials[name]["status"]
    ]
    return found


def early_difference(whole: Outcome, stopped: Outcome) -> Difference:
    """In what a sweep with early stopping is not what `whole`, in which every one of its trials ran to the end, says of its trials.

    When a trial is stopped depends on who came first; that it is decided on once at a rung, stopped there, and that every row
    until then is the same to the last bit, does not.
    """
    found = Difference(notes=list(stopped.notes))
    found.doubled += [f"row {key} twice" for key in stopped.twice]
    decided = Counter((trial, level) for trial, level, _ in stopped.rungs)
    found.doubled += [f"{trial} decided {times} times at {level}" for (trial, level), times in decided.items() if times > 1]
    found.bits += [f"row {key}: {_changed(whole.rows.get(key), row)}" for key, row in stopped.rows.items() if whole.rows.get(key) != row]
    for name, row in stopped.trials.items():
        steps = {step for trial, step in stopped.rows if trial == name}
        found.lost += [f"row {key}" for key in whole.rows if key[0] == name and key[1] <= row["step"] and key[1] not in steps]
        stops = [level for trial, level, decision in stopped.rungs if trial == name and decision == "stop"]
        expected = "stopped_early" if stops else whole.trials[name]["status"]
        if row["status"] != expected or (stops and stops != [row["step"]]):
            found.statuses.append(f"{name}: {row['status']} at step {row['step']}, stopped at {stops}, to the end it was {expected}")
    return found


def _of_the_run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as their exact bits."""
    return {k: v.hex() if isinstance(v, float) else v for k, v in row.items() if not k.startswith(OF_THE_MACHINE)}


def _rung_of(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The decision of an event: its own, or that which ended a trial."""
    rung = event if event["event"] == "rung" else event.get("rung")
    return [rung] if rung else []


def _steps_twice(run: RunDir) -> list[int]:
    with open(run.metrics_csv, encoding="utf-8") as file:
        counted = Counter(row["step"] for row in csv.DictReader(file))
    return [int(step) for step, times in counted.items() if times > 1]


def _weights(run: RunDir) -> list[tuple[str, str]]:
    kept = [(kind, run.checkpoint(kind) / "model.safetensors") for kind in ("best", "final")]
    return [(kind, hashlib.sha256(path.read_bytes()).hexdigest()) for kind, path in kept if path.is_file()]


def _changed(before: Any, after: Any) -> str:
    if not isinstance(before, Mapping):
        return f"{before} -> {after}"
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(f"{key} {before.get(key)} -> {after.get(key)}" for key in keys)
