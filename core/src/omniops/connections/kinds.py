"""What connections can be made of: what the loaded plugins bring, asked by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import to_jsonable_python

from omniops.contracts.channel import Channel
from omniops.contracts.commerce import Commerce
from omniops.contracts.declaration import Processor
from omniops.contracts.integration import Integration
from omniops.contracts.oauth import OAuth, OAuthConnection, Tokens
from omniops.contracts.plugin import GateDoor, PluginSettings
from omniops.errors import NotFound, NotReady, Rejected


@dataclass(frozen=True, slots=True)
class Kinds:
    """What plugins bring for connections. A kind is the name of an integration, or of a channel without one, which has
    the plugin's name."""

    settings: Mapping[str, type[PluginSettings]]
    """By plugin."""
    integrations: Mapping[str, Integration]
    channels: Mapping[str, Channel]
    processors: Mapping[str, Sequence[Processor]] = field(default_factory=dict)
    local: frozenset[str] = frozenset()
    """Plugins whose connection holds a website's settings and no credentials: nothing is called."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """The plugin of each integration."""
    gates: Mapping[str, GateDoor] = field(default_factory=dict)
    mirrors: Mapping[str, Sequence[type[Any]]] = field(default_factory=dict)
    """Tables of each plugin."""
    shops: Mapping[str, Commerce] = field(default_factory=dict)
    """The shop of each plugin that has one."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What people call each plugin."""

    def plugin(self, kind: str) -> str:
        return self.plugins.get(kind, kind)

    def title(self, kind: str) -> str:
        """What people call the other side."""
        found = self.integrations.get(kind) or self.channels.get(kind)
        return found.title if found is not None else self.titles.get(self.plugin(kind), kind)

    def chosen(self, plugin: str, kind: str = "") -> str:
        """The kind of a new connection. Raises `NotFound` where the plugin has no such, `Rejected` where it has several
        and none is named."""
        own = [name for name, owner in self.plugins.items() if owner == plugin]
        if kind:
            if kind in own or (kind == plugin and (plugin in self.channels or plugin in self.local)):
                return kind
            raise NotFound(f"Plugin {plugin!r} has no connection of the kind {kind!r}.")
        if plugin in own or plugin in self.channels or plugin in self.local:
            return plugin
        if len(own) > 1:
            raise Rejected(
                f"Plugin {plugin!r} has connections of several kinds.",
                code="kind_needed",
                where="kind",
                do=f"Name one: {', '.join(sorted(own))}.",
            )
        if not own:
            raise NotFound(f"No plugin {plugin!r} with connections is enabled.")
        return own[0]

    def model(self, kind: str) -> type[PluginSettings]:
        """What is kept of a connection. Raises `NotReady` where its plugin is not loaded."""
        integration = self.integrations.get(kind)
        own = integration.Connection if integration is not None else None
        found = own or self.settings.get(self.plugin(kind))
        if found is None:
            raise NotReady(f"The plugin of the connection {kind!r} is not there.", do="See `omniops plugin list`.")
        return found

    def validated(self, kind: str, values: Mapping[str, Any]) -> PluginSettings:
        """Values that a person entered. Raises `Rejected`: for tokens as well, which only the other side gives."""
        model = self.model(kind)
        if "tokens" in values and issubclass(model, OAuthConnection):
            raise Rejected("tokens: they are given by the other side.", code="bad_connection", where="tokens")
        try:
            return model(**values)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Rejected(f"{place}: {first['msg']}.", code="bad_connection", where=place) from None

    def oauth(self, kind: str) -> OAuth | None:
        integration = self.integrations.get(kind)
        return integration.oauth if integration is not None else None

    def channels_of(self, kind: str) -> dict[str, Channel]:
        """The channels that work by a connection, by name."""
        integration = self.integrations.get(kind)
        names = (integration.channels if integration is not None else ()) or (kind,)
        return {name: self.channels[name] for name in names if name in self.channels}

    def listener(self, kind: str) -> tuple[str, Channel] | None:
        """The channel that connects by itself instead of taking webhooks, if there is one."""
        for name, channel in self.channels_of(kind).items():
            if type(channel).listen is not Channel.listen:
                return name, channel
        return None

    def listens(self, kind: str) -> bool:
        return self.listener(kind) is not None


def tokens_of(settings: PluginSettings) -> Tokens | None:
    return settings.tokens if isinstance(settings, OAuthConnection) else None


def clear(value: Any) -> Any:
    """A settings model as JSON for sealing, secrets included."""
    if isinstance(value, BaseModel):
        return {name: clear(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(name): clear(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clear(part) for part in value]
    return to_jsonable_python(value)
