"""A visitor is answered by it, in a whole deployment."""

import pytest
from answered import journey
from omniops.testing.scratch import scratch_server
from openai_wires import Responses


@pytest.fixture(scope="module")
def postgres():
    with scratch_server() as server:
        yield server


async def test_a_visitor_is_answered_until_it_is_switched_off(postgres, tmp_path):
    settings = {
        "api_key": "sk-proj-not-a-real-key-0123456789",
        "api": "responses",
        "region": "eu",
        "models": ["llama-4"],
        "countries": ["DE"],
        "title": "A server of ours",
    }
    await journey("openai", "openai", Responses(), settings, postgres, tmp_path)
