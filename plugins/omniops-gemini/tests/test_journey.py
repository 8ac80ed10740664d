"""A visitor is answered by it, in a whole deployment."""

import pytest
from answered import journey
from gemini_wire import Gemini
from omniops.testing.scratch import scratch_server


@pytest.fixture(scope="module")
def postgres():
    with scratch_server() as server:
        yield server


async def test_a_visitor_is_answered_until_it_is_switched_off(postgres, tmp_path):
    settings = {
        "api_key": "AIza-not-a-real-key-0123456789",
        "region": "global",
        "countries": ["DE"],
        "title": "A proxy",
    }
    await journey("gemini", "google.genai", Gemini(), settings, postgres, tmp_path)
