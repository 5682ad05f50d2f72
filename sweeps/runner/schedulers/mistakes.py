"""Rules of the scheduler's settings: pure, each broken rule one sentence."""

from collections.abc import Iterator

from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.schedulers.rule import Race
from trainable.spec.mistakes import unknown

_CAN_PROMOTE = ("asha", "hyperband")


def scheduler_mistakes(race: Race) -> Iterator[str]:
    """Every broken rule of ``scheduler.*`` for runs of `race.max_steps`."""
    settings = race.settings
    if settings.name not in SCHEDULERS:
        yield unknown("scheduler", settings.name, SCHEDULERS)
    if not settings.reduction_factor > 1:
        yield f"scheduler.reduction_factor={settings.reduction_factor} must be above 1"
    if settings.brackets < 1:
        yield f"scheduler.brackets={settings.brackets} must be at least 1"
    if settings.promote and settings.name not in _CAN_PROMOTE:
        yield f"scheduler.promote=true needs scheduler={' or '.join(_CAN_PROMOTE)}, but got scheduler={settings.name}"
    if settings.min_samples < 1:
        yield f"scheduler.min_samples={settings.min_samples} must be at least 1"
    yield from _step_mistakes(race)
    yield from _pbt_mistakes(race)


def _step_mistakes(race: Race) -> Iterator[str]:
    for name in ("grace_steps", "perturbation_steps"):
        steps = getattr(race.settings, name)
        if steps is not None and steps < 1:
            yield f"scheduler.{name}={steps} must be at least 1"
        if steps is not None and steps >= race.max_steps:
            yield f"scheduler.{name}={steps} must be below training.max_steps={race.max_steps}"


def _pbt_mistakes(race: Race) -> Iterator[str]:
    settings = race.settings
    if not 0 < settings.quantile <= 0.5:
        yield f"scheduler.quantile={settings.quantile} must lie in (0, 0.5]"
    if not settings.perturb_factors or not all(factor > 0 for factor in settings.perturb_factors):
        yield f"scheduler.perturb_factors={list(settings.perturb_factors)} must be numbers above 0, and at least one"
