import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from archive_on_disk import archived, small_sweep
from sweep_on_disk import SweepBuilder

from analysis.archive import archive, rebuild
from analysis.load import load_sweep
from analysis.summarize import summarize
from analysis.tables.registry import write_tables
from trainable.spec.sweep_dir import SweepDir


@contextmanager
def tables_only() -> Iterator[None]:
    """The report of a sweep is its tables: the figures take seconds, and one test draws them."""

    def tables(directory: Path, target: Path) -> None:
        write_tables(SweepDir(directory), target / "tables")

    def conclude(directory: SweepDir, **_: bool) -> None:
        summarize(load_sweep(directory))
        tables(directory.path, directory.path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "conclude", conclude)
        patch.setattr(rebuild, "rebuild", tables)
        yield


@pytest.fixture
def light() -> Iterator[None]:
    with tables_only():
        yield


@pytest.fixture(scope="session")
def _archived_once(tmp_path_factory: pytest.TempPathFactory) -> SweepBuilder:
    sweep = small_sweep(tmp_path_factory.mktemp("archived"))
    with tables_only():
        archived(sweep, shown_in="Fig 1, Table 1")
    return sweep


@pytest.fixture
def in_archive(_archived_once: SweepBuilder, tmp_path: Path) -> SweepBuilder:
    """A small sweep and its archive; every test has a copy of its own."""
    root = tmp_path / "results"
    shutil.copytree(_archived_once.root, root, symlinks=True)
    return SweepBuilder(root, _archived_once.statement, _archived_once.events)
