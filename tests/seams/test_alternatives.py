"""The seams of index and encoder hold a second implementation each: both pass the suites."""

import pytest
from alternatives import AlternativesPlugin, HashingEncoder
from omniops.testing import EncoderSuite, KnowledgeIndexSuite


class TestHashingEncoder(EncoderSuite):
    plugin_name = "alternatives"

    @pytest.fixture
    def plugin_class(self):
        return AlternativesPlugin


class TestPostgresIndex(KnowledgeIndexSuite):
    plugin_name = "alternatives"

    @pytest.fixture
    def plugin_class(self, links, monkeypatch):
        monkeypatch.setattr(AlternativesPlugin, "conninfo", links.admin.conninfo())
        return AlternativesPlugin


class TestHybridIndexWithHashingEncoder(KnowledgeIndexSuite):
    """The built-in index takes any encoder."""

    plugin_name = "hybrid"

    @pytest.fixture
    def encoder(self):
        return HashingEncoder()
