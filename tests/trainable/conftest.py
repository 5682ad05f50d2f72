"""Two processes for tests of runs that several train together."""

from collections.abc import Iterator

import pytest

from tests.trainable.ranks import Ranks


@pytest.fixture(scope="module")
def ranks() -> Iterator[Ranks]:
    started = Ranks(2)
    yield started
    started.close()
