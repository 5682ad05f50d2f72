"""A cloud's notice that a spot machine will be taken, from a metadata service that answers over HTTP as the cloud's does."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from sweeps.runner.cluster.leaving import NOTICES, given, heed

_NOTICE = {"action": "terminate", "time": "2026-01-01T00:02:00Z"}


class Metadata(BaseHTTPRequestHandler):
    """EC2's service, version 2 only (a token by PUT, then GET with it), and Google's; what is asked stands in `asked`."""

    asked: list[str]
    notice_after: int
    trouble: str | None

    def do_PUT(self) -> None:
        if self.path != "/latest/api/token" or not self.headers["X-aws-ec2-metadata-token-ttl-seconds"]:
            return self._answer(400)
        return self._answer(200, "a-token")

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.trouble == "closes":
            return self.connection.close()
        if self.trouble == "fails":
            return self._answer(503)
        has_notice = len(self.asked) > self.notice_after
        if self.path == "/latest/meta-data/spot/instance-action":
            if self.headers["X-aws-ec2-metadata-token"] != "a-token":
                return self._answer(401)
            return self._answer(200, json.dumps(_NOTICE)) if has_notice else self._answer(404)
        if self.path == "/computeMetadata/v1/instance/preempted" and self.headers["Metadata-Flavor"] == "Google":
            return self._answer(200, "TRUE" if has_notice else "FALSE")
        return self._answer(403)

    def _answer(self, code: int, text: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def service() -> Iterator[tuple[type[Metadata], str]]:
    """What the service does, to be set by the test, and its address."""
    kind = type("Service", (Metadata,), {"asked": [], "notice_after": 0, "trouble": None})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kind, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("cloud", sorted(NOTICES))
def test_a_machine_leaves_when_its_cloud_says_so_and_not_before(cloud: str, service: tuple[type[Metadata], str]) -> None:
    kind, address = service
    kind.notice_after = 3
    asked_when_left: list[int] = []
    heed(NOTICES[cloud], metadata=address, poll_seconds=0.01, leave=lambda: asked_when_left.append(len(kind.asked)))
    assert asked_when_left == [4]


@pytest.mark.parametrize("cloud", sorted(NOTICES))
@pytest.mark.parametrize("trouble", ["closes", "fails"])
def test_a_service_in_trouble_gives_no_notice(cloud: str, trouble: str, service: tuple[type[Metadata], str]) -> None:
    kind, address = service
    kind.trouble = trouble
    assert not given(NOTICES[cloud], address)
    kind.trouble = None
    assert given(NOTICES[cloud], address)


def test_the_service_is_asked_without_a_proxy(service: tuple[type[Metadata], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert given(NOTICES["aws"], service[1])


def test_no_answer_is_no_notice() -> None:
    assert not given(NOTICES["aws"], "http://127.0.0.1:9")
