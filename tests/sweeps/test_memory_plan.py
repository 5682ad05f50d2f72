from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.memory_plan import gpu_share, memory_of_trials
from sweeps.runner.price import price
from sweeps.runner.resources import gpu_count, resource_mistakes, slots
from sweeps.runner.sweep import Sweep
from trainable.memory import predict
from trainable.request import request_run
from trainable.spec.compose import compose_run, from_plain, to_plain
from trainable.spec.config import ResourcesConfig
from trainable.spec.mistakes import WrongRequest


def blueprint_of(space: Mapping[str, list[Any]], *overrides: str) -> Blueprint:
    grid = {key: {"grid_search": values} for key, values in space.items()}
    baseline = {key: values[0] for key, values in space.items()}
    return draw_up(Sweep(name="memory", hypothesis="it fits", space=grid, baseline=baseline, claims=[]), [*overrides])


def memory_lines(space: Mapping[str, list[Any]]) -> list[str]:
    return [line for line in price(blueprint_of(space), slots=1).lines() if line.startswith("memory")]


def test_trials_that_differ_only_in_what_costs_no_memory_are_one_line() -> None:
    (found,) = memory_of_trials(blueprint_of({"optimizer.lr": [1e-3, 1e-2, 1e-1]}))
    assert (found.trials, dict(found.values)) == (3, {})
    alone = predict(request_run([]))
    assert alone is not None
    assert found.prediction == alone.in_worker()
    assert "every trial" in found.line()


def test_every_distinct_memory_has_a_line_that_names_what_makes_it() -> None:
    found = memory_of_trials(blueprint_of({"optimizer": ["adamw", "adam", "sgd"], "optimizer.lr": [1e-3, 1e-2]}))
    assert [(group.trials, dict(group.values)) for group in found] == [(4, {"optimizer": ("adamw", "adam")}), (2, {"optimizer": ("sgd",)})]
    assert "(optimizer=adamw|adam)" in found[0].line()
    lines = memory_lines({"training.batch_size": [4, 8, 16]})
    assert [line.split("(")[1].split(")")[0] for line in lines] == ["batch_size=16", "batch_size=8", "batch_size=4"]


def test_many_memories_are_summed_up() -> None:
    lines = memory_lines({"training.batch_size": list(range(1, 21))})
    assert len(lines) == 13
    assert "8 more, from" in lines[-1]


def test_the_price_counts_each_cell_by_its_own_size() -> None:
    one, both = (price(blueprint_of({"model": models}), slots=1) for models in (["micro"], ["micro", "tiny"]))
    tiny = price(blueprint_of({"model": ["tiny"]}), slots=1)
    # One explored cell and the confirmation cost by the mean run of their sweep.
    per_step = [found.seconds / found.steps for found in (one, both, tiny)]
    assert per_step[1] == pytest.approx((per_step[0] + per_step[2]) / 2)
    assert both.tokens / both.steps == pytest.approx((one.tokens / one.steps + tiny.tokens / tiny.steps) / 2)


def test_the_largest_trial_decides_the_share_of_a_gpu() -> None:
    memory = memory_of_trials(blueprint_of({"training.batch_size": [8, 256]}, "resources.gpus_per_trial=auto"))
    largest = max(group.prediction.peak_bytes for group in memory if group.prediction)
    assert memory[1].prediction is not None
    assert memory[1].prediction.device == "cuda"
    assert gpu_share(memory, int(3.5 * largest)) == 0.3333
    assert gpu_share(memory, largest) == 1.0
    assert gpu_share([*memory, replace(memory[0], prediction=None)], 100 * largest) == 1.0


@pytest.mark.parametrize(("value", "count"), [("auto", 1.0), ("0", 0.0), ("1", 1.0), ("0.25", 0.25)])
def test_gpus_per_trial_is_a_number_or_auto(value: str, count: float) -> None:
    config = compose_run([f"resources.gpus_per_trial={value}"])
    assert gpu_count(config.resources) == count
    assert from_plain(to_plain(config)).resources == config.resources


@pytest.mark.parametrize("value", ["all", "-1", "-0.5", "nan"])
def test_other_gpus_per_trial_are_refused(value: str) -> None:
    with pytest.raises(WrongRequest, match=r"resources\.gpus_per_trial"):
        compose_run([f"resources.gpus_per_trial={value}"])


def test_auto_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.runner.resources._local_gpus", lambda: 0)
    (mistake,) = resource_mistakes(compose_run(["resources.gpus_per_trial=auto"]))
    assert "gpus_per_trial=auto, but this machine has 0 GPUs" in mistake


def test_packed_trials_fill_the_slots() -> None:
    assert slots(ResourcesConfig(gpus_per_trial=0.3333), cpus=16, gpus=2) == 6
    assert slots(ResourcesConfig(gpus_per_trial="auto"), cpus=16, gpus=2) == 2
