from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Something to back up: a folder with two files of the same content."""
    root = tmp_path / "archive"
    for name, content in {"paper1/a.txt": "alpha", "paper1/b/c.bin": "gamma", "paper1/same": "gamma", "empty": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root
