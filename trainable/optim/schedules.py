"""Learning-rate schedules: pure functions of the step, so that resuming needs no state; no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, isfinite, pi

from trainable.spec.config import ScheduleConfig
from trainable.spec.mistakes import WrongRequest, unknown


@dataclass(frozen=True)
class Schedule:
    """`descent` maps the progress of the decay, in [0, 1], to the share of the way from peak to floor; `stable` holds the peak first."""

    descent: Callable[[float], float]
    stable: bool = False


def lr_at(step: int, *, config: ScheduleConfig, peak_lr: float, max_steps: int) -> float:
    """The learning rate of update `step`, counted from 1 to `max_steps`.

    Warm-up is linear, peak_lr * step / warmup_steps: the first update already moves, update `warmup_steps` is the first at the
    peak (as is update 1 without warm-up), and update `max_steps` is made at the floor, peak_lr * min_lr_ratio (`constant` has no
    floor). Steps past the end stay there. Warm-up goes before decay: a run that is all warm-up ends at its peak.

    Raises `ValueError` for a step below 1 and `WrongRequest` for an unknown schedule.
    """
    if step < 1:
        raise ValueError(f"step={step} must be at least 1: updates are counted from 1")
    if config.name not in SCHEDULES:
        raise WrongRequest([unknown("schedule.name", config.name, SCHEDULES)])
    warmup = max(config.warmup_steps, 1)
    if step <= warmup:
        return peak_lr * (step / warmup)
    share = SCHEDULES[config.name].descent(_decay_progress(step, warmup, config, max_steps))
    floor = peak_lr * config.min_lr_ratio
    return max(floor, min(peak_lr, (1 - share) * peak_lr + share * floor))


def _decay_progress(step: int, warmup: int, config: ScheduleConfig, max_steps: int) -> float:
    start = max(warmup, max_steps - _decay_steps(config, max_steps)) if SCHEDULES[config.name].stable else warmup
    if step <= start or start >= max_steps:
        return 0.0
    return min(1.0, (step - start) / (max_steps - start))


def _decay_steps(config: ScheduleConfig, max_steps: int) -> int:
    return round(config.decay_fraction * max_steps)


def schedule_mistakes(config: ScheduleConfig, max_steps: int) -> list[str]:
    """One sentence for each value that breaks its rule."""
    mistakes = [] if config.name in SCHEDULES else [unknown("schedule.name", config.name, SCHEDULES)]
    if config.warmup_steps < 0:
        mistakes.append(f"schedule.warmup_steps={config.warmup_steps} must be at least 0")
    if config.warmup_steps > max_steps:
        mistakes.append(f"schedule.warmup_steps={config.warmup_steps} is longer than the run of training.max_steps={max_steps}")
    for name in ("min_lr_ratio", "decay_fraction"):
        value = getattr(config, name)
        if not (isfinite(value) and 0 <= value <= 1):
            mistakes.append(f"schedule.{name}={value} must lie in [0, 1]")
    return mistakes or _overlap(config, max_steps)


def _overlap(config: ScheduleConfig, max_steps: int) -> list[str]:
    decay_steps = _decay_steps(config, max_steps)
    if not SCHEDULES[config.name].stable or config.warmup_steps + decay_steps <= max_steps:
        return []
    return [
        f"schedule.warmup_steps={config.warmup_steps} and a decay of {decay_steps} steps "
        f"(schedule.decay_fraction={config.decay_fraction}) do not fit into training.max_steps={max_steps}"
    ]


def _level(progress: float) -> float:
    return 0.0 * progress


def _linear(progress: float) -> float:
    return progress


def _cosine(progress: float) -> float:
    """Half a cosine (Loshchilov and Hutter 2017, SGDR, eq. 5, without restarts)."""
    return 0.5 * (1 - cos(pi * progress))


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(_level),
    "linear": Schedule(_linear),
    "cosine": Schedule(_cosine),
    "wsd": Schedule(_linear, stable=True),  # warmup-stable-decay: Hu et al. 2024, MiniCPM, section 4
}
