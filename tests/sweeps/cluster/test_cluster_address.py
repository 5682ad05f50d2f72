"""A Ray that is not there is told before a sweep writes anything."""

import socket

import pytest

from sweeps.runner.cluster import address
from sweeps.runner.cluster.address import address_mistakes


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_no_address_is_no_mistake() -> None:
    assert address_mistakes(None) == []


@pytest.mark.parametrize("given", ["local", "here", "10.0.0.1", "10.0.0.1:70000", "http://10.0.0.1:6379"])
def test_what_is_no_address(given: str) -> None:
    (sentence,) = address_mistakes(given)
    assert f"--address {given}: " in sentence
    assert "HOST:PORT" in sentence


def test_a_port_where_somebody_answers_and_where_nobody_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert address_mistakes(f"127.0.0.1:{port}") == []
        assert address_mistakes(f"ray://127.0.0.1:{port}") == []
    (sentence,) = address_mistakes(f"127.0.0.1:{port}")
    assert sentence.startswith(f"--address 127.0.0.1:{port}: no Ray answers there (Connection refused)")


def test_auto_is_what_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{server.getsockname()[1]}")
        assert address_mistakes("auto") == []
    (sentence,) = address_mistakes("auto")
    assert "--address auto (RAY_ADDRESS=127.0.0.1:" in sentence


def test_auto_without_a_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_local_ray", lambda: None)
    (sentence,) = address_mistakes("auto")
    assert "no Ray runs on this machine" in sentence
    assert "ray start --head" in sentence
