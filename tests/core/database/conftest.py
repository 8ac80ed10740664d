"""Homes of the embedded server."""

from collections.abc import Iterator

import pytest
from embedded_home import Home, scratch


@pytest.fixture
def empty() -> Iterator[Home]:
    with scratch() as home:
        yield home


@pytest.fixture(scope="session")
def shared() -> Iterator[Home]:
    with scratch() as home:
        making = home.postgres()
        making.start()
        making.stop()
        yield home


@pytest.fixture
def home(shared: Home) -> Iterator[Home]:
    """A home with data and no server, the same for all tests: making the data takes the longest."""
    shared.close()
    shared.log.unlink(missing_ok=True)
    yield shared
    shared.close()
