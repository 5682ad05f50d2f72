"""``trials.parquet``: its columns, and one row per trial."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from analysis.columns import Column, Row, config_column, fit_to, metric_column
from analysis.load import Trial
from trainable.spec.metric_names import DOWNSTREAM_PREFIX, METRICS

Source = Callable[[Trial], Any]
Sources = Sequence[tuple[Column, Source]]

TEXT, WHOLE, REAL, FLAG, TIME = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")
_AS_IT_IS = {TEXT: str, REAL: float, FLAG: bool}


def _told(name: str) -> Source:
    return lambda trial: trial.told(name)


def _metric(name: str) -> Source:
    return lambda trial: trial.metrics.get(name)


# Who the trial is and how it ended: by the ledger, for a run outside a sweep by its summary.
_IDENTITY: list[tuple[Column, Source]] = [
    (Column("trial", TEXT, "", "name of the trial: <cell>-s<seed>"), lambda t: t.trial),
    (Column("cell", TEXT, "", "hash of the configuration without seed, tracking and resources"), lambda t: t.cell or None),
    (Column("seed", WHOLE, "", "seed of weights, batches and dropout"), lambda t: t.seed),
    (Column("stage", TEXT, "", "explore (may be stopped early) or confirm (full run on a fresh seed)"), lambda t: t.stage or None),
    (Column("status", TEXT, "", "how the trial ended, by the ledger; 'unknown' where nobody says"), lambda t: t.status),
    (
        Column("stop_reason", TEXT, "", "why it ended before its last step"),
        lambda t: t.record.stop_reason if t.record else t.told("stop_reason"),
    ),
    (Column("attempts", WHOLE, "attempts", "times the trial was started"), lambda t: t.record.attempt if t.record else t.told("attempt")),
    (
        Column("note", TEXT, "", "what is missing, damaged, or told differently by ledger and run directory"),
        lambda t: "; ".join(t.notes) or None,
    ),
    (Column("error", TEXT, "", "error text of a failed trial"), lambda t: t.record.error if t.record else t.told("error")),
    (Column("run_id", TEXT, "", "experiment id: name of the run directory"), lambda t: t.run_dir.experiment_id),
]
# What was measured and where: by the run directory.
_MEASURED: list[tuple[Column, Source]] = [
    (Column("best_eval_loss", REAL, "nats/token", "eval/loss at the best evaluation"), lambda t: t.best_metrics.get("eval/loss")),
    (Column("best_step", WHOLE, "steps", "step of the best evaluation"), _told("best_step")),
    (Column("step", WHOLE, "steps", "optimizer steps done"), _told("step")),
    (Column("max_steps", WHOLE, "steps", "optimizer steps of a full run of this configuration"), _told("max_steps")),
    (Column("tokens", WHOLE, "tokens", "training tokens seen"), _told("tokens")),
    (Column("duration_seconds", REAL, "s", "time spent training and evaluating, over all attempts"), _told("duration_seconds")),
    (Column("parameters", WHOLE, "parameters", "parameters of the model, frozen ones among them"), _told("parameters")),
    (Column("trainable_parameters", WHOLE, "parameters", "parameters that are trained"), _told("trainable_parameters")),
    (Column("optimizer_state_bytes", WHOLE, "bytes", "memory of the optimizer's state"), _told("optimizer_state_bytes")),
    (Column("checkpoint_bytes", WHOLE, "bytes", "size of the last checkpoint on disk"), _told("checkpoint_bytes")),
    (Column("predicted_peak_memory_gb", REAL, "GB", "memory/peak_gb as predicted when the run started"), _told("predicted_peak_memory_gb")),
    (Column("micro_batch_size", WHOLE, "sequences", "sequences per forward pass and rank"), _told("micro_batch_size")),
    (Column("probe_seconds", REAL, "s", "part of duration_seconds spent in probes"), _told("probe_seconds")),
    (Column("commit", TEXT, "", "git commit of the code that ran"), _told("commit")),
    (Column("host", TEXT, "", "machine that ran it"), _told("host")),
    (Column("device", TEXT, "", "device that ran it"), _told("device")),
    (Column("started", TIME, "", "first start"), lambda t: t.record.started if t.record else t.told("started")),
    (Column("ended", TIME, "", "last end"), lambda t: t.record.ended if t.record else t.told("ended")),
]
_RANK = Column(
    "finalist_rank",
    WHOLE,
    "",
    "place among the finalists: 1 is the winner of the exploration, those that claims name come last; null: not confirmed as a finalist",
)
_BASELINE = Column("is_baseline", FLAG, "", "whether the cell is the sweep's baseline")
_OWN_COLUMN = frozenset({"step"})


def sources_of(trials: Sequence[Trial], varied: Sequence[str], baseline_cell: str, finalists: Sequence[str]) -> list[tuple[Column, Source]]:
    """Every column of the table and where its values come from; `varied` keys and downstream tasks add columns of their own."""
    rank = {cell: place for place, cell in reversed(list(enumerate(finalists, 1)))}
    place = [(_RANK, lambda t: rank.get(t.cell)), (_BASELINE, lambda t: t.cell == baseline_cell if baseline_cell else None)]
    config = [(config_column(key, [t.values.get(key) for t in trials]), _value(key)) for key in varied]
    metrics = [(metric_column(name), _metric(name)) for name in [*METRICS, *_downstream(trials)] if name not in _OWN_COLUMN]
    return [*_IDENTITY, *place, *config, *metrics, *_MEASURED]


def _value(key: str) -> Source:
    return lambda trial: trial.values.get(key)


def _downstream(trials: Iterable[Trial]) -> list[str]:
    found = [trial.told("metrics") for trial in trials]
    return sorted({name for metrics in found if isinstance(metrics, dict) for name in metrics if name.startswith(DOWNSTREAM_PREFIX)})


def rows_of(trials: Sequence[Trial], sources: Sources) -> list[Row]:
    """One row per trial. A value of the wrong type becomes null and is named in the row's note."""
    notes = [list(trial.notes) for trial in trials]
    columns = {column.name: _fitted(column, [source(trial) for trial in trials], notes) for column, source in sources}
    columns["note"] = ["; ".join(noted) or None for noted in notes]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _fitted(column: Column, values: list[Any], notes: Sequence[list[str]]) -> list[Any]:
    """`values` as the column holds them; `notes` of a trial gets a sentence for one that does not fit."""
    if set(map(type, values)) - {type(None)} <= {_AS_IT_IS.get(column.type)}:
        return values
    fit = _as_time if column.type == TIME else fit_to(column.type)
    for place, value in enumerate(values):
        try:
            values[place] = None if value is None else fit(value)
        except ValueError as error:
            values[place] = None
            notes[place].append(f"{column.name}: {error}")
    return values


def _as_time(value: Any) -> datetime | None:
    if not value:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time")
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def config_of(row: Row, varied: Iterable[str]) -> Mapping[str, Any]:
    """The varied values of a row, by key."""
    return {key: row[f"config.{key}"] for key in varied}
