"""Fixtures for all tests: one PostgreSQL server per run, one fresh database per module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from omniops.contracts.ids import SystemClock
from omniops.database.links import Links
from omniops.testing.rooms import Rooms
from omniops.testing.scratch import ScratchServer, scratch_server

# The library's own console writes every local variable of every frame: seconds for one error inside a runtime.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="each game of chance as often as it is meant to be played")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether there is time. Kills, races and faults are then played some hundred or thousand times, not some ten."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[ScratchServer]:
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="module")
def links(postgres: ScratchServer) -> Links:
    return postgres.database()


@pytest.fixture(scope="module")
async def rooms(postgres: ScratchServer, links: Links) -> AsyncIterator[Rooms]:
    async with Rooms.open(links, postgres.root, SystemClock()) as rooms:
        yield rooms
