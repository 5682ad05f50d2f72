"""Verification finds whatever was done to an archive, and names it."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_on_disk import paper_of
from sweep_on_disk import SweepBuilder

from analysis.__main__ import main
from analysis.archive.check import check
from analysis.archive.fingerprint import fingerprint_of
from analysis.archive.snapshot import Snapshot, take_snapshot
from analysis.archive.tar import sidecar, write_tar
from analysis.archive.verify import faults_of

PARQUET = "data/trials.parquet"


def bag_of(paper: Path) -> Path:
    return next(paper.glob("sweep_*"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped": (lambda bag: flip(bag / PARQUET), "altered: data/trials.parquet"),
    "missing": (lambda bag: (bag / PARQUET).unlink(), "missing: data/trials.parquet"),
    "extra": (lambda bag: (bag / "data" / "new").touch(), "extra: data/new"),
    "renamed": (lambda bag: (bag / PARQUET).rename(bag / "data" / "t.parquet"), "renamed: data/trials.parquet is now data/t.parquet"),
    "extra tag": (lambda bag: (bag / "note.txt").touch(), "extra: note.txt"),
    "info": (lambda bag: flip(bag / "bag-info.txt"), "altered: bag-info.txt"),
    "manifest": (lambda bag: flip(bag / "manifest-sha256.txt"), "altered: manifest-sha256.txt"),
    "tag manifest": (lambda bag: flip(bag / "tagmanifest-sha512.txt"), "tagmanifest-sha512.txt is damaged"),
    "no tag manifest": (lambda bag: (bag / "tagmanifest-sha512.txt").unlink(), "missing: tagmanifest-sha512.txt"),
    "declaration": (lambda bag: flip(bag / "bagit.txt"), "bagit.txt is damaged"),
    "link": (lambda bag: (bag / "data" / "l").symlink_to("/etc/passwd"), "data/l: a link"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_happens_to_a_bag_is_named(damage: str, in_archive: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    bag = bag_of(paper_of(in_archive).path)
    do, sentence = DAMAGES[damage]
    do(bag)
    for path in (bag, paper_of(in_archive).path):
        assert main(["verify", str(path)]) == 1
        assert sentence in capsys.readouterr().err


def test_whatever_happens_beside_the_bags_is_named(in_archive: SweepBuilder) -> None:
    paper = paper_of(in_archive).path
    flip(paper / "MANIFEST.md")
    (paper / "reproduce.py").rename(paper / "again.py")
    shutil.rmtree(next(paper.glob("exp002_*")))
    flip(paper / "SHA512SUMS")
    faults = "\n".join(check(paper).faults)
    for sentence in ("altered: MANIFEST.md", "renamed: reproduce.py is now again.py", "missing: exp002_", "SHA512SUMS is damaged"):
        assert sentence in faults


def test_every_single_bit_counts(in_archive: SweepBuilder) -> None:
    """100 random bits of the lists of an archive, each flipped alone, and those of a whole line of the topmost list."""
    paper = paper_of(in_archive).path
    shot = take_snapshot(paper)
    assert faults_of(shot) == []
    draw = random.Random(1)
    names = sorted(shot.texts)
    for _ in range(100):
        name = draw.choice(names)
        place, bit = draw.randrange(len(shot.texts[name])), draw.randrange(8)
        assert faults_of(flipped(shot, name, place, bit)), (name, place, bit)
    for place in [*range(0, 60, 6), *range(60, shot.texts["SHA256SUMS"].index(b"\n") + 1)]:
        for bit in range(8):
            assert faults_of(flipped(shot, "SHA256SUMS", place, bit)), (place, bit)


def flipped(shot: Snapshot, name: str, place: int, bit: int) -> Snapshot:
    content = bytearray(shot.texts[name])
    content[place] ^= 1 << bit
    texts = {**shot.texts, name: bytes(content)}
    return Snapshot({**shot.prints, name: fingerprint_of([bytes(content)])}, texts, [])


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_tar_has_the_same_bytes_again_and_tells_every_flipped_one(ending: str, in_archive: SweepBuilder, tmp_path: Path) -> None:
    paper = paper_of(in_archive).path
    first, second = tmp_path / f"paper.tar.{ending}", tmp_path / "copy" / f"paper.tar.{ending}"
    write_tar(paper, first)
    moved = tmp_path / "copy" / paper.name
    shutil.copytree(paper, moved, copy_function=shutil.copyfile)
    (moved / "reproduce.sh").chmod(0o755)
    for script in moved.glob("*/reproduce.sh"):
        script.chmod(0o644)
    write_tar(moved, second)
    assert first.read_bytes() == second.read_bytes()
    finding = check(first)
    assert (finding.faults, finding.notes) == ([], [])
    content = bytearray(first.read_bytes())
    draw = random.Random(2)
    for place in (4, 8, *(draw.randrange(len(content)) for _ in range(6)), len(content) - 1):
        content[place] ^= 1
        first.write_bytes(content)
        assert "do not agree" in check(first).faults[0]
        content[place] ^= 1
    sidecar(first).unlink()
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    assert check(first).faults


def test_what_is_no_archive_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").touch()
    assert main(["verify", str(tmp_path)]) == 2
    assert "neither bagit.txt" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "x"), str(tmp_path / "y")]) == 2
    assert capsys.readouterr().err.count("error: ") == 2
