"""Every item holds for a sound run or archive, and fails for the one thing it is about."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.checklists.item import HOLDS, Item, Outcome, checked, checked_over, fails, for_people, not_here
from analysis.checklists.paper_items import PAPER_ITEMS, PaperFacts
from analysis.checklists.run_facts import RunFacts, sections_of
from analysis.checklists.run_items import RUN_ITEMS
from analysis.checklists.sweep_items import SWEEP_ITEMS
from analysis.checkpoints.verify import FoundCheckpoint, RunCheckpoints
from trainable.spec.metric_names import EVERY_RUN

KEY = ["train/loss", "eval/loss", "memory/peak_gb", "time/tokens_per_sec", "optimizer/grad_norm", "optimizer/update_norm"]
CONFIG = {"training": {"seed": 1}, "tracking": {"wandb": "offline"}}
TOLD = {
    "hypothesis": "Larger is faster.",
    "config": CONFIG,
    "seed": 1,
    "commit": "abc",
    "status": "completed",
    "stage": "confirm",
    "ended": "2026-03-01",
    "device": "cpu",
    "checkpoint_bytes": 12,
    "metrics": dict.fromkeys(KEY, 1.0),
}
TITLES = ("Hypothesis", "Configuration", "Results", "Observations", "Conclusion", "Next Steps", "Files")
RUN = RunFacts(
    told=TOLD,
    config=CONFIG,
    provenance={"seed": 1, "git": {"commit": "abc", "diff": ""}, "hardware": {"processor": "x", "memory_bytes": 1}},
    columns=tuple(EVERY_RUN),
    rows=4,
    files=frozenset({"logs/train.log", "plots/loss_curve.png", "plots/memory_profile.png", "wandb/offline-run-1/run-1.wandb"}),
    sections=dict.fromkeys(TITLES, "text") | {"Results": "Baseline: lr = 1e-3."},
    checkpoints=RunCheckpoints((FoundCheckpoint("checkpoints/final", 40, hashed=True),)),
    random_states={"final": True},
)
BAGS = {"exp001_a": {"Content": "run"}, "sweep_b": {"Content": "sweep", "Rebuilt": "as they were"}}
PAPER = PaperFacts(
    bags=BAGS,
    files=frozenset(
        {
            "reproduce.sh",
            "reproduce.py",
            "exp001_a/requirements-frozen.txt",
            "final_results.csv",
            "sweep_b/data/trials.parquet",
            "sweep_b/data/metrics.parquet",
            "CITATION.cff",
            "ro-crate-metadata.json",
            "LICENSE",
        }
    ),
    manifest="exp001_a sweep_b sh reproduce.sh",
    citation="",
    faults=(),
)


def without(files: frozenset[str], name: str) -> dict[str, Any]:
    return {"files": frozenset(file for file in files if not file.startswith(name))}


def told(**changes: Any) -> dict[str, Any]:
    return {"told": TOLD | changes}


RUN_HARM: dict[str, dict[str, Any]] = {
    "9.1-hypothesis": told(hypothesis=""),
    "9.1-config": {"config": {}},
    "9.1-seeds": told(seed=2),
    "9.1-committed": {"provenance": RUN.provenance | {"git": {"commit": "abc", "diff": "+ 1"}}},
    "9.1-commit": told(commit=None) | {"provenance": {}},
    "9.1-hardware": {"provenance": {}},
    "9.2-metrics": {"columns": tuple(EVERY_RUN[:-1])},
    "9.2-wandb": without(RUN.files, "wandb/"),
    "9.2-checkpoints": {"checkpoints": RunCheckpoints((), ("final",))},
    "9.2-whole": {"checkpoints": RunCheckpoints((FoundCheckpoint("checkpoints/final", 40, faults=("flipped",)),))},
    "9.2-random": {"random_states": {"final": False}},
    "9.2-log": without(RUN.files, "logs/"),
    "9.3-ended": told(status="running"),
    "9.3-summary": {"told": {}},
    "9.3-plots": without(RUN.files, "plots/memory"),
    "9.3-compared": {"sections": {"Hypothesis": "x"}},
    "9.3-next": {"sections": {}},
    "12.2-summary": {"sections": {**RUN.sections, "Observations": ""}},
    "12.2-metrics": told(metrics=dict.fromkeys(KEY[:-1], 1.0)),
    "12.2-conclusion": {"sections": {"Conclusion": "x"}},
    "12.2-baseline": {"sections": {**RUN.sections, "Results": "alone"}},
    "12.2-plots": without(RUN.files, "plots/loss"),
    "12.2-config": {"config": {"training": {"seed": 2}}},
}
PAPER_HARM: dict[str, dict[str, Any]] = {
    "9.4-archived": {"bags": {"exp001_a": {"Content": "run"}}},
    "9.4-manifest": {"manifest": "sweep_b only"},
    "9.4-intact": {"faults": ("altered: x",)},
    "9.4-script": without(PAPER.files, "reproduce.py"),
    "9.4-environment": without(PAPER.files, "exp001_a/req"),
    "9.4-readme": {"manifest": "exp001_a sweep_b"},
    "12.3-figures": {"bags": {**BAGS, "sweep_b": {"Content": "sweep", "Rebuilt": "not as it was"}}},
    "12.3-tables": without(PAPER.files, "final_results"),
    "12.3-data": without(PAPER.files, "CITATION"),
    "12.3-readme": {"manifest": ""},
    "12.3-license": without(PAPER.files, "LICENSE"),
}


def item_of(items: list[Item[Any]], id_: str) -> Item[Any]:
    return next(item for item in items if item.id == id_)


def for_a_machine(items: list[Item[Any]], facts: Any) -> set[str]:
    return {item.id for item in items if item.check(facts).outcome != Outcome.FOR_PEOPLE}


def test_a_sound_run_and_archive_hold_everywhere() -> None:
    for items, facts in ((RUN_ITEMS, RUN), (PAPER_ITEMS, PAPER)):
        found = checked(items, facts)
        assert [result.id for result in found if result.finding.outcome == Outcome.FAILS] == []


def test_every_item_that_a_machine_knows_has_its_harm_here() -> None:
    assert for_a_machine(RUN_ITEMS, RUN) == set(RUN_HARM)
    assert for_a_machine(PAPER_ITEMS, PAPER) == set(PAPER_HARM)


@pytest.mark.parametrize("id_", RUN_HARM)
def test_a_harmed_run_fails_its_item(id_: str) -> None:
    finding = item_of(RUN_ITEMS, id_).check(replace(RUN, **RUN_HARM[id_]))
    assert finding.outcome == Outcome.FAILS
    assert finding.reason


@pytest.mark.parametrize("id_", PAPER_HARM)
def test_a_harmed_archive_fails_its_item(id_: str) -> None:
    finding = item_of(PAPER_ITEMS, id_).check(replace(PAPER, **PAPER_HARM[id_]))
    assert finding.outcome == Outcome.FAILS
    assert finding.reason


def test_an_empty_directory_is_judged_and_not_raised_over() -> None:
    failed = {result.id for result in checked(RUN_ITEMS, RunFacts()) if result.is_failure}
    assert {"9.1-hypothesis", "9.1-config", "9.2-metrics", "9.3-summary"} <= failed


def test_items_are_told_apart_by_their_ids() -> None:
    ids = [item.id for items in (RUN_ITEMS, SWEEP_ITEMS, PAPER_ITEMS) for item in items]
    assert len(ids) == len(set(ids))


def test_what_does_not_apply_is_no_failure() -> None:
    stopped = replace(
        RUN, told=TOLD | {"status": "stopped_early"}, files=frozenset({"logs/train.log"}), config={"tracking": {"wandb": "off"}}
    )
    outcomes = {result.id: result.finding.outcome for result in checked(RUN_ITEMS, stopped)}
    for id_ in ("9.2-wandb", "9.3-plots", "9.3-finished", "12.2-metrics", "12.2-baseline"):
        assert outcomes[id_] == Outcome.NOT_HERE
    bare = replace(RUN, checkpoints=RunCheckpoints((), ("final",)), random_states={}, without_checkpoints=True)
    assert [item_of(RUN_ITEMS, id_).check(bare).outcome for id_ in ("9.2-checkpoints", "9.2-whole", "9.2-random")] == [Outcome.NOT_HERE] * 3


def test_an_item_over_many_runs_names_those_where_it_fails() -> None:
    facts = {"a": HOLDS, "b": fails("torn"), "c": fails("torn"), "d": fails("torn"), "e": fails("gone"), "f": not_here("-")}
    item: Item[Any] = Item("9.1-x", "x", lambda finding: finding)
    result = checked_over([item], facts)[0]
    assert result.is_failure
    assert result.finding.reason == "4 of 5 runs: torn (b, c and 1 more); gone (e)"
    assert checked_over([item], {"a": HOLDS, "f": not_here("-")})[0].finding.reason == "1 of 1 runs"
    assert checked_over([item], {"a": for_people("look")})[0].finding == for_people("look")
    assert checked_over([item], {})[0].finding.outcome == Outcome.NOT_HERE
    assert not checked_over([replace(item, required=False)], facts)[0].is_failure


def test_sections_of_a_page() -> None:
    assert sections_of("# x\n\n## One\n\ntext\n\n---\n\n## Two\n") == {"One": "text", "Two": ""}
