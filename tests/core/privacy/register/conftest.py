"""One process over the module's database, and what starts another beside it."""

from uuid import uuid4

import pytest
from omniops.operations.firsts import OPERATOR
from omniops.testing.fakes import ManualClock
from registering import ABROAD, running


@pytest.fixture(scope="module")
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
def start(links, postgres, tmp_path_factory, clock):
    """Starts a process over the module's database."""

    def begin(*processors):
        return running(links, postgres.root, tmp_path_factory.mktemp("register"), clock, *processors)

    return begin


@pytest.fixture(scope="module")
async def runtime(start):
    async with start(ABROAD) as runtime:
        yield runtime


@pytest.fixture
async def domain(runtime):
    account = await runtime.accounts.create("Shop & Sons", actor=OPERATOR)
    return await runtime.accounts.add_domain(account, "Shop", [f"https://{uuid4().hex[:8]}.example"], actor=OPERATOR)


@pytest.fixture
async def unsigned(runtime, clock):
    """Nothing is signed when a test begins."""
    await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
    clock.forward(seconds=10)
