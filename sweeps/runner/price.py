"""The price tag before a sweep starts: trials, steps, tokens, expected time and memory."""

from dataclasses import dataclass
from statistics import fmean

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.bounds_price import BoundsPrice, bounds_price
from sweeps.runner.memory_plan import MemoryOfTrials, memory_of_trials
from sweeps.runner.resources import gpu_count
from sweeps.runner.schedulers.registry import SCHEDULERS
from trainable.memory import GB
from trainable.model.size import flops_per_token
from trainable.spec.config import RunConfig

# What is assumed of the hardware for the estimate; the report gives what was measured.
CPU_FLOPS_PER_CORE = 6e10
GPU_FLOPS = 1e14
_MEMORY_LINES = 12


@dataclass(frozen=True)
class Price:
    """Expected totals; `full_steps` is what running every trial to the end would take, `bounds_seconds` the share of `bounds`."""

    explore_trials: int
    confirm_trials: int
    steps: int
    full_steps: int
    tokens: int
    seconds: float
    memory: tuple[MemoryOfTrials, ...]
    bounds: BoundsPrice | None = None
    bounds_seconds: float = 0.0

    def lines(self) -> list[str]:
        trials = f"{self.explore_trials} to explore, {self.confirm_trials} to confirm"
        saved = 1 - self.steps / self.full_steps if self.full_steps else 0.0
        less = f" ({saved:.0%} less than the {self.full_steps:,} without early stopping)" if saved else ""
        return [
            f"trials   {self.explore_trials + self.confirm_trials} ({trials})",
            f"steps    about {self.steps:,}{less}",
            f"tokens   about {self.tokens:,}",
            f"time     about {_duration(self.seconds)} (estimated, not measured)",
            *([self.bounds.line(_duration(self.bounds_seconds))] if self.bounds else []),
            *(group.line() for group in self.memory[:_MEMORY_LINES]),
            *self._further_memory(),
        ]

    def _further_memory(self) -> list[str]:
        further = [group.prediction.peak_bytes / GB for group in self.memory[_MEMORY_LINES:] if group.prediction]
        return [f"memory   {len(further)} more, from {min(further):.2f} to {max(further):.2f} GB"] if further else []


def price(blueprint: Blueprint, slots: int) -> Price:
    """The price of the sweep from an empty ledger, with `slots` trials at once."""
    explore, confirm = blueprint.expected_trials
    steps, run = expected_steps(blueprint), _full_run(blueprint)
    runs = steps / run.steps
    seconds = runs * run.flops / _flops(blueprint.base) / slots
    bounds = bounds_price(blueprint.base)
    # Of runs that come to their end; what the exploration finishes beside its best is left out.
    finished = confirm + (1 if explore else 0)
    asked = finished * bounds.training_tokens / run.tokens * run.flops / _flops(blueprint.base) / slots if bounds else 0.0
    memory = sorted(memory_of_trials(blueprint), key=lambda group: -group.prediction.peak_bytes if group.prediction else 0)
    full_steps, tokens = round(run.steps * (explore + confirm)), round(runs * run.tokens)
    return Price(explore, confirm, steps, full_steps, tokens, seconds + asked, tuple(memory), bounds, asked)


def plan_of(blueprint: Blueprint) -> dict[str, int]:
    """What a driver expects to run, for those who follow it by its ledger."""
    explore, confirm = blueprint.expected_trials
    steps, run = expected_steps(blueprint), _full_run(blueprint)
    return {"explore_trials": explore, "confirm_trials": confirm, "steps": steps, "tokens": round(steps / run.steps * run.tokens)}


def expected_steps(blueprint: Blueprint) -> int:
    """Steps when every rung keeps one trial in `reduction_factor`, and the confirmation runs whole."""
    explore, confirm = blueprint.expected_trials
    settings, full = blueprint.settings, _full_run(blueprint).steps
    levels = [*SCHEDULERS[settings.scheduler.name]().levels(blueprint.race), full]
    steps, alive, before = 0.0, float(explore), 0.0
    for level in levels:
        steps += alive * (level - before)
        alive, before = max(min(1.0, explore), alive / settings.scheduler.reduction_factor), level
    return round(steps + confirm * full)


@dataclass(frozen=True)
class _FullRun:
    """Means over the cells known in advance."""

    steps: float
    tokens: float
    flops: float


def _full_run(blueprint: Blueprint) -> _FullRun:
    seed = blueprint.settings.explore.seed
    known = [dict(slot.grid) for slot in blueprint.slots if {key for key, _ in slot.grid} >= set(blueprint.sweep.keys)]
    configs = [blueprint.config(values, seed) for values in known] or [blueprint.base]
    tokens = [config.training.max_steps * config.training.batch_size * config.model.context_length for config in configs]
    flops = [count * flops_per_token(config.model) for count, config in zip(tokens, configs, strict=True)]
    return _FullRun(fmean(config.training.max_steps for config in configs), fmean(tokens), fmean(flops))


def _flops(config: RunConfig) -> float:
    gpus = gpu_count(config.resources)
    return GPU_FLOPS * gpus if gpus else CPU_FLOPS_PER_CORE * config.resources.cpus_per_trial


def _duration(seconds: float) -> str:
    if seconds < 6:  # a tenth of a minute
        return f"{seconds:.1f} seconds"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
