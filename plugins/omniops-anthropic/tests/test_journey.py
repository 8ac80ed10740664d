"""A visitor is answered by it, in a whole deployment."""

import pytest
from answered import journey
from anthropic_wire import AnthropicWire
from omniops.testing.scratch import scratch_server


@pytest.fixture(scope="module")
def postgres():
    with scratch_server() as server:
        yield server


async def test_a_visitor_is_answered_until_it_is_switched_off(postgres, tmp_path):
    settings = {"api_key": "sk-ant-api03-not-a-real-key-0123456789"}
    await journey("anthropic", "anthropic", AnthropicWire(), settings, postgres, tmp_path)
