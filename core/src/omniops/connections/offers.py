"""What could be connected: each kind with what it is for, who would receive what, and how access is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from omniops.connections.kinds import Kinds
from omniops.contracts.declaration import Processor
from omniops.contracts.integration import Feature
from omniops.contracts.plugin import PluginSettings

Group = Literal["shop", "channel", "office", "model", "other"]
Way = Literal["there", "keys"]
"""`there`: a member gives access at the other side; `keys`: a member enters what the other side gave them."""
GROUPS: tuple[Group, ...] = ("shop", "channel", "office", "model", "other")


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of connection. `receiver` is who gets data by it, None where nothing leaves. `changeable` are fields of
    `model` that may be changed while a connection stands; `documents` says that there are some to choose."""

    kind: str
    plugin: str
    title: str
    group: Group
    ways: tuple[Way, ...]
    receiver: Processor | None
    features: Sequence[Feature]
    model: type[PluginSettings]
    changeable: Sequence[str]
    documents: bool

    @property
    def gives(self) -> list[str]:
        """Titles of what it can do."""
        return [one.title for one in self.features]


def offers(kinds: Kinds) -> list[Offer]:
    """All of them, by group and title."""
    alone = [name for name in kinds.channels if _is_alone(kinds, name)]
    found = [_offer(kinds, kind) for kind in (*kinds.integrations, *alone, *sorted(kinds.local))]
    return sorted(found, key=lambda one: (GROUPS.index(one.group), one.title.casefold()))


def _is_alone(kinds: Kinds, channel: str) -> bool:
    """Whether a channel is connected by itself: it has settings, and belongs to no integration."""
    fields = kinds.settings.get(channel)
    owned = any(channel in kinds.channels_of(kind) for kind in kinds.integrations)
    return not owned and fields is not None and bool(fields.model_fields)


def _offer(kinds: Kinds, kind: str) -> Offer:
    integration, plugin = kinds.integrations.get(kind), kinds.plugin(kind)
    processors = kinds.processors.get(plugin, ())
    if integration is None:
        receiver = processors[0] if processors else None
        return Offer(
            kind, plugin, kinds.title(kind), _group(kinds, kind), ("keys",), receiver, (), kinds.model(kind), (), False
        )
    ways: tuple[Way, ...] = (
        ("there",) if integration.oauth else ("there", "keys") if integration.handover else ("keys",)
    )
    return Offer(
        kind,
        plugin,
        kinds.title(kind),
        _group(kinds, kind),
        ways,
        next((one for one in processors if one.key == integration.processor), None),
        integration.features,
        kinds.model(kind),
        integration.changeable,
        integration.documents is not None,
    )


def _group(kinds: Kinds, kind: str) -> Group:
    integration = kinds.integrations.get(kind)
    if kinds.plugin(kind) in kinds.shops:
        return "shop"
    if integration is not None and any((integration.calendar, integration.documents, integration.contacts)):
        return "office"
    if kinds.channels_of(kind) or (integration is not None and integration.posts):
        return "channel"
    processors = kinds.processors.get(kinds.plugin(kind), ())
    return "model" if any(one.role == "ai" for one in processors) else "other"
