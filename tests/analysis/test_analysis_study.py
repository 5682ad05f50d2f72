import shutil
from pathlib import Path

import pytest
from sweep_on_disk import SweepBuilder

from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize


def test_a_study_is_read_from_three_files_alone(lived: SweepBuilder, tmp_path: Path) -> None:
    loaded = load_sweep(lived.write())
    rows = summarize(loaded)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (loaded.directory.statement, loaded.directory.trials, loaded.directory.metrics):
        shutil.copy(file, copy)
    study = Study.from_files(copy)
    assert study == Study(loaded.statement, rows, copy / "metrics.parquet")
    assert study.cells == Study(loaded.statement, rows, loaded.directory.metrics).cells


@pytest.mark.parametrize("name", ["sweep.json", "trials.parquet", "metrics.parquet"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_file_that_cannot_be_read_is_named(lived: SweepBuilder, name: str, damage: str) -> None:
    directory = lived.write()
    summarize(load_sweep(directory))
    file = directory.path / name
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=name):
        Study.from_files(directory.path)
