"""The trainer in an actor that is used for many trials: it holds a run only while it works on it. No Ray is started."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainable.data.prepare import prepare
from trainable.ray_trainable import TransformerTrainable
from trainable.request import request_run
from trainable.run_lock import RunLocked, lock_run
from trainable.spec.compose import to_plain
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary

Overrides = Callable[..., list[str]]


@pytest.fixture
def assignment(tmp_path: Path, tiny_overrides: Overrides) -> Callable[[str], dict[str, Any]]:
    config = request_run(tiny_overrides())
    prepare(config.data)

    def of(name: str) -> dict[str, Any]:
        identity = {"trial": f"{name}-s1", "cell": name, "seed": 1}
        run = {"config": to_plain(config), "run_dir": str(tmp_path / name), "identity": identity, "timeout_seconds": 60.0}
        return {"run": json.dumps(run)}

    return of


def actor(config: dict[str, Any]) -> TransformerTrainable:
    """As Tune makes one in a worker, without Tune's own folders."""
    trainable = object.__new__(TransformerTrainable)
    trainable.setup(config)
    return trainable


def is_free(run_dir: Path) -> bool:
    try:
        lock_run(RunDir(run_dir), patience_seconds=0.0).close()
    except RunLocked:
        return False
    return True


def evaluation(result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result["evaluation"])
    return found


def test_an_actor_that_is_not_used_touches_no_run(tmp_path: Path, assignment: Callable[[str], dict[str, Any]]) -> None:
    """Tune starts an actor for a trial, and gives the trial to another one that has become free meanwhile."""
    trainable = actor(assignment("a"))
    trainable.reset_config(assignment("b"))
    trainable.cleanup()
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_a_finished_run_is_let_go_at_once(tmp_path: Path, assignment: Callable[[str], dict[str, Any]]) -> None:
    trainable = actor(assignment("a"))
    results = [trainable.step()]
    assert not is_free(tmp_path / "a")
    while not results[-1]["done"]:
        results.append(trainable.step())
    assert is_free(tmp_path / "a")
    assert [evaluation(result)["step"] for result in results] == [4, 8, 12]
    assert read_summary(RunDir(tmp_path / "a")).status == "completed"


def test_a_stopped_run_can_be_continued_by_another_actor(tmp_path: Path, assignment: Callable[[str], dict[str, Any]]) -> None:
    first, second = actor(assignment("a")), actor(assignment("b"))
    first.step()
    first.let_go()
    assert is_free(tmp_path / "a")
    second.reset_config(assignment("a"))
    assert evaluation(second.step())["step"] == 4
    assert evaluation(second.step())["step"] == 8
    second.cleanup()
    first.cleanup()


def test_tune_is_sent_an_evaluation_and_no_configuration(assignment: Callable[[str], dict[str, Any]]) -> None:
    """It keeps the last result of every trial, and statistics of each of its numbers."""
    given = assignment("a")
    trainable = TransformerTrainable(given)
    result = trainable.train()
    trainable.stop()
    assert evaluation(result)["step"] == 4
    assert given["run"] not in result.values()
    assert {name for name, value in result.items() if isinstance(value, int | float)} == {"done", "training_iteration"}
