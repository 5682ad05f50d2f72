"""Restoring: what comes back, and what is refused before anything is written."""

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from archive_on_disk import paper_of, small_sweep, tree
from sweep_on_disk import SweepBuilder

from analysis.__main__ import main
from analysis.archive.placing import Refused, place
from analysis.archive.restore import restore
from analysis.archive.tar import write_tar


def test_a_restored_sweep_is_the_sweep(in_archive: SweepBuilder, tmp_path: Path) -> None:
    paper = paper_of(in_archive).path
    write_tar(paper, tmp_path / "paper.tar.gz")
    for archive in (paper, tmp_path / "paper.tar.gz"):
        target = tmp_path / "to" / archive.name
        restored = restore(archive, target)
        assert (len(restored.places), restored.there) == (5, 0)
        kept = {name for name in tree(in_archive.root / "runs") if not name.endswith(".lock")}
        assert tree(target / "runs") == {name: tree(in_archive.root / "runs")[name] for name in kept}
        assert main(["compare", str(target / "sweeps" / in_archive.directory.path.name)]) == 0


def test_one_bag_alone_can_be_restored(in_archive: SweepBuilder, tmp_path: Path) -> None:
    restored = restore(next(paper_of(in_archive).path.glob("exp002_*")), tmp_path / "back")
    assert [place.split("/")[0] for place in restored.places] == ["runs"]


def test_what_is_there_is_never_replaced_but_an_interrupted_restore_goes_on(in_archive: SweepBuilder, tmp_path: Path) -> None:
    target = tmp_path / "back"
    files = restore(paper_of(in_archive).path, target).files
    lost = sorted((target / "runs").rglob("summary.json"))
    for path in lost:
        path.unlink()
    again = restore(paper_of(in_archive).path, target)
    assert (again.files, again.there) == (len(lost), files - len(lost))
    lost[0].write_text("mine\n")
    lost[1].unlink()
    with pytest.raises(Refused, match=r"summary\.json is there with another content"):
        restore(paper_of(in_archive).path, target)
    assert (lost[0].read_text(), lost[1].exists()) == ("mine\n", False)


def test_a_link_in_the_way_is_not_followed(in_archive: SweepBuilder, tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "back"
    outside.mkdir()
    target.mkdir()
    (target / "runs").symlink_to(outside)
    with pytest.raises(Refused, match="is there and is no folder"):
        restore(paper_of(in_archive).path, target)
    assert list(outside.iterdir()) == []


def member(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


EVIL = {
    "parent": (member("../escaped"), "leads out of the folder"),
    "deep parent": (member("p/exp001_a/data/../../../../escaped"), "leads out of the folder"),
    "absolute": (member("/tmp/escaped"), "an absolute path"),
    "symbolic link": (member("p/exp001_a/data/l", b"", type=tarfile.SYMTYPE, linkname="/etc"), "a link"),
    "hard link": (member("p/exp001_a/data/l", b"", type=tarfile.LNKTYPE, linkname="p/x"), "a link"),
    "device": (member("p/exp001_a/data/d", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "a device"),
    "pipe": (member("p/exp001_a/data/f", b"", type=tarfile.FIFOTYPE), "a device"),
    "twice": (member("p/MANIFEST.md"), "there twice"),
}


@pytest.mark.parametrize("trick", EVIL)
def test_a_tar_with_a_trick_in_it_restores_nothing(trick: str, in_archive: SweepBuilder, tmp_path: Path) -> None:
    paper = paper_of(in_archive).path.rename(in_archive.root / "p")
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as tar:
        tar.add(paper, "p")
        info, content = EVIL[trick][0]
        tar.addfile(info, io.BytesIO(content))
    target = tmp_path / "inner" / "back"
    with pytest.raises(Refused, match=EVIL[trick][1]):
        restore(evil, target)
    assert not target.exists()
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("identifier", ["../../escaped", "/tmp/escaped", "", ".", "a/b"])
def test_a_bag_may_not_choose_its_place_outside_the_target(identifier: str, in_archive: SweepBuilder, tmp_path: Path) -> None:
    """The checksums of an attacker's bag are right."""
    from analysis.archive.bag import CONTENT, IDENTIFIER, RUN
    from analysis.archive.bag_writer import Filing, write_bag

    source = next((in_archive.root / "runs").iterdir())
    write_bag(tmp_path / "exp001_x", Filing(source, ["summary.json"], {IDENTIFIER: identifier, CONTENT: RUN}))
    with pytest.raises(Refused, match="does not tell which run or sweep it holds"):
        restore(tmp_path / "exp001_x", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_file_is_placed_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not have its checksum"):
        place(tmp_path / "a", [b"other"], "0" * 64)
    (tmp_path / "b").write_text("mine")
    with pytest.raises(Refused, match="is there by now"):
        place(tmp_path / "b", [b""], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert tree(tmp_path) == {"b": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["restore", "back"], "ARCHIVE is missing"),
        (["restore", "nowhere", "back"], "'nowhere' does not exist"),
        (["restore", "back", "--from", "s3://key:secret@bucket/x"], "must not hold credentials"),
        (["restore", "back", "--from", "s3:///x"], "names no bucket"),
        (["backup", "back", "--to", "ftp://host/x"], "unknown kind of place 'ftp'"),
        (["backup", "nowhere", "--to", "there"], "'nowhere' does not exist"),
        (["archive", "nowhere", "--paper", "a/b", "--move", "--no-checkpoints"], "--paper 'a/b'"),
        (["reproduce", "nowhere"], "'nowhere' does not exist"),
    ],
)
def test_wrong_requests_are_told_before_anything_is_done(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_archive_rebuilds_every_figure_and_table_with_the_code_it_carries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is faked: the real report, and a process that sees only the archive."""
    sweep = small_sweep(tmp_path / "results")
    assert main(["archive", str(sweep.directory.path), "--paper", "paper1-characterization", "--tar", "zst"]) == 0
    paper = paper_of(sweep).path
    shutil.rmtree(sweep.root / "runs")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, str(paper / "reproduce.py")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "figures and tables rebuilt from the Parquet, each with the archived checksum; the Parquet says what the ledger and 4 runs"
        in done.stdout
    )
    figure = next(paper.glob("sweep_*/data/figures/*.png"))
    altered = next(paper.glob("sweep_*/manifest-sha256.txt"))
    name = f"data/figures/{figure.name}"
    lines = altered.read_text().splitlines(keepends=True)
    altered.write_text("".join(f"{'0' * 64}  {name}\n" if line.endswith(f"  {name}\n") else line for line in lines))
    assert main(["reproduce", str(paper)]) == 1
    capsys.readouterr()
