"""One deployment for all tests, and a fresh website with a fresh workspace for each."""

import json
import sys
from pathlib import Path

import pytest
from omniops.testing.fakes import ManualClock
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from slack_app import deployed


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
async def opened(postgres, tmp_path_factory):
    clock = ManualClock()
    clock.forward(hours=1)  # ahead of the database's, so that no waiting job becomes due on a slow machine
    async with deployed(postgres.database(), postgres.root, tmp_path_factory.mktemp("slack"), clock) as app:
        yield app


@pytest.fixture
async def app(opened):
    await opened.begin()
    yield opened
    assert opened.slack.wrong == [], "something was asked of Slack that it does not publish"
    json.dumps(opened.slack.asked)
