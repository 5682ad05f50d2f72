"""Archiving a sweep: what lies there afterwards, again and again, and when the disk plays tricks."""

import csv
import fcntl
import hashlib
import logging
import shutil
import subprocess
from pathlib import Path

import bagit
import pytest
from archive_on_disk import archived, furnish, paper_of, small_sweep, tree
from rocrate.rocrate import ROCrate
from sweep_on_disk import LR, SweepBuilder

from analysis.archive import bag_writer
from analysis.archive.bag_writer import CopyDiffers
from analysis.archive.check import check
from analysis.archive.fingerprint import Fingerprint, fingerprint
from analysis.archive.plan import Action

pytestmark = pytest.mark.usefixtures("light")


def actions(sweep: SweepBuilder, **how: bool) -> list[Action]:
    return [decision.action for decision in archived(sweep, **how).decisions]


def test_every_bag_is_valid_for_the_library_of_congress(in_archive: SweepBuilder, caplog: pytest.LogCaptureFixture) -> None:
    bags = sorted(path.parent for path in paper_of(in_archive).path.glob("*/bagit.txt"))
    assert [bag.name[:6] for bag in bags] == ["exp001", "exp002", "exp003", "exp004", "sweep_"]
    with caplog.at_level(logging.WARNING):
        for folder in bags:
            bag = bagit.Bag(str(folder))
            assert bag.validate()
            assert (sorted(bag.algorithms), bag.info["Bagging-Date"]) == (["sha256", "sha512"], "2026-03-02")
    assert caplog.records == []


def test_a_bag_of_a_run_holds_all_of_it_but_links_and_locks(in_archive: SweepBuilder) -> None:
    bag = next(paper_of(in_archive).path.glob("exp001_*"))
    held = tree(bag / "data")
    assert {"summary.json", "provenance.json", "logs/metrics.csv", "checkpoints/best/model.safetensors"} <= held.keys()
    assert not {".lock", "wandb/latest-run"} & held.keys()
    assert "Left-Out: wandb/latest-run: a link to run-1" in (bag / "bag-info.txt").read_text()
    assert (bag / "requirements-frozen.txt").read_text() == "numpy==2.4.6\ntorch==2.13.0\n"


def test_hard_links_stay_links(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path)
    archived(sweep)
    weights = [path.stat().st_ino for path in next(paper_of(sweep).path.glob("exp001_*")).rglob("model.safetensors")]
    assert (len(weights), len(set(weights))) == (3, 1)


def test_the_pages_beside_the_bags(in_archive: SweepBuilder) -> None:
    paper = paper_of(in_archive)
    assert "| Fig 1, Table 1 | ✅ completed |" in paper.manifest.read_text()
    assert "✅ yes, " in paper.manifest.read_text()
    with open(paper.final_results, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["experiment"] for row in rows] == ["exp001", "exp002", "exp003", "exp004"]
    assert {float(row["eval/loss"]) for row in rows} == {3.0, 4.0, 3.6}
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=paper.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_crate_is_read_by_its_own_library(in_archive: SweepBuilder) -> None:
    crate = ROCrate(str(paper_of(in_archive).path))
    entities = {entity.id: entity for entity in crate.get_entities()}
    assert crate.root_dataset["datePublished"] == "2026-03-02"
    assert len([id_ for id_ in entities if id_.startswith("exp") and id_.endswith("/")]) == 4
    table = next(entity for id_, entity in entities.items() if id_.endswith("/data/trials.parquet"))
    assert table["sha256"] == hashlib.sha256((paper_of(in_archive).path / table.id).read_bytes()).hexdigest()
    assert all((paper_of(in_archive).path / part.id).exists() for part in crate.root_dataset["hasPart"])


def test_archiving_again_changes_nothing(in_archive: SweepBuilder) -> None:
    before = tree(paper_of(in_archive).path)
    assert set(actions(in_archive)) == {Action.KEPT}
    assert tree(paper_of(in_archive).path) == before


