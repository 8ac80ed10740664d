"""One application for all tests of the plugin; each test has a website and an account of its own."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
from omniops.testing.fakes import ManualClock
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from connected import application
from ms_app import PUBLIC, App
from ms_graph import CLIENT, CLIENT_SECRET, Graph


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
async def opened(postgres, tmp_path_factory):
    folder, graph, clock = tmp_path_factory.mktemp("microsoft"), Graph(), ManualClock()
    clock.forward(hours=1)  # ahead of the database's, so that no waiting job becomes due on a slow machine

    def values(url):
        return {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "graph_url": url, "login_url": url}

    async with application(
        "microsoft", graph.answer, values, postgres.database(), postgres.root, folder, clock, PUBLIC
    ) as (runtime, upstream, http):
        with closing(App(graph, runtime, upstream, http, clock)) as app:
            yield app


@pytest.fixture
async def app(opened):
    """A fresh website and a fresh account."""
    await opened.begin()
    yield opened
    await opened.end()
    assert opened.graph.wrong == [], "something was asked of Graph that it does not publish"
