"""What plugin authors import in their tests: conformance suites, doubles, a whole app on a scratch database.

The suites need pytest: `pip install 'omniops[test]'`. Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omniops.testing.calendar import CalendarSuite
    from omniops.testing.channel import ChannelSuite, Line, Webhook
    from omniops.testing.commerce import CommerceSuite, Stocked
    from omniops.testing.encoder import EncoderSuite
    from omniops.testing.fakes import (
        AnsweringGate,
        GivenLinks,
        ManualClock,
        RecordingLog,
        ShutGate,
        ShutVault,
        context,
        link_of,
    )
    from omniops.testing.faults import UpstreamSuite
    from omniops.testing.graded import GradedSuite
    from omniops.testing.index import KnowledgeIndexSuite, MemoryStore
    from omniops.testing.integration import IntegrationSuite
    from omniops.testing.plugin import PluginSuite
    from omniops.testing.posts import TeamPostsSuite
    from omniops.testing.privacy import PrivacySuite
    from omniops.testing.provider import ProviderSuite
    from omniops.testing.quality import quality_problems
    from omniops.testing.root_keys import RootKeysSuite
    from omniops.testing.source import MapFetch, SourceSuite
    from omniops.testing.suite import Suite
    from omniops.testing.upstream import Answer, Cut, Endless, Exchange, HangUp, Pause, Stall, Upstream
    from omniops.testing.wire import Called, Fault, Spent, Wire, Written

_WHERE = {
    "Answer": "upstream",
    "AnsweringGate": "fakes",
    "Called": "wire",
    "CalendarSuite": "calendar",
    "ChannelSuite": "channel",
    "CommerceSuite": "commerce",
    "Cut": "upstream",
    "EncoderSuite": "encoder",
    "Endless": "upstream",
    "Exchange": "upstream",
    "Fault": "wire",
    "GivenLinks": "fakes",
    "GradedSuite": "graded",
    "HangUp": "upstream",
    "IntegrationSuite": "integration",
    "KnowledgeIndexSuite": "index",
    "Line": "channel",
    "ManualClock": "fakes",
    "MapFetch": "source",
    "MemoryStore": "index",
    "Pause": "upstream",
    "PluginSuite": "plugin",
    "PrivacySuite": "privacy",
    "ProviderSuite": "provider",
    "RecordingLog": "fakes",
    "RootKeysSuite": "root_keys",
    "ShutGate": "fakes",
    "ShutVault": "fakes",
    "SourceSuite": "source",
    "Spent": "wire",
    "Stall": "upstream",
    "Stocked": "commerce",
    "Suite": "suite",
    "TeamPostsSuite": "posts",
    "Upstream": "upstream",
    "UpstreamSuite": "faults",
    "Webhook": "channel",
    "Wire": "wire",
    "Written": "wire",
    "context": "fakes",
    "link_of": "fakes",
    "quality_problems": "quality",
}

__all__ = [
    "Answer",
    "AnsweringGate",
    "CalendarSuite",
    "Called",
    "ChannelSuite",
    "CommerceSuite",
    "Cut",
    "EncoderSuite",
    "Endless",
    "Exchange",
    "Fault",
    "GivenLinks",
    "GradedSuite",
    "HangUp",
    "IntegrationSuite",
    "KnowledgeIndexSuite",
    "Line",
    "ManualClock",
    "MapFetch",
    "MemoryStore",
    "Pause",
    "PluginSuite",
    "PrivacySuite",
    "ProviderSuite",
    "RecordingLog",
    "RootKeysSuite",
    "ShutGate",
    "ShutVault",
    "SourceSuite",
    "Spent",
    "Stall",
    "Stocked",
    "Suite",
    "TeamPostsSuite",
    "Upstream",
    "UpstreamSuite",
    "Webhook",
    "Wire",
    "Written",
    "context",
    "link_of",
    "quality_problems",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"omniops.testing.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'omniops.testing' has no attribute {name!r}")
