"""Tables of an archive against the ledger and the runs beside them: checksums do not show who altered a number and then summed anew."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_on_disk import paper_of
from sweep_on_disk import SweepBuilder

from analysis.archive.retold import Retold, retold


@pytest.fixture
def bag(in_archive: SweepBuilder) -> Path:
    shutil.rmtree(in_archive.root / "runs")
    shutil.rmtree(in_archive.directory.path)
    return next(paper_of(in_archive).path.glob("sweep_*"))


def with_column(path: Path, name: str, values: list[object]) -> None:
    table = pq.read_table(path)
    at = table.column_names.index(name)
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path)


def test_tables_say_what_ledger_and_runs_say(bag: Path) -> None:
    assert retold(bag) == Retold([], 4, 4)
    assert retold(bag).sentence == "the Parquet says what the ledger and 4 runs say"


def test_an_altered_number_is_named_with_what_the_run_says(bag: Path) -> None:
    path = bag / "data" / "trials.parquet"
    row = next(row for row in pq.read_table(path).to_pylist() if row["eval/loss"] == 3.6)
    losses = [2.0 if loss == 3.6 else loss for loss in pq.read_table(path)["eval/loss"].to_pylist()]
    with_column(path, "eval/loss", losses)
    assert retold(bag).faults == [f"trials.parquet: eval/loss of {row['trial']} is 2.0, ledger and run say 3.6"]
    with_column(path, "eval/loss", [1.0, 1.0, 1.0, 1.0])
    with_column(path, "tokens", [1, 1, 1, 1])
    assert len(retold(bag).faults) == 6
    assert retold(bag).faults[-1] == "trials.parquet: 3 more values are not those of the runs"


def test_an_altered_curve_is_named(bag: Path) -> None:
    path = bag / "data" / "metrics.parquet"
    table = pq.read_table(path)
    with_column(path, "train/loss", [*table["train/loss"].to_pylist()[:-1], 0.5])
    assert retold(bag).faults == [f"metrics.parquet: not the metrics.csv of {table['trial'][-1].as_py()}"]


def test_a_trial_that_was_added_or_taken_out_is_named(bag: Path) -> None:
    path = bag / "data" / "trials.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert retold(bag).faults == [f"trials.parquet: {table['trial'][0].as_py()} is missing"]
    ledger = bag / "data" / "ledger.jsonl"
    gone = table["trial"][1].as_py()
    ledger.write_text("".join(line for line in ledger.read_text().splitlines(keepends=True) if json.loads(line).get("trial") != gone))
    assert f"trials.parquet: the ledger knows no trial {gone}" in retold(bag).faults


def test_without_runs_the_tables_are_taken_as_they_are(bag: Path) -> None:
    first, *others = sorted(bag.parent.glob("exp*"))
    shutil.rmtree(first)
    assert retold(bag).sentence == "the Parquet says what the ledger and 3 runs say; 1 trials have no run here"
    for folder in others:
        shutil.rmtree(folder)
    assert (retold(bag).faults, retold(bag).sentence) == ([], "no run is beside it: the Parquet is taken as it is")
