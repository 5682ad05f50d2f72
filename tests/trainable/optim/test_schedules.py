import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.optim.schedules import SCHEDULES, lr_at, schedule_mistakes
from trainable.spec.config import ScheduleConfig
from trainable.spec.mistakes import WrongRequest


def rates(config: ScheduleConfig, peak_lr: float, max_steps: int) -> list[float]:
    return [lr_at(step, config=config, peak_lr=peak_lr, max_steps=max_steps) for step in range(1, max_steps + 1)]


def test_cosine_is_the_formula_of_the_cs336_assignment() -> None:
    config = ScheduleConfig(name="cosine", warmup_steps=200, min_lr_ratio=0.1)
    peak, floor, cycle = 6e-4, 6e-5, 1000
    for step, rate in enumerate(rates(config, peak, cycle), start=1):
        decayed = floor + 0.5 * (1 + math.cos(math.pi * (step - 200) / (cycle - 200))) * (peak - floor)
        assert rate == pytest.approx(peak * step / 200 if step < 200 else decayed, rel=1e-12)


def test_linear_goes_straight_from_the_peak_to_the_floor() -> None:
    config = ScheduleConfig(name="linear", warmup_steps=2, min_lr_ratio=0.5)
    assert rates(config, 8.0, 6) == [4.0, 8.0, 7.0, 6.0, 5.0, 4.0]


def test_constant_stays_at_the_peak_after_warmup() -> None:
    assert rates(ScheduleConfig(name="constant", warmup_steps=4), 1.0, 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_wsd_decays_only_in_the_last_fraction_of_the_run() -> None:
    config = ScheduleConfig(name="wsd", warmup_steps=2, min_lr_ratio=0.0, decay_fraction=0.4)
    assert rates(config, 1.0, 10) == [0.5, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0.0]


def test_wsd_without_a_decay_is_constant() -> None:
    config = ScheduleConfig(name="wsd", decay_fraction=0.0, min_lr_ratio=0.0)
    assert rates(config, 1.0, 5) == [1.0] * 5


@pytest.mark.parametrize("name", ["linear", "cosine", "wsd"])
def test_the_run_starts_at_the_peak_without_warmup_and_ends_exactly_at_the_floor(name: str) -> None:
    found = rates(ScheduleConfig(name=name, min_lr_ratio=0.1), 3e-3, 77)
    assert found[0] == 3e-3
    assert found[-1] == 3e-3 * 0.1


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_run_of_one_step_makes_it_at_the_peak(name: str) -> None:
    assert rates(ScheduleConfig(name=name, min_lr_ratio=0.0), 2.0, 1) == [2.0]


def test_steps_past_the_end_stay_at_the_floor() -> None:
    assert lr_at(15, config=ScheduleConfig(name="cosine", min_lr_ratio=0.25), peak_lr=1.0, max_steps=10) == 0.25


@st.composite
def legal(draw: st.DrawFn) -> tuple[ScheduleConfig, float, int]:
    max_steps = draw(st.integers(1, 300))
    config = ScheduleConfig(
        name=draw(st.sampled_from(sorted(SCHEDULES))),
        warmup_steps=draw(st.integers(0, max_steps)),
        min_lr_ratio=draw(st.floats(0, 1)),
        decay_fraction=draw(st.floats(0, 1)),
    )
    return config, draw(st.floats(1e-6, 10)), max_steps


@given(legal())
def test_every_schedule_rises_to_the_peak_and_then_never_rises(case: tuple[ScheduleConfig, float, int]) -> None:
    config, peak, max_steps = case
    found = rates(config, peak, max_steps)
    warmup = max(config.warmup_steps, 1)
    floor = peak * config.min_lr_ratio
    assert found[:warmup] == sorted(found[:warmup])
    assert all(0 < rate <= peak for rate in found[:warmup])
    assert all(floor <= rate <= peak for rate in found[warmup:])
    # Two roundings of values up to `peak` lie between neighbouring steps.
    assert all(later <= earlier + 4e-16 * peak for earlier, later in zip(found[warmup - 1 :], found[warmup:], strict=False))


@given(legal())
def test_warmup_ends_at_the_peak_without_a_jump(case: tuple[ScheduleConfig, float, int]) -> None:
    config, peak, max_steps = case
    found = rates(config, peak, max_steps)
    warmup = max(config.warmup_steps, 1)
    assert found[warmup - 1] == peak
    decay_steps = round(config.decay_fraction * max_steps) if config.name == "wsd" else max_steps
    remaining = min(max_steps - warmup, decay_steps)
    if warmup < max_steps and remaining:
        # No schedule descends faster than a cosine at its steepest: pi / 2 times the mean slope.
        assert peak - found[warmup] <= (math.pi / 2 * peak / remaining) * (1 + 1e-12)


def test_updates_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        lr_at(0, config=ScheduleConfig(), peak_lr=1.0, max_steps=10)


def test_an_unknown_schedule_names_the_nearest_one() -> None:
    with pytest.raises(WrongRequest, match="did you mean 'cosine'"):
        lr_at(1, config=ScheduleConfig(name="cosin"), peak_lr=1.0, max_steps=10)


def test_every_mistake_of_a_schedule_is_told_at_once() -> None:
    config = ScheduleConfig(name="lineer", warmup_steps=11, min_lr_ratio=1.5, decay_fraction=float("nan"))
    assert schedule_mistakes(config, max_steps=10) == [
        "unknown schedule.name 'lineer' (did you mean 'linear'?)",
        "schedule.warmup_steps=11 is longer than the run of training.max_steps=10",
        "schedule.min_lr_ratio=1.5 must lie in [0, 1]",
        "schedule.decay_fraction=nan must lie in [0, 1]",
    ]
    assert schedule_mistakes(ScheduleConfig(warmup_steps=-1), 10) == ["schedule.warmup_steps=-1 must be at least 0"]


def test_warmup_and_decay_of_wsd_must_fit_into_the_run() -> None:
    tight = ScheduleConfig(name="wsd", warmup_steps=6, decay_fraction=0.4)
    assert schedule_mistakes(tight, max_steps=10) == []
    tight.warmup_steps = 7
    (mistake,) = schedule_mistakes(tight, max_steps=10)
    assert "a decay of 4 steps" in mistake
    assert "training.max_steps=10" in mistake
    tight.name = "cosine"
    assert schedule_mistakes(tight, max_steps=10) == []


@given(legal())
def test_legal_schedules_have_no_mistakes_but_an_overlap(case: tuple[ScheduleConfig, float, int]) -> None:
    config, _, max_steps = case
    mistakes = schedule_mistakes(config, max_steps)
    overlaps = config.name == "wsd" and config.warmup_steps + round(config.decay_fraction * max_steps) > max_steps
    assert len(mistakes) == overlaps


def test_planning_needs_no_torch() -> None:
    names = "trainable.optim.schedules, trainable.optim.checks, trainable.optim.registry, trainable.model.size"
    program = f"import sys, {names}; sys.exit(any(name in sys.modules for name in ('torch', 'bitsandbytes')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
