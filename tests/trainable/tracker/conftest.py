from collections.abc import Callable
from pathlib import Path

import pytest

from trainable.spec.compose import compose_run
from trainable.spec.config import RunConfig
from trainable.tracker.description import describe_run
from trainable.tracker.tracker import RunDescription

Described = Callable[..., tuple[RunConfig, RunDescription]]


@pytest.fixture
def described(tmp_path: Path) -> Described:
    """A configuration and its description, with nothing but the local files unless asked for."""

    def describe(*overrides: str, name: str = "20260101_1200_baseline-adam_tiny_lr1e-3") -> tuple[RunConfig, RunDescription]:
        config = compose_run(["tracking.wandb=off", "tracking.plots=false", *overrides])
        return config, describe_run(config, tmp_path / "runs" / name)

    return describe
