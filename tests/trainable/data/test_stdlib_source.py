import sys
from pathlib import Path

import pytest

from trainable.data import stdlib
from trainable.spec.config import DataConfig


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small standard library with everything that distributions put into it."""
    sources = {
        "json/__init__.py": "package",
        "json/tool.py": "tool",
        "json.txt": "not Python",
        "abc.py": "abc",
        "json/tests/case.py": "left out",
        "test/support.py": "left out",
        "idlelib/run.py": "left out",
        "encodings/cp037.py": "left out",
        "site-packages/numpy/__init__.py": "left out",
        "dist-packages/apt.py": "left out",
        "sitecustomize.py": "left out",
        "_sysconfigdata__linux.py": "left out",
    }
    for name, content in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "calendar.py").write_bytes(b"# coding: latin-1\n# caf\xe9\n")
    (tmp_path / "cmd.py").write_bytes(b"# caf\xe9, but not UTF-8\n")
    (tmp_path / "code.py").write_bytes(b"# coding: no-such-coding\n")
    monkeypatch.setattr(stdlib, "library", lambda: tmp_path)
    return tmp_path


def test_documents_are_the_modules_every_distribution_ships_in_path_order(library: Path) -> None:
    assert [file for file in stdlib.source_files(library) if not file.startswith("c")] == ["abc.py", "json/__init__.py", "json/tool.py"]


@pytest.mark.usefixtures("library")
def test_files_are_read_by_their_own_encoding_and_undecodable_ones_left_out() -> None:
    assert list(stdlib.documents(DataConfig(), "train")) == ["abc", "# coding: latin-1\n# café\n", "package", "tool"]


def test_a_python_without_sources_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdlib, "library", lambda: tmp_path)
    (mistake,) = stdlib.mistakes(DataConfig())
    assert "no source files" in mistake
    assert "data=text" in mistake


def test_this_python_has_megabytes_of_real_text() -> None:
    files = stdlib.source_files(stdlib.library())
    assert {"argparse.py", "asyncio/events.py", "email/message.py"} <= set(files)
    assert files == sorted(files)
    assert sum((stdlib.library() / file).stat().st_size for file in files) > 5_000_000


def test_another_python_is_another_edition() -> None:
    assert stdlib.edition(DataConfig()) == {"python": ".".join(map(str, sys.version_info[:3]))}
