"""Several sweeps as one data set, read by the snippets of docs/reading-the-tables.md as they stand there."""

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from sweep_on_disk import LR, SweepBuilder, empty_sweep

from analysis.__main__ import main
from trainable.spec.sweep_dir import SweepDir

DOCUMENT = Path(__file__).parents[2] / "docs" / "reading-the-tables.md"
SNIPPETS = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
SIZE = "training.batch_size"


def other_sweep(root: Path, key: str, value: object) -> SweepDir:
    sweep = empty_sweep(root)
    sweep.statement = replace(sweep.statement, name="other", varied=[key], baseline_values={key: value})
    sweep.trial({key: value}, final=2.0)
    return sweep.write()


def summarized(*arguments: object) -> int:
    return main(["summarize", *map(str, arguments)])


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_of_the_document_runs(
    lived: SweepBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], snippet: str
) -> None:
    place = tmp_path / "results" / "sweeps" / "lr_ablation-3f2236fe"
    lived.write().path.rename(lived.directory.path.with_name("moved"))
    place.parent.mkdir(parents=True)
    lived.directory.path.with_name("moved").rename(place)
    (tmp_path / "runs").rename(tmp_path / "results" / "runs")
    monkeypatch.chdir(tmp_path)
    assert summarized("results/sweeps/lr_ablation-3f2236fe", "--output", "all/trials", "--output-metrics", "all/metrics") == 0
    capsys.readouterr()
    exec(compile(snippet, str(DOCUMENT), "exec"), {})
    assert re.search(r"0\.01|lr_ablation-3f2236fe|config\.optimizer\.lr", capsys.readouterr().out)


def test_a_later_sweep_joins_and_all_readers_see_one_table(lived: SweepBuilder, tmp_path: Path) -> None:
    first, second = lived.write(), other_sweep(tmp_path / "b", SIZE, 8)
    for directory in (first, second):
        assert summarized(directory.path, "--output", tmp_path / "all", "--output-metrics", tmp_path / "curves") == 0
    frame = pd.read_parquet(tmp_path / "all")
    expected = {"lr_ablation-0badcafe": 13, "other-0badcafe": 1}
    assert frame.sweep.value_counts().to_dict() == expected
    assert (frame[f"config.{LR}"].count(), frame[f"config.{SIZE}"].count()) == (13, 1)
    assert dict(pl.read_parquet(tmp_path / "all", hive_partitioning=True)["sweep"].value_counts().iter_rows()) == expected
    asked = f"SELECT sweep, count(*) FROM read_parquet('{tmp_path}/all/**/*.parquet', hive_partitioning = true) GROUP BY ALL"
    assert dict(duckdb.sql(asked).fetchall()) == expected
    rows = sum(pq.read_metadata(directory.metrics).num_rows for directory in (first, second))
    assert len(pd.read_parquet(tmp_path / "curves")) == len(pl.read_parquet(tmp_path / "curves")) == rows
    units = pq.read_schema(tmp_path / "all" / "sweep=other-0badcafe" / "trials.parquet").field("tokens").metadata
    assert units[b"unit"] == b"tokens"


@pytest.mark.parametrize(
    ("values", "expected"), [((8, 0.5), [8.0, 0.5]), ((8, "auto"), ["8", "auto"]), ((None, 0.5), [None, 0.5]), ((True, 1), ["true", "1"])]
)
def test_a_key_of_two_types_keeps_every_value(tmp_path: Path, values: tuple[object, object], expected: list[object]) -> None:
    for name, value in zip("ab", values, strict=True):
        directory = other_sweep(tmp_path / name, SIZE, value).path
        directory.rename(directory.with_name(name))
        assert summarized(directory.with_name(name), "--output", tmp_path / "all") == 0
    column = pq.read_table(tmp_path / "all")[f"config.{SIZE}"].to_pylist()
    assert column == expected


def test_what_cannot_be_one_data_set_is_refused_before_anything_is_written(
    lived: SweepBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = lived.write()
    (tmp_path / "file").touch()
    assert summarized(directory.path, directory.path, "--output", tmp_path / "file", "--output-metrics", tmp_path / "file") == 2
    errors = capsys.readouterr().err.splitlines()
    assert [any(part in line for line in errors) for part in ("is not a directory", "holds one table", "2 of the paths are called")] == [
        True
    ] * 3
    assert not directory.trials.exists()
