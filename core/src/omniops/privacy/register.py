"""The register of processors: who may receive what, from the declarations of the loaded plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from omniops.contracts.declaration import Declaration, Processor
from omniops.errors import ConfigError, EgressRefused
from omniops.gate.grants import CRAWL, OWN_SITE, OWN_WEBHOOK, VERIFY, WEBHOOK, Admission, Allow, Grant


@dataclass(frozen=True, slots=True)
class Registered:
    """A processor with the plugin that declares it."""

    plugin: str
    processor: Processor


class Exceptions(Protocol):
    """Finds the operator's exceptions."""

    async def find(self, host: str, port: int) -> Allow | None: ...


class ProcessorRegister:
    """Implements the gate's `Register`: register entries by key, own sites, and the operator's exceptions."""

    def __init__(self, declarations: Iterable[tuple[str, Declaration]], allows: Exceptions) -> None:
        self._allows = allows
        self._entries: dict[str, Registered] = {}
        self._purposes: dict[str, frozenset[str]] = {}
        for plugin, declaration in declarations:
            self._purposes[plugin] = frozenset(purpose.key for purpose in declaration.purposes) | frozenset(
                key for processor in declaration.processors for key in processor.purposes
            )
            for processor in declaration.processors:
                known = self._entries.get(processor.key)
                if known is not None:
                    raise ConfigError(
                        f"Plugins {known.plugin!r} and {plugin!r} both declare a processor {processor.key!r}."
                    )
                self._entries[processor.key] = Registered(plugin, processor)

    def get(self, key: str) -> Registered | None:
        return self._entries.get(key)

    def purposes_of(self, plugin: str) -> frozenset[str]:
        """The purposes that a plugin declares or receives data for: the only ones it opens values for."""
        return self._purposes.get(plugin, frozenset())

    def all(self) -> tuple[Registered, ...]:
        return tuple(self._entries.values())

    def admit(self, grant: Grant, host: str, port: int) -> Admission:
        if grant.processor == OWN_SITE:
            return _own_site(grant, host)
        if grant.processor == OWN_WEBHOOK:
            return _own_webhook(grant, host, port)
        entry = self._entries.get(grant.processor)
        if entry is None:
            raise EgressRefused(f"There is no processor {grant.processor!r}.", reason="unknown_processor")
        processor = entry.processor
        if not any(_matches(host, pattern) for pattern in processor.hosts):
            raise EgressRefused(f"{host} is no host of {processor.name}.", reason="unknown_host")
        if port not in processor.ports:
            raise EgressRefused(f"Port {port} is not declared for {processor.name}.", reason="unknown_port")
        if grant.purpose not in processor.purposes:
            raise EgressRefused(
                f"{processor.name} receives nothing for {grant.purpose!r}.", reason="purpose_not_declared"
            )
        undeclared = set(grant.categories) - set(processor.categories)
        if undeclared:
            raise EgressRefused(f"{processor.name} receives no {min(undeclared)!r}.", reason="category_not_declared")
        return Admission(processor.tls)

    async def allowed(self, host: str, port: int) -> Allow | None:
        return await self._allows.find(host, port)


def _own_site(grant: Grant, host: str) -> Admission:
    """The business's own pages: its verified hosts, for reading, and nothing personal goes along."""
    if grant.purpose not in (CRAWL, VERIFY) or grant.categories or grant.subjects:
        raise EgressRefused("An own site is read, and nothing about anybody is sent to it.", reason="own_site")
    if host not in grant.hosts:
        raise EgressRefused(f"{host} is no verified host of this domain.", reason="unknown_host")
    return Admission()


def _own_webhook(grant: Grant, host: str, port: int) -> Admission:
    """The receiver that the business stored, on a port where web servers are; ids go along, and nothing personal."""
    if grant.purpose != WEBHOOK or grant.categories or grant.subjects:
        raise EgressRefused("A webhook carries ids, and nothing personal.", reason="own_webhook")
    if host not in grant.hosts:
        raise EgressRefused(f"{host} is not the host of this receiver.", reason="unknown_host")
    if port != 443 and port < 1024:
        raise EgressRefused(f"Port {port} is for another service than a webhook.", reason="unknown_port")
    return Admission()


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern
