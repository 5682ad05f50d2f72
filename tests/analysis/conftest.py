from pathlib import Path

import pytest
from sweep_on_disk import SweepBuilder, empty_sweep, lived_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> SweepBuilder:
    return empty_sweep(tmp_path)


@pytest.fixture
def lived(tmp_path: Path) -> SweepBuilder:
    return lived_sweep(tmp_path)
