"""The register of processors: who may receive what, from the declarations of the loaded plugins, what the operator
signed, and what accounts were told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from omniops.contracts.declaration import Declaration, Origin, Processor
from omniops.contracts.ids import Clock, SystemClock
from omniops.errors import ConfigError, EgressRefused
from omniops.gate.grants import CRAWL, OWN_SITE, OWN_WEBHOOK, VERIFY, WEBHOOK, Admission, Allow, Grant
from omniops.privacy.measures import MEASURES, missing
from omniops.privacy.terms import NoTerms, Terms
from omniops.privacy.transfers import (
    EVERYWHERE,
    NAMES,
    ONLY,
    ORIGINS,
    Signed,
    adequate,
    at_home,
    covering,
    in_force,
    own_machine,
)

CONTRACT = "contract"
"""The kind of a signature that is the contract itself (Art. 28(3) GDPR)."""
BOUND = frozenset({"processor", "ai"})
"""Roles of parties with which the operator has the contract. What a business chose, the business contracted."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A processor with the plugin that declares it."""

    plugin: str
    processor: Processor


@dataclass(frozen=True, slots=True)
class Way:
    """By what data of an origin may go to a country of a processor now. `code` is None where it may; else it is the
    stable reason why not. `until` is when `by` ends, None where it has no end."""

    origin: Origin
    country: str
    by: str
    source: str = ""
    until: datetime | None = None
    assessment: str = ""
    code: str | None = None


class Exceptions(Protocol):
    """Finds the operator's exceptions."""

    async def find(self, host: str, port: int) -> Allow | None: ...


