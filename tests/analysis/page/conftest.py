from pathlib import Path

import pytest
from hostile_sweep import hostile_sweep, study_of

from analysis.study import Study


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The hostile sweep, its tables written; its directory is that of ``metrics``."""
    root: Path = tmp_path_factory.mktemp("hostile")
    return study_of(hostile_sweep(root))
