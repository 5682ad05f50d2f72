"""The Ray that a sweep runs on."""

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