class ProcessorRegister:
    """Implements the gate's `Register`: register entries by key, own sites, and the operator's exceptions."""

    def __init__(
        self,
        declarations: Iterable[tuple[str, Declaration]],
        allows: Exceptions,
        terms: Terms | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._allows = allows
        self.terms = terms or NoTerms()
        self._clock = clock or SystemClock()
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

    async def traced(self, grant: Grant) -> Grant:
        """The grant with the origins of its data, over fresh terms. Raises `EgressRefused` where they cannot be read:
        what is not known is not sent."""
        if not grant.personal:
            return grant
        await self.terms.freshen(grant.scope.account_id if grant.scope else None)
        return replace(grant, origins=await self.terms.origins(grant))

    def admit(self, grant: Grant, host: str, port: int) -> Admission:
        if grant.processor == OWN_SITE:
            return _own_site(grant, host)
        if grant.processor == OWN_WEBHOOK:
            return _own_webhook(grant, host, port)
        processor = self._known(grant).processor
        if processor.connected_host:
            _check_connected(grant, host, port)
            self.check(grant)
            return Admission(processor.tls)
        if not any(_matches(host, pattern) for pattern in processor.hosts):
            raise EgressRefused(f"{host} is no host of {processor.name}.", reason="unknown_host")
        if port not in processor.ports:
            raise EgressRefused(f"Port {port} is not declared for {processor.name}.", reason="unknown_port")
        self.check(grant)
        return Admission(processor.tls)

    def check(self, grant: Grant) -> None:
        """All of `admit` but host and port: what the router asks before it chooses. Raises `EgressRefused`."""
        processor = self._known(grant).processor
        if grant.purpose not in processor.purposes:
            raise EgressRefused(
                f"{processor.name} receives nothing for {grant.purpose!r}.", reason="purpose_not_declared"
            )
        undeclared = set(grant.categories) - set(processor.categories)
        if undeclared:
            raise EgressRefused(f"{processor.name} receives no {min(undeclared)!r}.", reason="category_not_declared")
        if grant.personal and not own_machine(processor.hosts):
            self._check_notices(processor, grant.scope.account_id if grant.scope else None)
            if processor.connected_host:
                return  # it goes back to the business whose data it is, and to nobody else
            self._check_contract(processor)
            self._check_transfer(processor, EVERYWHERE if grant.origins is None else grant.origins)

    async def allowed(self, host: str, port: int) -> Allow | None:
        return await self._allows.find(host, port)

    # What stands for a processor, for whoever shows it

    def described(self, processor: Processor) -> Processor:
        """With what the operator added to it."""
        return replace(processor, **self.terms.words(processor.key))

    def signed(self, processor: Processor) -> Sequence[Signed]:
        """What was signed with the party that now stands behind the key; another's signature counts for nothing."""
        return [one for one in self.terms.signed(processor.key) if one.party == processor.party]

    def contract(self, processor: Processor) -> Signed | None:
        """The contract that is in force now."""
        now = self._clock.now()
        return next((one for one in self.signed(processor) if one.kind == CONTRACT and in_force(one, now)), None)

    def ways(self, processor: Processor, origins: Iterable[Origin] = ORIGINS) -> list[Way]:
        """For each origin and country, by what data may go there now, or why it may not."""
        return [self._way(processor, origin, country) for origin in origins for country in processor.countries]

    def _known(self, grant: Grant) -> Registered:
        entry = self._entries.get(grant.processor)
        if entry is None:
            raise EgressRefused(f"There is no processor {grant.processor!r}.", reason="unknown_processor")
        return entry

    def _check_notices(self, processor: Processor, account_id: UUID | None) -> None:
        now = self._clock.now()
        for notice in self.terms.pending(account_id, processor.key):
            if notice.objected:
                raise EgressRefused(
                    f"This account objected to {processor.name}.",
                    reason="objected",
                    do=f"Its admin can agree: `omniops privacy register agree {processor.key}`.",
                )
            if now < notice.ends_at:
                raise EgressRefused(
                    f"{processor.name}, or something of it, is new to this account, which may object until "
                    f"{notice.ends_at:%d %B %Y %H:%M} UTC.",
                    reason="objection_period",
                    do=f"Its admin can agree at once: `omniops privacy register agree {processor.key}`.",
                )

    def _check_contract(self, processor: Processor) -> None:
        if processor.role not in BOUND:
            self._check_links(processor)
            return
        if self.contract(processor) is not None:
            return
        ended = any(one.kind == CONTRACT for one in self.signed(processor))
        raise EgressRefused(
            f"The contract with {processor.party} has ended."
            if ended
            else f"No contract with {processor.party} is on record.",
            reason="contract_ended" if ended else "no_contract",
            do=f"Accept its terms, then record it: `omniops privacy register sign {processor.key}`.",
        )

    def _check_links(self, processor: Processor) -> None:
        """What a business connects works under terms of its own: they must be there to be read."""
        known = self.described(processor)
        if not (known.policy_url and known.contract_url):
            raise EgressRefused(
                f"It is not known where the privacy policy and the terms of {processor.name} can be read.",
                reason="no_links",
                do=f"Add them: `omniops privacy register describe {processor.key} --policy … --terms …`.",
            )

    def _check_transfer(self, processor: Processor, origins: frozenset[Origin]) -> None:
        if not processor.countries and origins:
            raise EgressRefused(
                f"It is not known in which countries {processor.name} is.",
                reason="country_unknown",
                do="Name them in the plugin's settings.",
            )
        for way in self.ways(processor, sorted(origins)):
            if way.code is not None:
                raise EgressRefused(
                    f"Data from {way.origin} may not go to {processor.name} in {way.country}: {way.by}.",
                    reason=way.code,
                    do=f"Sign one: `omniops privacy register sign {processor.key} --mechanism …`.",
                )

    def _way(self, processor: Processor, origin: Origin, country: str) -> Way:
        now = self._clock.now()
        if own_machine(processor.hosts):
            return Way(origin, country, "this machine")
        if at_home(origin, country):
            return Way(origin, country, "no transfer: the same area")
        if (decision := adequate(origin, country, now)) is not None:
            by = f"{NAMES['adequacy']}, only {ONLY[country]}" if country in ONLY else NAMES["adequacy"]
            return Way(origin, country, by, decision.source, decision.until)
        signed = [one for one in self.signed(processor) if one.kind != CONTRACT]
        if found := covering(origin, country, signed, now):
            # The one that lasts longest tells how long it is allowed.
            best = max(found, key=lambda one: (one.valid_until is None, one.valid_until or now))
            if off := missing(processor, [key for one in found for key in one.measures]):
                said = MEASURES[off[0]].title if off[0] in MEASURES else off[0]
                return Way(origin, country, f"a measure of its assessment is off ({said})", code="measure_off")
            return Way(origin, country, NAMES[best.kind], best.source, best.valid_until, best.assessment)
        if any(origin in one.origins and country in one.countries for one in signed):
            return Way(origin, country, "what was signed for it has ended", code="mechanism_ended")
        return Way(origin, country, "nothing covers it", code="no_mechanism")


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
    _check_web(port)
    return Admission()


def _check_connected(grant: Grant, host: str, port: int) -> None:
    """The one host that the connection names, on a port where web servers are."""
    if grant.hosts != frozenset({host}):
        raise EgressRefused(f"{host} is not the host that this connection names.", reason="unknown_host")
    _check_web(port)


def _check_web(port: int) -> None:
    if port != 443 and port < 1024:
        raise EgressRefused(f"Port {port} is for another service than the web.", reason="unknown_port")


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern
