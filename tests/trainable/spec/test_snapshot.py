"""Which files a snapshot holds, which snapshot is gone on from, and what may be removed: values in, values out."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.spec.storage.snapshot import Content, SnapshotName, as_json, is_inside, read_snapshot, snapshots, surplus, to_keep

NAMES = st.builds(
    SnapshotName,
    attempt=st.integers(1, 12000),
    step=st.integers(0, 10**7),
    number=st.integers(1, 10**7),
    last=st.booleans(),
    writer=st.text("0123456789abcdef", min_size=8, max_size=8),
)


@given(NAMES)
def test_a_name_is_read_as_it_was_written(name: SnapshotName) -> None:
    assert SnapshotName.parse(str(name)) == name


@pytest.mark.parametrize("text", ["", "0001-ab/objects/00", "0001-ab/snapshots/1.json", "0001-ab/snapshots/000001-8-kept.json.part"])
def test_nothing_else_is_taken_for_a_snapshot(text: str) -> None:
    assert SnapshotName.parse(text) is None


def test_the_newest_attempt_goes_before_a_later_step_of_one_that_was_cut_off() -> None:
    cut_off = SnapshotName(1, 160, 4, False, "aaaaaaaa")
    moved = [SnapshotName(2, 80, 1, False, "bbbbbbbb"), SnapshotName(2, 120, 2, False, "bbbbbbbb")]
    listed = [str(name) for name in (*moved, cut_off)]
    random.Random(0).shuffle(listed)
    assert snapshots([*listed, moved[0].object("00")]) == [moved[1], moved[0], cut_off]


def test_a_snapshot_holds_the_newest_checkpoint_and_whatever_is_not_in_passing() -> None:
    run = ["config.yaml", "logs/metrics.csv", "checkpoints/best/model.safetensors", "wandb/offline-run-1/run.wandb"]
    newest = ["checkpoints/checkpoint-100/manifest.json", "checkpoints/checkpoint-100/model.safetensors"]
    older = ["checkpoints/checkpoint-80/manifest.json", "checkpoints/checkpoint-9/manifest.json"]
    passing = [".lock", "checkpoints/.checkpoint-120.17.tmp/manifest.json", "checkpoints/.best.old/manifest.json", ".summary.json.17.tmp"]
    assert to_keep([*run, *newest, *older, *passing]) == sorted([*run, *newest])


def test_what_is_removed_is_never_needed_by_what_stays() -> None:
    names = [SnapshotName(2, 40 * number, number, False, "bbbbbbbb") for number in (1, 2, 3)]
    needed = {str(name): {f"common{name.number // 3}", f"own{name.number}"} for name in names}
    objects = {names[0].object(digest) for digests in needed.values() for digest in digests}
    older = [SnapshotName(1, 400, 9, False, "aaaaaaaa")]
    other = SnapshotName(2, 0, 1, False, "cccccccc")
    later = SnapshotName(3, 0, 1, False, "dddddddd")
    foreign = [str(other), other.object("common0"), str(later), later.object("common0"), "notes.txt"]
    listed = [*map(str, names), *objects, *map(str, older), older[0].object("common0"), *foreign]
    removed = surplus(listed, names[-1], 2, needed)
    assert removed[:2] == [str(older[0]), str(names[0])], "snapshots go before the objects that they need"
    assert set(removed[2:]) == {names[0].object("own1"), older[0].object("common0")}


@given(st.dictionaries(st.text("abc/.-", min_size=1).filter(is_inside), st.builds(Content, st.integers(0), st.text("0123456789abcdef"))))
def test_the_files_are_read_as_they_were_written(files: dict[str, Content]) -> None:
    assert read_snapshot(as_json(files)) == files


@pytest.mark.parametrize("name", ["../config.yaml", "/etc/passwd", "logs/../../x", "..\\x", ""])
def test_a_file_outside_of_the_run_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        read_snapshot(as_json({name: Content(1, "00")}))


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2, "files": {}}', '{"format": 1, "files": {"a": {}}}', "[1]"])
def test_what_is_no_snapshot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_snapshot(text)
