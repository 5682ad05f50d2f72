import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.run_metrics import METRIC_SCHEMA, read_metrics


def read(tmp_path: Path, text: str) -> tuple[list[dict[str, float | None]], list[str]]:
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    table, notes = read_metrics(path)
    assert table.schema == METRIC_SCHEMA
    return [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()], notes


def test_an_empty_cell_is_missing_and_a_measured_nan_stays_nan(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "step,epoch,train/loss,eval/loss\n10,0,5.5,\n20,0,nan,5.25\n30,0,inf,\n")
    assert rows[0] == {"step": 10, "epoch": 0, "train/loss": 5.5}
    assert math.isnan(rows[1]["train/loss"] or 0)
    assert rows[1]["eval/loss"] == 5.25
    assert rows[2]["train/loss"] == math.inf
    assert notes == []


@pytest.mark.parametrize("tail", ["30", "30,0", "30,0,4.2", "30,0,4.2,4.", "30,0,4.2,4.1,9"])
def test_a_torn_last_line_is_dropped_even_when_it_looks_whole(tmp_path: Path, tail: str) -> None:
    rows, notes = read(tmp_path, f"step,epoch,train/loss,eval/loss\n10,0,5.5,5.6\n{tail}")
    assert [row["step"] for row in rows] == [10]
    assert notes == ["last line of metrics.csv torn"]


def test_of_a_step_that_was_written_again_the_last_row_counts(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "step,train/loss\n10,5\n20,4\n30,3\n20,4.5\n30,3.5\n40,2\n")
    assert [(row["step"], row["train/loss"]) for row in rows] == [(10, 5), (20, 4.5), (30, 3.5), (40, 2)]
    assert notes == ["metrics.csv: 2 steps written again, the last row of each counts"]


def test_damage_in_the_middle_costs_the_damaged_cells_only(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "step,train/loss,eval/loss\n10,5,5.1\n20,abc,4.1\n30,3\n40,2,2.1\n")
    assert rows == [
        {"step": 10, "train/loss": 5, "eval/loss": 5.1},
        {"step": 20, "eval/loss": 4.1},
        {"step": 40, "train/loss": 2, "eval/loss": 2.1},
    ]
    assert notes == ["metrics.csv: 1 rows of another width left out", "metrics.csv: cells of 1 columns are no numbers"]


def test_columns_nobody_knows_are_named_and_left_out(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "step,val_loss,train/loss\n10,1,5\n")
    assert rows == [{"step": 10, "train/loss": 5}]
    assert notes == ["metrics.csv: unknown column 'val_loss' left out"]


@pytest.mark.parametrize(("text", "note"), [("", "no header"), ("iteration,loss\n1,2\n", "no header"), ("step,train/loss\n", None)])
def test_nothing_to_read_gives_no_rows(tmp_path: Path, text: str, note: str | None) -> None:
    rows, notes = read(tmp_path, text)
    assert rows == []
    assert [note in text for text in notes] == [True] if note else notes == []


def test_a_missing_file_is_noted(tmp_path: Path) -> None:
    table, notes = read_metrics(tmp_path / "metrics.csv")
    assert (table.num_rows, table.schema, notes) == (0, METRIC_SCHEMA, ["metrics.csv missing"])


cells = st.one_of(st.text(alphabet="0123456789.-e,\n\r\"' nai", max_size=12), st.floats().map(repr), st.integers(0, 9).map(str))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(cells, min_size=1, max_size=4).map(",".join), max_size=6).map("\n".join), st.binary(max_size=8))
def test_any_content_gives_rows_with_rising_steps(tmp_path: Path, lines: str, tail: bytes) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,epoch,train/loss\n" + lines.encode() + tail)
    steps = read_metrics(path)[0]["step"].to_pylist()
    assert None not in steps
    assert steps == sorted(set(steps))
