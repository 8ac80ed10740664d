"""Both protocols against llmock, which learned them elsewhere than we did, and grades the client."""

import pytest
from omniops.testing import GradedSuite
from omniops_openai import OpenAIPlugin


@pytest.mark.parametrize("api", ["responses", "chat"])
class TestOpenAIGraded(GradedSuite):
    plugin_name, plugin_class = "openai", OpenAIPlugin

    @pytest.fixture
    def settings(self, llmock, api):
        return OpenAIPlugin.Settings(
            api_key="llmock-test-key",
            base_url=llmock.base_url("openai"),
            api=api,
            region="local",
            countries=["DE"],
            title="llmock",
            models=["gpt-6.1-terra"],
        )
