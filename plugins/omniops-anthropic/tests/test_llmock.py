"""Against llmock, which learned the protocol elsewhere than we did, and grades the client."""

import pytest
from omniops.testing import GradedSuite
from omniops_anthropic import AnthropicPlugin


class TestAnthropicGraded(GradedSuite):
    plugin_name, plugin_class = "anthropic", AnthropicPlugin
    says_when = True

    @pytest.fixture
    def settings(self, llmock):
        return AnthropicPlugin.Settings(api_key="llmock-test-key", base_url=llmock.base_url("anthropic"))
