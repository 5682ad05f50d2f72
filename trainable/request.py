"""A run as it is asked for: composed, and checked by every room that will carry it out; no torch, so that it is quick."""

from collections.abc import Sequence

from trainable.data import checks as data_checks
from trainable.model.size import SHAPES
from trainable.optim.checks import optimizer_mistakes
from trainable.optim.schedules import schedule_mistakes
from trainable.spec.compose import Check, compose_run
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import unknown


def request_run(overrides: Sequence[str]) -> RunConfig:
    """The checked configuration. Raises `WrongRequest` with all mistakes, those of missing or unreadable text among them."""
    return compose_run(overrides, ROOM_CHECKS)


def _model_mistakes(config: RunConfig) -> list[str]:
    known = config.model.architecture in SHAPES
    return [] if known else [unknown("model.architecture", config.model.architecture, SHAPES)]


def _data_mistakes(config: RunConfig) -> list[str]:
    memo = repr(config.data)
    if memo not in _data_found:
        _data_found[memo] = data_checks.mistakes(config.data)
    return _data_found[memo]


# Looking at the text takes time, and the trials of a sweep mostly share it.
_data_found: dict[str, list[str]] = {}

ROOM_CHECKS: tuple[Check, ...] = (
    _model_mistakes,
    lambda config: optimizer_mistakes(config.optimizer),
    lambda config: schedule_mistakes(config.schedule, config.training.max_steps),
    _data_mistakes,
)
