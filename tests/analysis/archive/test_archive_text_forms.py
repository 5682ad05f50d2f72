"""Bag files, plans, differences and safe names: pure, by example and by property."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.archive.bag import read_info, read_manifest, render_info, render_manifest
from analysis.archive.citation import author_names, citation, read_citation
from analysis.archive.fingerprint import fingerprint_of
from analysis.archive.paper_dir import bag_name, number_of
from analysis.archive.plan import Action, is_changed, plan_runs
from analysis.archive.safe_names import unsafe
from analysis.archive.verify import differences

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r%"), min_size=1, max_size=12).filter(
    lambda name: name == name.strip(" \t")
)
DIGESTS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("123"), max_size=6)
RUNS = st.lists(st.integers(0, 30).map(lambda n: f"20260301_1200_baseline-adam_tiny_lr{n}_seed1"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=4), max_size=5))
def test_a_manifest_reads_back_as_it_was_written(files: dict[str, bytes]) -> None:
    prints = {name: fingerprint_of([content]) for name, content in files.items()}
    for algorithm in ("sha256", "sha512"):
        told = read_manifest(render_manifest(prints, algorithm))
        assert told == {name: each.digest(algorithm) for name, each in prints.items()}


@pytest.mark.parametrize("text", ["nonsense\n", "0123\n", "ab  x\nab  x\n", "AB  x\n", "ab  x\n\nab  y\n"])
def test_a_line_that_is_no_entry_is_named_by_its_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d is damaged"):
        read_manifest(text)


def test_bag_info_folds_no_lines_and_reads_folded_ones() -> None:
    assert render_info({"A": "one\ntwo"}) == "A: one two\n"
    assert read_info("A: one\n  two\nB: x: y\n") == {"A": "one two", "B": "x: y"}


@settings(max_examples=100, deadline=None)
@given(DIGESTS, DIGESTS)
def test_differences_are_empty_only_for_equals_and_name_every_file_that_differs(expected: dict[str, str], found: dict[str, str]) -> None:
    faults = differences(expected, found)
    assert (faults == []) == (expected == found)
    named = " ".join(fault.partition(": ")[2] for fault in faults).replace(" is now ", " ").split()
    differing = {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
    assert sorted(named) == sorted(differing)


def test_a_renamed_file_is_told_by_both_names() -> None:
    assert differences({"a": "1", "b": "2"}, {"c": "1", "b": "2"}) == ["renamed: a is now c"]


@settings(max_examples=100, deadline=None)
@given(RUNS, RUNS)
def test_archiving_again_gives_each_run_one_number_for_ever(first: list[str], second: list[str]) -> None:
    held = {decision.identifier: decision.folder for decision in plan_runs({}, [], first)}
    again = plan_runs(held, [], [*first, *second])
    after = held | {decision.identifier: decision.folder for decision in again}
    assert {decision.identifier for decision in again if decision.action == Action.NEW} == set(second) - set(first)
    assert after.items() >= held.items()
    numbers = sorted(number_of(folder) or 0 for folder in after.values())
    assert numbers == list(range(1, len(after) + 1))


def test_only_a_changed_run_is_archived_anew() -> None:
    held = {"a": "exp001_a", "b": "exp002_b"}
    assert [decision.action for decision in plan_runs(held, ["b"], ["a", "b"])] == [Action.KEPT, Action.REPLACED]
    assert not is_changed({"x": "1"}, {"x": "1", "checkpoints/y": "2"})
    assert is_changed({"x": "1", "z": "3"}, {"x": "1"})


def test_a_bag_is_named_for_what_was_varied() -> None:
    assert bag_name(7, "20260301_1200_baseline-adam_tinystdlib_lr1e-3_seed2") == "exp007_adam_lr1e-3_seed2"
    assert bag_name(12, "My Run/..") == "exp012_myrun.."
    assert unsafe(bag_name(12, "My Run/..")) is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "", "C:x", "\\\\host\\x", "a\\..\\b", "a\0b"])
def test_a_name_that_could_leave_its_folder_is_unsafe(name: str) -> None:
    assert unsafe(name)


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a..b", "..a", "a/...", "exp001_lr1e-3/data/ü"])
def test_a_plain_name_is_safe(name: str) -> None:
    assert unsafe(name) is None


def test_a_citation_keeps_what_a_person_wrote() -> None:
    first = read_citation(citation("paper1", [], "abc", "2026-03-02"))
    assert first["authors"] == [{"name": "The authors of paper1"}]
    written = {**first, "title": "Our title", "license": "CC-BY-4.0"}
    second = read_citation(citation("paper1", ["Strata, Vera", "A Lab"], "def", "2026-03-03", written))
    assert (second["title"], second["license"], second["commit"]) == ("Our title", "CC-BY-4.0", "def")
    assert second["authors"] == [{"family-names": "Strata", "given-names": "Vera"}, {"name": "A Lab"}]
    assert author_names(second) == ["Vera Strata", "A Lab"]
    third = read_citation(citation("paper1", [], "def", "2026-03-03", second))
    assert third == second
    with pytest.raises(ValueError, match=r"CITATION\.cff"):
        read_citation(yaml.safe_dump(["a"]))
