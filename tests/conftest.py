"""Fixtures for all tests: one PostgreSQL server per run, one fresh database per module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from omniops.contracts.ids import SystemClock
from omniops.database.links import Links
from omniops.testing.rooms import Rooms
from omniops.testing.scratch import ScratchServer, scratch_server


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
