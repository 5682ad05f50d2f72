"""A cloud's notice that a spot machine will be taken, from a metadata service that answers over HTTP as the cloud's does."""

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from threading import Thread

import pytest

from sweeps.runner.cluster.leaving import NOTICES, given, heed
from tests.sweeps.cluster.metadata_service import Metadata, service


@pytest.fixture
def metadata() -> Iterator[tuple[type[Metadata], str]]:
    """What the service does, to be set by the test, and its address; there is notice unless the test says otherwise."""
    kind = service(lambda: True)
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kind, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("cloud", sorted(NOTICES))
def test_a_machine_leaves_when_its_cloud_says_so_and_not_before(cloud: str, metadata: tuple[type[Metadata], str]) -> None:
    kind, address = metadata
    kind.has_notice = staticmethod(lambda: len(kind.asked) > 3)  # type: ignore[assignment]
    asked_when_left: list[int] = []
    heed(NOTICES[cloud], metadata=address, poll_seconds=0.01, leave=lambda: asked_when_left.append(len(kind.asked)))
    assert asked_when_left == [4]


@pytest.mark.parametrize("cloud", sorted(NOTICES))
@pytest.mark.parametrize("trouble", ["closes", "fails"])
def test_a_service_in_trouble_gives_no_notice(cloud: str, trouble: str, metadata: tuple[type[Metadata], str]) -> None:
    kind, address = metadata
    kind.trouble = trouble
    assert not given(NOTICES[cloud], address)
    kind.trouble = None
    assert given(NOTICES[cloud], address)


def test_the_service_is_asked_without_a_proxy(metadata: tuple[type[Metadata], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert given(NOTICES["aws"], metadata[1])


def test_no_answer_is_no_notice() -> None:
    assert not given(NOTICES["aws"], "http://127.0.0.1:9")
