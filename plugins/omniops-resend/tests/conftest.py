"""The whole application with the plugin as an operator loads it, and Resend on loopback over TLS."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
from omniops.testing.fakes import ManualClock
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from connected import Business, application
from fake_resend import KEY, Resend


class Office(Business):
    """One website whose server sends by Resend."""

    async def new_domain(self):
        self.plugin = "quoting"
        return await super().new_domain()

    def states(self):
        found = "select state, problem, reference is not null from omniops.mail where domain_id = %s order by id"
        return self.rows(found, self.domain.id)


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
async def opened(postgres, tmp_path_factory):
    folder, resend, clock = tmp_path_factory.mktemp("resend"), Resend(), ManualClock()

    def values(url):
        return {"base_url": url, "api_key": KEY, "sender": "service@shop.example"}

    async with application("resend", resend.answer, values, postgres.database(), postgres.root, folder, clock) as (
        runtime,
        upstream,
        http,
    ):
        with closing(Office(runtime, upstream, http, clock)) as office:
            office.resend = resend
            yield office


@pytest.fixture
async def office(opened):
    """A fresh website, and Resend without mail."""
    opened.resend.begin()
    opened.domain = await opened.new_domain()
    return opened
