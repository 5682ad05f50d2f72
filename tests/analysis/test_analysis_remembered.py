"""Only what changed is read again, and what is remembered is never wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sweep_on_disk import LR, SweepBuilder, empty_sweep, losses, write_metrics_csv

from analysis import curves, parquet, remembered, run_batches, run_metrics
from analysis.load import load_sweep
from analysis.summarize import summarize
from trainable.spec.run_dir import RunDir

LONG_AGO = 1_700_000_000


def settle(root: Path) -> None:
    for path in (root / "runs").rglob("*"):
        if path.is_file():
            os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of runs that are opened, as ``<trial>/<name>``."""
    found: list[str] = []
    original: Callable[[Path], bytes] = run_metrics.read_regular

    def noted(path: Path) -> bytes:
        run = path.parents[1] if path.suffix == ".csv" else path.parent
        found.append(f"{run.name.rsplit('_', 1)[-1]}/{path.name}")
        return original(path)

    for module in (run_metrics, run_batches, remembered):
        monkeypatch.setattr(module, "read_regular", noted)
    return found


def three(sweep: SweepBuilder) -> list[str]:
    names = sorted(sweep.trial({LR: lr}, final=final) for lr, final in ((0.1, 4.0), (0.2, 3.0), (0.3, 2.0)))
    settle(sweep.root)
    return names


def tables(sweep: SweepBuilder) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    summarize(load_sweep(sweep.write()))
    return pq.read_table(sweep.directory.trials).to_pylist(), pq.read_table(sweep.directory.metrics).to_pylist()


def forget(sweep: SweepBuilder) -> None:
    (sweep.directory.path / ".summarized.parquet").unlink()


def test_nothing_is_read_twice(sweep: SweepBuilder, opened: list[str]) -> None:
    names = three(sweep)
    first = tables(sweep)
    assert sorted(opened) == sorted(f"{name}/{file}" for name in names for file in ("summary.json", "metrics.csv"))
    opened.clear()
    written = sweep.directory.metrics.stat().st_mtime_ns
    assert tables(sweep) == first
    assert opened == []
    assert sweep.directory.metrics.stat().st_mtime_ns == written


def test_only_the_changed_run_is_read_and_the_others_stay_as_they_were(sweep: SweepBuilder, opened: list[str]) -> None:
    names = three(sweep)
    before = tables(sweep)[1]
    opened.clear()
    write_metrics_csv(sweep.run_dir(names[1]), losses(1.0, steps=60))
    _, after = tables(sweep)
    assert opened == [f"{names[1]}/metrics.csv"]
    assert [row for row in after if row["trial"] != names[1]] == [row for row in before if row["trial"] != names[1]]
    assert [row["step"] for row in after if row["trial"] == names[1]] == [10, 20, 30, 40, 50, 60]
    assert [row["trial"] for row in after] == sorted(str(row["trial"]) for row in after)


def test_a_change_that_keeps_size_and_second_is_seen(sweep: SweepBuilder) -> None:
    three(sweep)
    tables(sweep)
    path = next(sweep.root.glob("runs/*/logs/metrics.csv"))
    content = path.read_text()
    path.write_text(content.replace("\n10,0,", "\n10,9,"))
    os.utime(path, ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 1))
    assert 9 in [row["epoch"] for row in tables(sweep)[1]]


def test_a_file_so_new_that_its_next_version_could_look_the_same_is_read_again(sweep: SweepBuilder, opened: list[str]) -> None:
    three(sweep)
    for path in (sweep.root / "runs").rglob("*.csv"):
        os.utime(path)
    tables(sweep)
    opened.clear()
    tables(sweep)
    assert sorted(name.split("/")[1] for name in opened) == ["metrics.csv"] * 3


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "other table", "gone"])
def test_a_damaged_memory_is_forgotten(sweep: SweepBuilder, damage: str) -> None:
    three(sweep)
    first = tables(sweep)
    memory, metrics = sweep.directory.path / ".summarized.parquet", sweep.directory.metrics
    content = memory.read_bytes()
    if damage == "other table":
        pd.DataFrame({"trial": ["x"]}).to_parquet(metrics)
    else:
        half = len(content) // 2
        changed = {"cut": content[:half], "flipped": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :], "foreign": b"PAR1"}
        memory.write_bytes(changed[damage]) if damage in changed else memory.unlink()
    assert tables(sweep) == first


def test_a_damaged_table_of_the_last_time_costs_only_time(sweep: SweepBuilder) -> None:
    names = three(sweep)
    first = tables(sweep)
    metrics = sweep.directory.metrics
    stamp, content = metrics.stat(), bytearray(metrics.read_bytes())
    content[100] ^= 255
    metrics.write_bytes(content)
    os.utime(metrics, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    write_metrics_csv(sweep.run_dir(names[0]), losses(9.0))
    _, after = tables(sweep)
    assert [row for row in after if row["trial"] != names[0]] == [row for row in first[1] if row["trial"] != names[0]]


changes = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["write", "touch", "remove", "tear", "cut", "summary", "add"])), max_size=5)


@settings(max_examples=12, deadline=None)
@example([(0, "tear"), (0, "cut")], 1, 190)  # nothing is left but a piece of the header
@given(changes, st.integers(1, 9), st.integers(1, 4000))
def test_after_any_changes_the_tables_are_those_of_a_first_reading(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]], rows: int, piece: int
) -> None:
    sweep = empty_sweep(tmp_path_factory.mktemp("changes"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS_PER_GROUP", rows)
        patch.setattr(curves, "BYTES_AT_ONCE", piece)
        patch.setattr(remembered, "_SETTLED_NS", 0)
        patch.setattr(os, "fsync", lambda _: None)
        names = [sweep.trial({LR: 0.1 * (i + 1)}, final=3.0) for i in range(3)]
        settle(sweep.root)
        for number, (which, change) in enumerate(steps):
            tables(sweep)
            if change == "add":
                names.append(sweep.trial({LR: 1.0 + number}, final=2.0))
            else:
                _change(sweep.run_dir(names[which % len(names)]), change, number)
        remembering = tables(sweep)
        forget(sweep)
        assert tables(sweep) == remembering


def _change(run: RunDir, change: str, number: int) -> None:
    if change == "write":
        write_metrics_csv(run, losses(1.0 + number, steps=20 + 10 * number))
    elif change == "touch":
        run.metrics_csv.touch()
    elif change == "remove":
        run.metrics_csv.unlink(missing_ok=True)
    elif change == "summary":
        run.summary.write_text(run.summary.read_text().replace('"tokens": ', f'"tokens": {number + 1}'))
    elif change == "cut" and run.metrics_csv.exists():
        os.truncate(run.metrics_csv, run.metrics_csv.stat().st_size // 2)
    elif run.metrics_csv.exists():
        run.metrics_csv.write_text(run.metrics_csv.read_text() + "50,0,4.4")
