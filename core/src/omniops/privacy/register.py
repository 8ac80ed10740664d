"""The register of processors: who may receive what, from the declarations of the loaded plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from omniops.contracts.declaration import Declaration, Processor
from omniops.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Registered:
    """A processor with the plugin that declares it."""

    plugin: str
    processor: Processor


class Processors:
    """All register entries by key."""

    def __init__(self, declarations: Iterable[tuple[str, Declaration]]) -> None:
        self._entries: dict[str, Registered] = {}
        for plugin, declaration in declarations:
            for processor in declaration.processors:
                known = self._entries.get(processor.key)
                if known is not None:
                    raise ConfigError(
                        f"Plugins {known.plugin!r} and {plugin!r} both declare a processor {processor.key!r}."
                    )
                self._entries[processor.key] = Registered(plugin, processor)

    def get(self, key: str) -> Registered | None:
        return self._entries.get(key)

    def all(self) -> tuple[Registered, ...]:
        return tuple(self._entries.values())
