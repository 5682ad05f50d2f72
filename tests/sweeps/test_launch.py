"""The Ray that a sweep runs on."""

import os
import subprocess
import sys
from typing import Any

import pytest

from sweeps.runner.launch import running_ray


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `ray.init` is asked for, in place of a Ray."""
    found: dict[str, Any] = {}
    monkeypatch.setattr("ray.init", lambda **options: found.update(options))
    monkeypatch.setattr("ray.shutdown", lambda: found.update(ended=True))
    return found


def test_without_an_address_ray_is_embedded_also_beside_a_running_cluster(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """`address=None` would look for a cluster (RAY_ADDRESS, or one that `ray start` left) and then refuse `num_cpus`."""
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.7:6379")
    with running_ray(None):
        assert asked["address"] == "local"
        assert "num_cpus" in asked
    assert asked["ended"]


def test_a_given_address_is_joined_as_it_is(asked: dict[str, Any]) -> None:
    with running_ray("auto"):
        assert asked["address"] == "auto"
        assert "num_cpus" not in asked


def test_ray_ends_when_the_sweep_fails(asked: dict[str, Any]) -> None:
    with pytest.raises(KeyboardInterrupt), running_ray(None):
        raise KeyboardInterrupt
    assert asked["ended"]


def test_without_a_dashboard_nobody_is_told_of_each_call(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    setting = "RAY_task_events_report_interval_ms"
    monkeypatch.setenv(setting, "1000")
    monkeypatch.delenv(setting)  # is away again after the test
    with running_ray(None, dashboard=True):
        assert setting not in os.environ
    with running_ray(None):
        assert os.environ[setting] == "0"


def test_tune_is_given_nothing_for_which_it_imports_every_logger() -> None:
    code = (
        "import sys; from ray.air._internal.usage import tag_callbacks; from sweeps.runner.launch import _run_config;"
        "tag_callbacks(_run_config('scratch').callbacks); print(sorted({'wandb', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
