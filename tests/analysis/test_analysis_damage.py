"""Whatever stands in the ledger and in the summaries, the sweep is summarized, judged and reported."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_on_disk import SweepBuilder, lived_sweep

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.of_sweep import verify_trials
from analysis.load import load_sweep
from analysis.report.conclusion import judge
from analysis.report.evidence import Evidence
from analysis.report.results import results_page
from analysis.report.run_pages import write_run_pages
from analysis.study import Study
from analysis.summarize import summarize

FOREIGN = (None, 0, -1, 1.5, "x", "", [], {}, [1], {"a": 1}, True, 1e308, 2**70, float("nan"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SweepBuilder:
    sweep = lived_sweep(tmp_path_factory.mktemp("damage"))
    sweep.write()
    return sweep


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [place for key, item in inner for place in [(*path, key), *places(item, (*path, key))]]


def damaged(value: Any, place: tuple[Any, ...], foreign: Any) -> Any:
    changed = json.loads(json.dumps(value))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = foreign
    return changed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_foreign_value_anywhere_never_stops_the_report(whole: SweepBuilder, data: st.DataObject) -> None:
    files = sorted(whole.root.glob("runs/*/summary.json"))
    summary: Path | None = data.draw(st.sampled_from([None, *files]))
    foreign = data.draw(st.sampled_from(FOREIGN))
    path, events = summary or whole.directory.ledger, list(whole.events)
    before = path.read_text()
    if summary is None:
        line = data.draw(st.integers(0, len(events) - 1))
        events[line] = damaged(events[line], data.draw(st.sampled_from(places(events[line]))), foreign)
        after = "".join(json.dumps(event) + "\n" for event in events)
    else:
        content = json.loads(before)
        after = json.dumps(damaged(content, data.draw(st.sampled_from(places(content))), foreign))
    path.write_text(after)
    try:
        sweep = load_sweep(whole.directory)
        study = Study(sweep.statement, summarize(sweep), whole.directory.metrics)
        conclusion = judge(sweep, study, [])
        checkpoints = verify_trials(sweep.trials, Hashes())
        evidence = Evidence(sweep, study, conclusion.verdicts, conclusion.cells, [], checkpoints)
        assert results_page(evidence).startswith("# lr_ablation\n\n## Verdict\n")
        assert write_run_pages(evidence) == []
        assert len(conclusion.verdicts) == 1
    finally:
        path.write_text(before)
