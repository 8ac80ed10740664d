"""The whole application with the plugin as an operator loads it, and Google on loopback over TLS."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
from omniops.testing.fakes import ManualClock, context
from omniops.testing.scratch import scratch_server
from omniops.testing.signed import sign_all

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "core"))
from connected import application
from fake_google import Google
from google_app import OPERATORS, App
from google_model import ModelPlugin


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
async def opened(postgres, tmp_path_factory):
    folder, google, clock = tmp_path_factory.mktemp("google"), Google(), ManualClock()
    clock.forward(hours=1)  # ahead of the database's, so that no waiting job becomes due on a slow machine

    def values(url):
        return OPERATORS | {"base_url": url}

    async with application(
        "google", google.answer, values, postgres.database(), postgres.root, folder, clock, "https://omniops.example"
    ) as (runtime, upstream, http):
        model = ModelPlugin(context("model", None, folder=folder))
        runtime.plugins.join("model", model)
        await sign_all(runtime)
        with closing(App(google, model.provider, runtime, upstream, http, clock)) as app:
            yield app


@pytest.fixture
async def app(opened):
    """A fresh website and a fresh account."""
    await opened.begin()
    yield opened
    assert opened.google.wrong == [], "something was asked of Google that it does not publish"
