"""What a backup copies and removes: pure, by property."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.backup.manifest import Copy, as_json, read_copies
from analysis.backup.plan import LocalFile, gone, keepers, to_copy

NAMES = st.sampled_from(["a/1", "a/2", "a/3", "b/1", "b/2", "c"])
LOCAL = st.dictionaries(NAMES, st.builds(LocalFile, st.integers(0, 2), st.integers(0, 2)), max_size=6)
COPIES = st.dictionaries(NAMES, st.builds(Copy, st.integers(0, 2), st.sampled_from("xyz"), st.integers(0, 2), st.just("")), max_size=6)
SIZES = st.dictionaries(NAMES, st.integers(0, 2), max_size=6)


@settings(max_examples=100, deadline=None)
@given(LOCAL, COPIES, SIZES)
def test_what_is_not_copied_lies_there_as_it_is_here(local: dict[str, LocalFile], copies: dict[str, Copy], present: dict[str, int]) -> None:
    chosen = set(to_copy(local, copies, present))
    assert chosen <= local.keys()
    for name in local.keys() - chosen:
        assert (copies[name].size, copies[name].modified_ns) == (local[name].size, local[name].modified_ns)
        assert present[name] == local[name].size


@settings(max_examples=100, deadline=None)
@given(LOCAL)
def test_after_a_backup_nothing_is_left_to_copy(local: dict[str, LocalFile]) -> None:
    copies = {name: Copy(file.size, "x", file.modified_ns, "") for name, file in local.items()}
    assert to_copy(local, copies, {name: file.size for name, file in local.items()}) == []


@settings(max_examples=200, deadline=None)
@given(LOCAL, COPIES)
def test_no_content_loses_its_last_copy(local: dict[str, LocalFile], copies: dict[str, Copy]) -> None:
    expired = gone(local, ["a", "c"], copies)
    assert all(name.split("/")[0] in ("a", "c") and name not in local for name in expired)
    removed = {name for name, others in keepers(expired, copies).items() if others}
    after = {copy.sha256 for name, copy in copies.items() if name not in removed}
    assert after == {copy.sha256 for copy in copies.values()}


@settings(max_examples=50, deadline=None)
@given(COPIES)
def test_the_manifest_reads_back(copies: dict[str, Copy]) -> None:
    assert read_copies(as_json(copies)) == copies


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "files": {}}', '{"format": 1, "files": {"a": {"size": 1}}}'])
def test_a_damaged_manifest_is_no_empty_one(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_copies(text)


def test_a_manifest_may_not_name_files_outside() -> None:
    copy = {"size": 1, "sha256": "x", "modified_ns": 0, "verified": ""}
    with pytest.raises(ValueError, match=r"cannot be trusted: '\.\./x'"):
        read_copies(json.dumps({"format": 1, "files": {"../x": copy}}))
