"""The whole application with the plugin as an operator loads it, and Meta on loopback over TLS."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
from omniops.testing.fakes import ManualClock
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from connected import application
from graph import APP, SECRET, VERIFY, Meta
from instagram_graph import INSTAGRAM_APP, INSTAGRAM_SECRET
from meta_app import App


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
async def opened(postgres, tmp_path_factory):
    folder, meta, clock = tmp_path_factory.mktemp("meta"), Meta(), ManualClock()

    def values(url):
        return {
            "app_id": APP,
            "app_secret": SECRET,
            "instagram_app_id": INSTAGRAM_APP,
            "instagram_app_secret": INSTAGRAM_SECRET,
            "verify_token": VERIFY,
            "whatsapp_config": "1001",
            "base_url": url,
        }

    links, root = postgres.database(), postgres.root
    async with application("meta", meta.answer, values, links, root, folder, clock) as (runtime, upstream, http):
        with closing(App(meta, runtime, upstream, http, clock)) as app:
            yield app


@pytest.fixture
async def app(opened):
    """A fresh website and a fresh business."""
    await opened.begin()
    yield opened
    assert opened.meta.wrong == [], "something was asked of Meta that it does not publish"