def test_a_new_run_gets_the_next_number_and_a_changed_one_keeps_its_own(in_archive: SweepBuilder) -> None:
    changed = next((in_archive.root / "runs").iterdir())
    (changed / "summary.md").write_text("more\n")
    new = in_archive.confirm({LR: 0.01}, {2: 3.7})[0]
    furnish(in_archive.run_dir(new))
    in_archive.write()
    assert sorted(actions(in_archive)) == sorted([Action.KEPT] * 3 + [Action.REPLACED] * 2 + [Action.NEW])
    assert len(list(paper_of(in_archive).path.glob("exp00*"))) == 5
    assert "exp005" in paper_of(in_archive).manifest.read_text()
    assert check(paper_of(in_archive).path).faults == []


def test_without_checkpoints_says_so_and_never_takes_away_those_that_are_there(in_archive: SweepBuilder, tmp_path: Path) -> None:
    assert set(actions(in_archive, checkpoints=False)) == {Action.KEPT}
    assert list(paper_of(in_archive).path.glob("exp001_*/data/checkpoints/best/*"))
    other = small_sweep(tmp_path / "other")
    archived(other, checkpoints=False)
    assert not list(paper_of(other).path.glob("exp*/data/checkpoints"))
    assert "✅ completed, without checkpoints" in paper_of(other).manifest.read_text()


def test_move_removes_the_source_and_only_after_the_archive_was_read_back(in_archive: SweepBuilder) -> None:
    bag = next(paper_of(in_archive).path.glob("exp002_*"))
    summary = bag / "data" / "summary.json"
    good = summary.read_bytes()
    summary.write_bytes(good[:-1] + b" ")
    with pytest.raises(ValueError, match=r"nothing was removed: exp002_.*altered: data/summary\.json"):
        archived(in_archive, move=True)
    assert len(list((in_archive.root / "runs").iterdir())) == 4
    summary.write_bytes(good)
    done = archived(in_archive, move=True)
    assert len(done.removed) == 5
    assert (list((in_archive.root / "runs").iterdir()), in_archive.directory.path.exists()) == ([], False)
    assert check(paper_of(in_archive).path).faults == []


def test_an_interrupted_move_is_taken_up_again(in_archive: SweepBuilder) -> None:
    shutil.rmtree(next((in_archive.root / "runs").iterdir()))
    done = archived(in_archive, move=True)
    assert (done.missing, len(done.removed)) == ([], 4)
    assert {decision.action for decision in done.decisions} == {Action.KEPT}


def test_a_sweep_at_work_is_left_alone(in_archive: SweepBuilder) -> None:
    with open(in_archive.directory.lock, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="a driver is at work"):
            archived(in_archive)


def test_a_bit_that_flips_in_the_source_between_copy_and_check_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = small_sweep(tmp_path)
    flipped = next(path for path in (sweep.root / "runs").rglob("metrics.csv"))

    def flipping(path: Path) -> Fingerprint:
        if path.resolve() == flipped.resolve():
            content = bytearray(path.read_bytes())
            content[5] ^= 1
            path.write_bytes(content)
        return fingerprint(path)

    monkeypatch.setattr(bag_writer, "fingerprint", flipping)
    with pytest.raises(CopyDiffers, match=r"nothing was archived: logs/metrics\.csv"):
        archived(sweep)
    monkeypatch.undo()
    left = sorted(path.name for path in paper_of(sweep).path.iterdir())
    assert all(bagit.Bag(str(paper_of(sweep).path / name)).validate() for name in left)
    archived(sweep)
    assert check(paper_of(sweep).path).faults == []


def test_a_copy_that_is_interrupted_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = small_sweep(tmp_path)
    real, calls = bag_writer._copy, list[Path]()

    def full(source: Path, target: Path) -> Fingerprint:
        calls.append(source)
        if len(calls) == 12:
            raise OSError(28, "No space left on device", str(target))
        return real(source, target)

    monkeypatch.setattr(bag_writer, "_copy", full)
    with pytest.raises(OSError, match="No space left"):
        archived(sweep)
    monkeypatch.undo()
    assert [path.name for path in paper_of(sweep).path.iterdir() if path.name.startswith(".")] == []
    (paper_of(sweep).path / ".exp003_adam.77.tmp").mkdir()  # what a kill leaves behind
    assert Action.KEPT in actions(sweep)
    assert check(paper_of(sweep).path).faults == []
