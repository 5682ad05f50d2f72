"""Sweeps whose trials are lanes of one process, on a real Ray: the same trials, the same ends and, up to float order, the same losses."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sweeps.runner.blueprint import draw_up
from sweeps.runner.fused.fusing import alike, best_lanes, common
from sweeps.runner.fused.lane_pool import LanePool
from sweeps.runner.sweep import Sweep
from tests.faults.outcome import sweep_directory
from tests.faults.processes import kill, marked
from tests.faults.workplace import Workplace
from tests.sweeps.fused.fused_sweep import SWEEP
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import ResourcesConfig
from trainable.spec.ledger import read_events, replay
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Trainer

_MODULE = "tests.sweeps.fused.fused_sweep"


@pytest.fixture(scope="module")
def workplace() -> Iterator[Workplace]:
    found = Workplace()
    yield found
    found.close()


def alone(overrides: Sequence[str], folder: Path) -> Trainer:
    """The same trial by itself, without Ray."""
    trainer = Trainer(request_run(list(overrides)), RunDir(folder), RunIdentity(folder.name, "cell", 1, ""))
    while not trainer.done:
        trainer.advance()
    trainer.close()
    return trainer


@pytest.mark.ray
@pytest.mark.slow
def test_fused_trials_end_as_trials_alone_do_and_outlive_their_host(workplace: Workplace, tmp_path: Path) -> None:
    driver = workplace.start(workplace.results("fused"), ["resources.fuse=2"], _MODULE)
    try:
        killed = _kill_a_host(driver.mark, workplace)
        assert driver.process.wait(timeout=200) == 0, driver.output()
    finally:
        driver.process.kill()
        driver.process.wait()
    assert killed
    state = replay(read_events(sweep_directory(workplace.results("fused")).ledger)[0])
    assert {record.status for record in state.trials.values()} == {Status.COMPLETED, Status.DIVERGED}
    assert max(record.attempt for record in state.trials.values()) > 1
    for trial, record in state.trials.items():
        expected = alone(record.overrides, tmp_path / trial)
        assert record.status == expected.status
        losses = {step: metrics["eval/loss"] for step, metrics in record.evaluations.items()}
        # Sums in another order, over 48 steps.
        assert losses == pytest.approx({step: metrics["eval/loss"] for step, metrics in expected.evaluations}, rel=1e-4), trial


def _kill_a_host(mark: str, workplace: Workplace) -> bool:
    """Once trials have been evaluated."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        time.sleep(0.1)
        ledgers = list(workplace.results("fused").glob("sweeps/*/ledger.jsonl"))
        if not ledgers or ledgers[0].read_text().count('"evaluated"') < 2:
            continue
        for process in marked(mark):
            if "LaneHost" in process.command:
                kill(process)
                return True
    return False


@pytest.mark.parametrize(
    ("fuse", "said"),
    [
        ("resources.fuse=1", "must be off, auto or a number from 2"),
        ("resources.fuse=many", "must be off, auto or a number from 2"),
        ("resources.fuse=1000", "must be off, auto or a number from 2"),
    ],
)
def test_a_number_of_lanes_that_makes_no_sense_is_refused(fuse: str, said: str) -> None:
    with pytest.raises(WrongRequest, match=said):
        request_run([fuse])


@pytest.mark.parametrize("other", ["resources.workers_per_trial=2", "resources.gpus_per_trial=2", "resources.storage=s3://bucket/runs"])
def test_lanes_do_not_go_with_several_workers_nor_with_a_storage(other: str) -> None:
    with pytest.raises(WrongRequest, match=r"resources\.fuse=4"):
        request_run(["resources.fuse=4", other])


@pytest.mark.parametrize(
    ("seconds", "expected"), [({1: 1.0}, 1), ({1: 1.0, 2: 0.95}, 1), ({1: 1.0, 2: 0.6, 4: 0.5}, 4), ({1: 1.0, 2: 0.6, 4: 0.7}, 2)]
)
def test_trials_are_fused_where_a_measurement_says_that_it_pays(seconds: dict[int, float], expected: int) -> None:
    assert best_lanes(seconds) == expected


@pytest.mark.parametrize(("steps", "expected"), [(1_000, 1), (13_000, 2), (1_000_000, 4)])
def test_a_short_sweep_does_not_start_more_actors_than_it_gains_by(steps: int, expected: int) -> None:
    assert best_lanes({1: 2e-3, 2: 1.5e-3, 4: 1.2e-3}, steps, start_seconds=2.0) == expected


def test_trials_of_one_shape_are_counted() -> None:
    assert alike(draw_up(SWEEP, ["data=stdlib"]))[1] == 4
    shapes = Sweep(
        name="shapes", hypothesis="", space={"model.num_layers": {"grid_search": [1, 2, 3]}}, baseline={"model.num_layers": 1}, claims=[]
    )
    assert alike(draw_up(shapes, []))[1] == 1


def test_lanes_that_differ_in_size_share_a_micro_batch_and_the_highest_rank() -> None:
    def varying(key: str, values: list[int], *base: str) -> Sweep:
        return Sweep(
            name="sizes", hypothesis="", space={key: {"grid_search": values}}, baseline={key: values[0]}, claims=[], base=list(base)
        )

    sizes = varying("training.batch_size", [8, 12, 20])
    ranks = varying("adapter.rank", [2, 16, 4], "adapter=lora", "adapter.target_modules=[q_proj]")
    assert common(draw_up(sizes, [])) == {"rows": 4, "rank": None}
    assert common(draw_up(ranks, [])) == {"rows": None, "rank": 16}
    assert alike(draw_up(ranks, []))[1] == 3
    assert common(draw_up(SWEEP, ["data=stdlib"])) == {"rows": None, "rank": None}


def test_a_lane_takes_its_part_of_what_the_slot_reserves() -> None:
    shared = LanePool(ResourcesConfig(cpus_per_trial=2, gpus_per_trial=0.5), 4, {}).shared
    assert (shared.cpus_per_trial, shared.gpus_per_trial) == (0.5, 0.125)
