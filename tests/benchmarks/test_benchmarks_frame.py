"""What all benchmarks share: the command line, the record and the turns. What they measure is no matter of tests."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks.__main__ import measure
from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.environment import environment
from benchmarks.record import device_slug, lines, record
from benchmarks.registry import BENCHMARKS
from benchmarks.timing import medians, take_turns
from trainable.spec.mistakes import WrongRequest


def double(given: argparse.Namespace) -> Outcome:
    return Outcome({"wall time": Ratio(2.0 * given.size, "a loop", aim=5.0)}, {"ours_seconds": 1.0}, {"size": given.size})


def size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=1)


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "double", Benchmark("does it double?", double, size))


@pytest.mark.usefixtures("benchmarks")
def test_a_benchmark_prints_its_ratio_and_writes_it_with_where_it_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure(["double", "--size", "3", "--results", str(tmp_path)]) == 0
    path = tmp_path / "double-cpu.json"
    assert capsys.readouterr().out.splitlines() == ["wall time: 6x against a loop (aim 5x: met)", str(path)]
    written = json.loads(path.read_text())
    assert written["ratios"] == {"wall time": {"value": 6.0, "against": "a loop", "aim": 5.0, "note": "", "met": True}}
    assert (written["measured"], written["settings"]) == ({"ours_seconds": 1.0}, {"size": 3})
    assert {"date", "commit", "cores", "torch", "ray", "processor"} <= set(written["environment"])


@pytest.mark.usefixtures("benchmarks")
def test_without_a_name_every_benchmark_is_listed_with_its_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert measure([]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert listed == set(BENCHMARKS)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(("arguments", "message"), [(["duble"], "did you mean 'double'"), (["double", "--fast"], "unrecognized arguments")])
def test_a_wrong_request_is_refused_before_anything_is_measured(arguments: list[str], message: str) -> None:
    with pytest.raises(WrongRequest, match=message):
        measure(arguments)


def test_what_was_not_measured_has_no_value_and_says_why(tmp_path: Path) -> None:
    outcome = Outcome({"step": Ratio(None, "eager", aim=2.0, note="no GPU at hand")}, {}, device="NVIDIA H200")
    assert lines(outcome) == ["step: not measured against eager: no GPU at hand"]
    path = record("train_step", outcome, {}, tmp_path)
    assert path.name == "train_step-nvidia-h200.json"
    assert json.loads(path.read_text())["ratios"]["step"]["met"] is None
    assert device_slug("???") == "unknown"


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    measured = take_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == list("ababab")
    assert {name: len(times) for name, times in measured.items()} == {"a": 3, "b": 3}
    assert medians({"a": [3.0, 1.0, 2.0]}) == {"a": 2.0}


def test_the_environment_can_be_written_down() -> None:
    assert json.loads(json.dumps(environment()))["cores"] >= 1
