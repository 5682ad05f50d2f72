import struct
import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from trainable.tracker.metrics_csv import MetricsCsv, kept_lines, read_series
from trainable.tracker.tracker import RunDescription

NAMES = ["step", "epoch", "train/loss", "eval/loss"]


def description(run_dir: Path, names: list[str] = NAMES) -> RunDescription:
    return RunDescription("run", run_dir, {}, names)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=10))
def test_every_bit_of_every_number_is_kept(losses: list[float | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tracker = MetricsCsv()
        tracker.start(description(Path(folder)), None)
        for i, loss in enumerate(losses):
            tracker.log({"train/loss": loss, "epoch": 0}, i)
        tracker.finish("completed")
        steps, values = read_series(Path(folder) / "logs/metrics.csv")["train/loss"]
    measured = {i: loss for i, loss in enumerate(losses) if loss is not None}
    assert steps == list(measured)
    # A NaN's payload is not a number's bits.
    assert [bits(v) for v in values if v == v] == [bits(v) for v in measured.values() if v == v]
    assert [v == v for v in values] == [v == v for v in measured.values()]


def test_every_row_is_on_disk_at_once_and_a_missing_value_is_empty(tmp_path: Path) -> None:
    tracker = MetricsCsv()
    tracker.start(description(tmp_path), None)
    path = tmp_path / "logs/metrics.csv"
    assert path.read_text() == "step,epoch,train/loss,eval/loss\n"
    tracker.log({"epoch": 0, "train/loss": 0.0, "eval/loss": None}, 5)
    assert path.read_text().splitlines()[1] == "5,0,0.0,"
    tracker.log({"epoch": 1, "eval/loss": 0.1}, 10)
    assert path.read_text().splitlines()[2] == "10,1,,0.1"
    tracker.finish("completed")
    frame = pd.read_csv(path)
    assert frame["train/loss"].isna().tolist() == [False, True]
    assert frame["step"].tolist() == [5, 10]


def test_a_resumed_file_loses_torn_and_later_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "logs/metrics.csv"
    path.parent.mkdir()
    path.write_text("step,epoch,train/loss,eval/loss\n1,0,0.1,\n2,0,0.30000000000000004,2.5\nx,0,1.0,\n3,0,1.0\n4,0,1.0,\n2,0,9.9")
    tracker = MetricsCsv()
    tracker.start(description(tmp_path), 3)
    tracker.log({"epoch": 0, "train/loss": 0.5}, 4)
    tracker.finish("completed")
    assert path.read_text() == "step,epoch,train/loss,eval/loss\n1,0,0.1,\n2,0,0.30000000000000004,2.5\n4,0,0.5,\n"
    assert [p.name for p in path.parent.iterdir()] == ["metrics.csv"]


def test_a_resumed_run_with_other_metrics_keeps_what_was_measured(tmp_path: Path) -> None:
    columns, lines = kept_lines("step,train/loss,quant/error_m\n1,2.0,0.5\n", ["step", "epoch", "train/loss"], 1)
    assert columns == ["step", "epoch", "train/loss", "quant/error_m"]
    assert lines == ["1,,2.0,0.5"]


@given(st.text(alphabet="step,ocrain/l0123456789.\n", max_size=80), st.integers(0, 50))
def test_whatever_the_old_file_holds_the_new_one_is_whole(text: str, last: int) -> None:
    columns, lines = kept_lines(text, NAMES, last)
    assert columns[: len(NAMES)] == NAMES
    assert all(len(line.split(",")) == len(columns) for line in lines)
    assert all(int(line.split(",")[0]) <= last for line in lines)
    again = "".join(f"{line}\n" for line in [",".join(columns), *lines])
    assert kept_lines(again, NAMES, last) == (columns, lines)
