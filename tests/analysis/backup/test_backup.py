"""Backups to a folder and to a real S3 server: what is copied, what survives an interruption, and what comes back."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.backup.backup import Backup, read_manifest
from analysis.backup.copying import BadCopy
from analysis.backup.manifest import MANIFEST
from analysis.backup.rclone_store import is_installed
from analysis.backup.restore import restore_backup
from trainable.spec.storage.arrow_store import open_arrow
from trainable.spec.storage.store import Store, whole


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("bucket")) if request.param == "s3" else f"file://{tmp_path / 'disk'}"


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_there_and_back(project: Path, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(project), "--to", place]) == 0
    assert "4 files (15 bytes) copied and read back, 0 unchanged" in capsys.readouterr().out
    assert main(["backup", str(project), "--to", place]) == 0
    assert "0 files (0 bytes) copied and read back, 4 unchanged" in capsys.readouterr().out
    assert main(["restore", str(tmp_path / "back"), "--from", place]) == 0
    assert files(tmp_path / "back" / "archive") == files(project)
    assert main(["restore", "archive/paper1/b", str(tmp_path / "part"), "--from", place]) == 0
    assert files(tmp_path / "part") == {"archive/paper1/b/c.bin": b"gamma"}
    told = json.loads(whole(open_arrow(place), MANIFEST))
    assert sorted(told["files"]) == ["archive/empty", "archive/paper1/a.txt", "archive/paper1/b/c.bin", "archive/paper1/same"]
    assert b"testing" not in whole(open_arrow(place), MANIFEST)


def test_only_what_changed_is_copied(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["backup", str(project), "--to", place])
    (project / "paper1" / "a.txt").write_text("alphabet")
    (project / "empty").touch()
    capsys.readouterr()
    assert main(["backup", str(project), "--to", place, "--dry-run"]) == 0
    assert "would copy archive/paper1/a.txt\n" in capsys.readouterr().out
    assert main(["backup", str(project), "--to", place]) == 0
    assert capsys.readouterr().out.startswith("copied archive/paper1/a.txt\n")
    assert whole(open_arrow(place), "archive/paper1/a.txt") == b"alphabet"


def test_a_dry_run_writes_nothing(project: Path, place: str) -> None:
    main(["backup", str(project), "--to", place, "--dry-run"])
    assert open_arrow(place).sizes() == {}


def test_prune_keeps_the_last_copy_of_anything(project: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["backup", str(project), "--to", place])
    (project / "paper1" / "a.txt").unlink()
    shutil.move(project / "paper1" / "b" / "c.bin", project / "paper1" / "moved")
    capsys.readouterr()
    main(["backup", str(project), "--to", place, "--prune"])
    out = capsys.readouterr().out
    assert "removed archive/paper1/b/c.bin" in out
    assert "kept archive/paper1/a.txt: gone here, and no other verified copy of it" in out
    assert sorted(open_arrow(place).sizes().keys() - {MANIFEST}) == [
        "archive/empty",
        "archive/paper1/a.txt",
        "archive/paper1/moved",
        "archive/paper1/same",
    ]


def test_prune_trusts_no_copy_that_it_has_not_read(project: Path, place: str) -> None:
    store = open_arrow(place)
    Backup([project], store).run()
    for name in ("archive/paper1/same", "archive/paper1/b/c.bin"):
        (project.parent / name).unlink()
    (project / "paper1" / "third").write_text("gamma")
    Backup([project], store).run()
    store.write("archive/paper1/third", [b"GAMMA"])
    outcome = Backup([project], store, prune=True).run()
    assert (outcome.pruned, len(outcome.kept)) == ([], 2)


def test_checksum_finds_a_copy_that_went_bad(project: Path, place: str) -> None:
    store = open_arrow(place)
    Backup([project], store).run()
    store.write("archive/paper1/a.txt", [b"ALPHA"])
    assert Backup([project], store).run().copied == []
    assert Backup([project], store, checksum=True).run().copied == ["archive/paper1/a.txt"]


def test_a_bad_copy_is_never_restored(project: Path, place: str, tmp_path: Path) -> None:
    store = open_arrow(place)
    Backup([project], store).run()
    store.write("archive/paper1/a.txt", [b"ALPHA"])
    with pytest.raises(ValueError, match="does not have its checksum"):
        restore_backup(store, "archive/paper1/a.txt", tmp_path / "back")
    assert files(tmp_path / "back") == {}


class Failing:
    """A place that fails while the n-th file is written, half of it done, or gives back other bytes."""

    def __init__(self, store: Store, at: int, *, lies: bool = False) -> None:
        self.store, self.left, self.lies = store, at, lies
        self.sizes, self.reading, self.delete = store.sizes, store.reading, store.delete

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        self.left -= 1
        if self.left == 0:
            if not self.lies:
                self.store.write(name, self._half(parts))
            parts = [bytes(byte ^ 1 for byte in b"".join(parts))]
        self.store.write(name, parts)

    def _half(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        yield b"".join(parts)[:2]
        raise OSError(28, "No space left on device")


def test_an_interrupted_backup_goes_on_where_it_was(project: Path, place: str, tmp_path: Path) -> None:
    store = open_arrow(place)
    with pytest.raises(OSError, match="No space left"):
        Backup([project], Failing(store, 3)).run()
    assert sorted(read_manifest(store)) == ["archive/empty", "archive/paper1/a.txt"]
    outcome = Backup([project], store).run()
    assert (len(outcome.copied), outcome.unchanged) == (2, 2)
    restore_backup(store, None, tmp_path / "back")
    assert files(tmp_path / "back" / "archive") == files(project)


def test_a_copy_that_is_not_noted_yet_is_read_and_not_sent_again(project: Path, place: str) -> None:
    store = open_arrow(place)
    Backup([project], store).run()
    store.delete(MANIFEST)
    outcome = Backup([project], store).run()
    assert (outcome.copied, outcome.unchanged) == ([], 4)
    assert len(read_manifest(store)) == 4


def test_a_place_that_gives_back_other_bytes_is_told(project: Path, place: str) -> None:
    store = open_arrow(place)
    with pytest.raises(BadCopy, match=r"archive/paper1/a\.txt: the destination does not give back"):
        Backup([project], Failing(store, 2, lies=True)).run()
    assert sorted(read_manifest(store)) == ["archive/empty"]


def test_a_destination_that_cannot_be_written_is_one_sentence(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["backup", str(project), "--to", str(tmp_path / "file" / "inside")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_bucket_that_is_not_there_is_one_sentence(project: Path, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(project), "--to", "s3://no-such-bucket-here/x"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_remote_of_rclone_needs_rclone(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not is_installed():
        assert main(["backup", str(project), "--to", "gdrive:research"]) == 2
        assert "rclone is not installed" in capsys.readouterr().err
        return
    remote = f":local:{tmp_path / 'remote'}"
    assert main(["backup", str(project), "--to", remote]) == 0
    assert main(["restore", str(tmp_path / "back"), "--from", remote]) == 0
    assert files(tmp_path / "back" / "archive") == files(project)
