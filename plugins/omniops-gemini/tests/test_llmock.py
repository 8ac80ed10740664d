"""Against llmock, which learned the protocol elsewhere than we did, and grades the client."""

import pytest
from omniops.testing import GradedSuite
from omniops_gemini import GeminiPlugin


class TestGeminiGraded(GradedSuite):
    plugin_name, plugin_class = "gemini", GeminiPlugin

    @pytest.fixture
    def settings(self, llmock):
        return GeminiPlugin.Settings(
            api_key="llmock-test-key",
            base_url=llmock.base_url("gemini"),
            region="local",
            countries=["DE"],
            title="llmock",
        )
