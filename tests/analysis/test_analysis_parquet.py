import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sweep_on_disk import LR, SweepBuilder, empty_sweep, losses, write_metrics_csv

from analysis import curves, parquet
from analysis.columns import Column
from analysis.load import load_sweep
from analysis.parquet import write_trials
from analysis.summarize import rows_of_sweep, summarize, summarize_run
from trainable.spec.metric_names import METRICS
from trainable.spec.status import Stage, Status


def tables(sweep: SweepBuilder) -> tuple[pd.DataFrame, pd.DataFrame]:
    summarize(load_sweep(sweep.write()))
    return pd.read_parquet(sweep.directory.trials), pd.read_parquet(sweep.directory.metrics)


def test_one_row_per_trial_with_what_both_witnesses_say(sweep: SweepBuilder) -> None:
    sweep.confirm({LR: 0.01}, {2: 3.25})
    sweep.finalists(sweep.cell({LR: 0.01}))
    trials, _ = tables(sweep)
    row = trials.iloc[0]
    expected = {
        "seed": 2,
        "stage": "confirm",
        "status": "completed",
        "attempts": 1,
        "finalist_rank": 1,
        "is_baseline": False,
        "config.optimizer.lr": 0.01,
        "eval/loss": 3.25,
        "train/loss": 3.26,
        "memory/peak_gb": 0.5,
        "best_eval_loss": 3.25,
        "best_step": 40,
        "step": 40,
        "max_steps": 40,
        "tokens": 40 * 512,
        "duration_seconds": 90.0,
        "parameters": 1_000_000,
        "optimizer_state_bytes": 8_000_000,
        "checkpoint_bytes": 12_000_000,
        "predicted_peak_memory_gb": 0.45,
        "commit": "abc123",
        "host": "node1",
        "device": "cpu",
        "started": pd.Timestamp("2026-03-01T12:00:00Z"),
        "ended": pd.Timestamp("2026-03-01T12:30:00Z"),
    }
    assert {name: row[name] for name in expected} == expected
    assert {name for name in trials.columns if pd.isna(row[name])} == {
        "stop_reason",
        "note",
        "error",
        "micro_batch_size",
        "probe_seconds",
    } | {
        name
        for name in METRICS
        if name not in ("step", "epoch", "train/loss", "eval/loss", "memory/peak_gb", "optimizer/lr", "time/tokens_per_sec")
    }


def test_status_and_missing_numbers_of_a_sweep_in_which_everything_happened(lived: SweepBuilder) -> None:
    trials, metrics = tables(lived)
    explored = trials[trials.stage == "explore"].set_index("config.optimizer.lr")
    assert explored.status.to_dict() == {
        0.003: "completed",
        0.01: "completed",
        0.0001: "stopped_early",
        1.0: "diverged",
        0.1: "failed",
        0.03: "completed",
        0.001: "completed",
    }
    assert (explored.note[0.03], explored.note[0.001], explored.error[0.1]) == (
        "run directory missing",
        "last line of metrics.csv torn",
        "RuntimeError: disk full",
    )
    gone = explored.loc[0.03]
    assert gone[["eval/loss", "step", "tokens", "duration_seconds", "parameters", "host", "best_step"]].isna().all()
    assert pd.isna(explored["eval/loss"][1.0])
    assert metrics.trial.nunique() == len(trials) - 1
    assert metrics[metrics.trial == explored.trial[0.001]].step.max() == 40


def test_metrics_are_sorted_typed_and_missing_where_not_measured(lived: SweepBuilder) -> None:
    summarize(load_sweep(lived.write()))
    table = pq.read_table(lived.directory.metrics)
    rows = table.to_pylist()
    assert [(row["trial"], row["step"]) for row in rows] == sorted((row["trial"], row["step"]) for row in rows)
    assert table.schema.field("step").type == pa.int64()
    assert {row["quant/error_m"] for row in rows} == {None}
    assert [row["eval/loss"] is None for row in rows if row["stage"] == "confirm"][:4] == [True, False, True, False]
    nans = [(row["trial"], row["step"]) for row in rows if any(isinstance(v, float) and math.isnan(v) for v in row.values())]
    assert [step for _, step in nans] == [20]


def test_every_field_has_unit_and_meaning(lived: SweepBuilder) -> None:
    summarize(load_sweep(lived.write()))
    trials, metrics = pq.read_schema(lived.directory.trials), pq.read_schema(lived.directory.metrics)
    for schema in (trials, metrics):
        assert all(field.metadata[b"meaning"] and b"unit" in field.metadata for field in schema)
        assert {name: schema.field(name).metadata[b"unit"].decode() for name in METRICS} == {m.name: m.unit for m in METRICS.values()}
    units = {
        name: trials.field(name).metadata[b"unit"] for name in ("tokens", "duration_seconds", "optimizer_state_bytes", "best_eval_loss")
    }
    assert units == {"tokens": b"tokens", "duration_seconds": b"s", "optimizer_state_bytes": b"bytes", "best_eval_loss": b"nats/token"}
    assert trials.metadata[b"hypothesis"].decode() == lived.statement.hypothesis
    assert pq.ParquetFile(lived.directory.metrics).metadata.row_group(0).column(0).compression == "ZSTD"


