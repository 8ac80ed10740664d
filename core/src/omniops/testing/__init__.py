"""What plugin authors import in their tests: conformance suites, doubles, a whole app on a scratch database.

The suites need pytest: `pip install 'omniops[test]'`. Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omniops.testing.channel import ChannelSuite, Webhook
    from omniops.testing.encoder import EncoderSuite
    from omniops.testing.fakes import AnsweringGate, RecordingLog, ShutGate, ShutVault, context
    from omniops.testing.index import KnowledgeIndexSuite, MemoryStore
    from omniops.testing.integration import IntegrationSuite
    from omniops.testing.plugin import PluginSuite
    from omniops.testing.provider import ProviderSuite
    from omniops.testing.source import MapFetch, SourceSuite
    from omniops.testing.suite import Suite

_WHERE = {
    "AnsweringGate": "fakes",
    "ChannelSuite": "channel",
    "EncoderSuite": "encoder",
    "IntegrationSuite": "integration",
    "KnowledgeIndexSuite": "index",
    "MapFetch": "source",
    "MemoryStore": "index",
    "PluginSuite": "plugin",
    "ProviderSuite": "provider",
    "RecordingLog": "fakes",
    "ShutGate": "fakes",
    "ShutVault": "fakes",
    "SourceSuite": "source",
    "Suite": "suite",
    "Webhook": "channel",
    "context": "fakes",
}

__all__ = [
    "AnsweringGate",
    "ChannelSuite",
    "EncoderSuite",
    "IntegrationSuite",
    "KnowledgeIndexSuite",
    "MapFetch",
    "MemoryStore",
    "PluginSuite",
    "ProviderSuite",
    "RecordingLog",
    "ShutGate",
    "ShutVault",
    "SourceSuite",
    "Suite",
    "Webhook",
    "context",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"omniops.testing.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'omniops.testing' has no attribute {name!r}")
