"""The settings of a sweep that the command line may change: ``explore.samples=16``, ``scheduler=fifo``, ``budget.minutes=30``."""

from dataclasses import dataclass, field
from typing import Any, cast

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainable.spec.config import option
from trainable.spec.mistakes import unknown


@dataclass
class SweepSection:
    seeds: list[int] = option([1, 2, 3], "seeds of the confirmation, fresh: exploration never uses them")
    metric: list[str] = option(["eval/loss"], "what decides; several: a Pareto set (optuna searchers), the first one decides the claims")
    scale: str = option("small", "small: runs on two CPU cores; full: the study's own size")
    confidence: float = option(0.95, "of the verdicts' intervals")


@dataclass
class ExploreSection:
    samples: int = option(1, "times the sampled domains are drawn (for each point of the grid, when there is one)")
    enabled: bool = option(True, "false: no exploration, every cell of the grid is run on every seed")
    seed: int = option(0, "seed of the sampling and of every exploration trial")
    per: str | None = option(None, "key whose values are explored apart, each with rungs and finalists of its own")
    baseline: bool = option(True, "explore the baseline first")
    warm_start: list[str] = option([], "sweep directories whose finished trials the searcher starts from")


@dataclass
class ConfirmSection:
    finalists: int = option(2, "best cells (for each value of explore.per) that are run again on fresh seeds, beside the baseline")


@dataclass
class BudgetSection:
    """What is spent over all drivers of a sweep; when it is used up, no further trial starts."""

    trials: int | None = option(None, "trials")
    minutes: float | None = option(None, "wall-clock minutes of drivers", "min")
    gpu_hours: float | None = option(None, "hours x GPUs of trials", "h")


@dataclass
class SchedulerSection:
    name: str = option("asha", "key of sweeps.runner.schedulers.registry.SCHEDULERS")
    grace_steps: int | None = option(None, "first rung; None: max_steps / reduction_factor ** 2, on an evaluation", "steps")
    reduction_factor: float = option(3.0, "of the trials at a rung, one in this many goes on")
    brackets: int = option(1, "brackets with later and later first rungs")
    promote: bool = option(False, "the paper's promotion rule: pause at the rung, continue from the checkpoint")
    seed: int = option(0, "seed of the bracket choice and of pbt's perturbations")
    min_samples: int = option(3, "trials at a step before the median rule stops any")
    perturbation_steps: int | None = option(None, "steps between pbt's exploits; None: a quarter of the run", "steps")
    quantile: float = option(0.25, "share of the population that pbt replaces, and that it copies")
    perturb_keys: list[str] = option(["optimizer.lr", "optimizer.weight_decay"], "what pbt perturbs")
    perturb_factors: list[float] = option([0.8, 1.25], "by which pbt multiplies")


@dataclass
class SearcherSection:
    name: str = option("grid", "key of sweeps.runner.searchers.registry.SEARCHERS")
    startup_trials: int = option(8, "random draws before a model-based searcher uses its model")


@dataclass
class Settings:
    sweep: SweepSection = field(default_factory=SweepSection)
    explore: ExploreSection = field(default_factory=ExploreSection)
    confirm: ConfirmSection = field(default_factory=ConfirmSection)
    budget: BudgetSection = field(default_factory=BudgetSection)
    scheduler: SchedulerSection = field(default_factory=SchedulerSection)
    searcher: SearcherSection = field(default_factory=SearcherSection)


SECTIONS: dict[str, type] = {name: cast(type, f.type) for name, f in Settings.__dataclass_fields__.items()}
_NAMED = {"scheduler", "searcher"}
_LISTS = {"sweep.metric"}


def is_setting(override: Override) -> bool:
    """Whether an override speaks of the sweep and not of its runs."""
    return override.key_or_group.split(".")[0] in {*SECTIONS, "metric"}


def apply_settings(settings: Settings, overrides: list[Override]) -> tuple[Settings, list[str]]:
    """`settings` changed by `overrides`, and a sentence for each that is wrong."""
    config: DictConfig = OmegaConf.structured(settings)
    mistakes: list[str] = []
    for override in overrides:
        key, value = _long_form(override.key_or_group), override.value()
        if key not in known_settings():
            mistakes.append(unknown("setting", key, known_settings()))
            continue
        try:
            OmegaConf.update(config, key, [value] if key in _LISTS and isinstance(value, str) else value)
        except OmegaConfBaseException as error:
            why = str(error).splitlines()[0]
            mistakes.append(f"{key}={value!r}: " + (f"it takes a list, such as {key}=[{value}]" if "ListConfig" in why else why))
    return cast(Settings, OmegaConf.to_object(config)), mistakes


def known_settings() -> list[str]:
    return [f"{section}.{name}" for section, schema in SECTIONS.items() for name in schema.__dataclass_fields__]  # type: ignore[attr-defined]


def _long_form(key: str) -> str:
    """``scheduler=asha`` is short for ``scheduler.name=asha``, ``metric=`` for ``sweep.metric=``."""
    if key == "metric":
        return "sweep.metric"
    return f"{key}.name" if key in _NAMED else key


def as_plain(settings: Settings) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.structured(settings)))