def test_varied_keys_have_their_own_types(sweep: SweepBuilder) -> None:
    sweep.statement.varied = ["optimizer", "training.batch_size", "optimizer.betas", "model.tied_embeddings"]
    values = [("adamw", 8, [0.9, 0.95], True), ("sgd", 16, None, False)]
    for chosen in values:
        sweep.trial(dict(zip(sweep.statement.varied, chosen, strict=True)), final=3.0)
    summarize(load_sweep(sweep.write()))
    table = pq.read_table(sweep.directory.trials).select([f"config.{key}" for key in sweep.statement.varied])
    assert table.schema.types == [pa.string(), pa.int64(), pa.list_(pa.float64()), pa.bool_()]
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == sorted(values)


def test_a_downstream_score_gets_a_column(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, metrics={"eval/loss": 5.0, "downstream/glue_avg": 0.5})
    sweep.trial({LR: 0.02})
    trials, _ = tables(sweep)
    assert trials.set_index("config.optimizer.lr")["downstream/glue_avg"].dropna().to_dict() == {0.01: 0.5}


def test_a_foreign_value_becomes_null_with_a_note(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, tokens="many", checkpoint_bytes=1.5, metrics={"eval/loss": "low"})
    path = sweep.run_dir(sweep.trial({LR: 0.02})).summary
    path.write_text(json.dumps({**json.loads(path.read_text()), "metrics": [1, 2], "best_metrics": "none"}))
    trials, _ = tables(sweep)
    trials = trials.set_index("config.optimizer.lr")
    row = trials.loc[0.01]
    assert trials.loc[0.02, ["eval/loss", "best_eval_loss"]].isna().all()
    assert row[["tokens", "checkpoint_bytes", "eval/loss"]].isna().all()
    assert "tokens: 'many' is not of type int64; checkpoint_bytes: 1.5 is not of type int64" in row["note"]


def test_a_summary_without_a_field_leaves_a_hole_and_not_its_default(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01})
    sweep.run_dir(trial).summary.write_text('{"format": 1, "step": 40}')
    trials, _ = tables(sweep)
    assert trials.loc[0, ["tokens", "duration_seconds", "max_steps"]].isna().all()


def test_rows_are_the_table(lived: SweepBuilder) -> None:
    rows = summarize(load_sweep(lived.write()))
    stored = pq.read_table(lived.directory.trials).to_pylist()
    assert [dict(row) for row in rows] == stored
    without_csv = rows_of_sweep(load_sweep(lived.directory))
    assert [{**row, "note": None} for row in without_csv] == [{**row, "note": None} for row in stored]
    assert stored[0]["started"] == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_metrics_come_in_row_groups_of_bounded_size(sweep: SweepBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 10)
    for lr in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        sweep.trial({LR: lr})
    summarize(load_sweep(sweep.write()))
    file = pq.ParquetFile(sweep.directory.metrics)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [10, 10, 8]
    assert file.read().column("trial").to_pylist() == sorted(file.read().column("trial").to_pylist())
    assert [(c.column_index, c.descending) for c in file.metadata.row_group(0).sorting_columns] == [(0, False), (4, False)]


def test_a_sweep_without_trials_gives_empty_tables(sweep: SweepBuilder) -> None:
    trials, metrics = tables(sweep)
    assert (len(trials), len(metrics)) == (0, 0)
    assert {"trial", "config.optimizer.lr", "eval/loss"} <= set(trials.columns)


def test_metrics_that_end_before_the_summary_are_noted(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01})
    write_metrics_csv(sweep.run_dir(trial), losses(5.0, steps=20))
    trials, _ = tables(sweep)
    assert trials.note[0] == "metrics.csv ends at step 20, summary.json at 40"


def test_a_failed_write_leaves_the_old_table_and_no_rest(tmp_path: Path) -> None:
    columns = [Column("trial", pa.string(), "", "name"), Column("seed", pa.int64(), "", "seed")]
    write_trials(tmp_path / "trials.parquet", columns, [{"trial": "a", "seed": 1}])
    with pytest.raises(pa.ArrowInvalid):
        write_trials(tmp_path / "trials.parquet", columns, [{"trial": "b", "seed": "one"}])
    assert [file.name for file in tmp_path.iterdir()] == ["trials.parquet"]
    assert pd.read_parquet(tmp_path / "trials.parquet").trial.to_list() == ["a"]


def test_a_single_run_has_tables_too(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, seed=5, stage=Stage.CONFIRM, final=3.5)
    path = sweep.run_dir(trial).path
    summarize_run(path)
    assert pd.read_parquet(path / "trials.parquet")[["trial", "seed", "status", "eval/loss"]].to_numpy().tolist() == [
        [trial, 5, "completed", 3.5]
    ]
    assert pd.read_parquet(path / "metrics.parquet").step.to_list() == [10, 20, 30, 40]


def test_a_trial_that_only_started_is_a_row(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, status=Status.RUNNING, rows={}, metrics={})
    trials, metrics = tables(sweep)
    assert (trials.status[0], len(metrics)) == ("running", 0)
    assert pd.isna(trials["eval/loss"][0])
    assert pd.isna(trials["ended"][0])


def test_memory_does_not_grow_with_the_number_of_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 2_000)
    monkeypatch.setattr(curves, "BYTES_AT_ONCE", 50_000)

    def most_bytes(trials: int) -> int:
        sweep = empty_sweep(tmp_path / str(trials))
        for number in range(trials):
            sweep.trial({LR: 0.1 + number}, rows=losses(3.0, steps=5_000))
        loaded = load_sweep(sweep.write())
        own, shared = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
        pa.set_memory_pool(own)
        try:
            summarize(loaded)
        finally:
            pa.set_memory_pool(shared)
        return int(own.max_memory())

    few, many = most_bytes(10), most_bytes(60)
    assert many < 2 * few
