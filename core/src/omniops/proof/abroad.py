"""A company in a register of its own, of the product's own class, behind the runtime's own way out: what a probe signs,
changes and takes away there is never written into the register of this server.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from omniops.contracts.declaration import Declaration, MechanismKind, Origin, Processor
from omniops.contracts.proof import Stage, hold
from omniops.contracts.scope import Actor
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.privacy.register import CONTRACT
from omniops.privacy.register_models import ProcessorSignature
from omniops.privacy.terms import NoTerms, Pending
from omniops.privacy.transfers import Signed

ACTOR = Actor.system("proof")


class _Clock:
    """A clock that a probe sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class _Terms(NoTerms):
    """What was signed and announced, in memory; where data comes from is asked of the runtime."""

    def __init__(self, live: Any) -> None:
        self._live = live
        self.signatures: list[ProcessorSignature] = []
        self.notices: Sequence[Pending] = ()

    def signed(self, processor: str) -> Sequence[Signed]:
        return self.signatures

    def pending(self, account_id: UUID | None, processor: str) -> Sequence[Pending]:
        return self.notices

    async def origins(self, grant: Grant) -> frozenset[Origin]:
        found: frozenset[Origin] = await self._live.origins(grant)
        return found


class Abroad:
    """A company, and a test person whose data is offered to it. Implements `contracts.proof.Abroad`."""

    def __init__(self, stage: Stage, company: Processor) -> None:
        runtime = stage.runtime
        self.company, self.scope = company, stage.domain.scope
        self.clock = _Clock(runtime.clock.now())
        self.terms = _Terms(runtime.register.terms)
        self._gate = copy(runtime.gate)
        self._stage = stage
        self._person: UUID | None = None
        self.become()

    def become(self, **parts: Any) -> None:
        self.company = replace(self.company, **parts)
        kind = type(self._stage.runtime.register)
        self.register = kind([("canary", Declaration([self.company]))], None, self.terms, self.clock)
        self._gate.register = self.register

    def sign(
        self, kind: MechanismKind | str = CONTRACT, *origins: Origin, days: int = 30, measures: Sequence[str] = ()
    ) -> None:
        now = self.clock.now()
        self.terms.signatures.append(
            ProcessorSignature(
                processor=self.company.key,
                party=self.company.party,
                kind=kind,
                origins=list(origins),
                countries=list(self.company.countries),
                module="",
                source="",
                document="",
                assessment="",
                measures=list(measures),
                valid_from=now - timedelta(seconds=1),
                valid_until=now + timedelta(days=days),
                signed_by=str(ACTOR),
                signed_at=now,
            )
        )

    def revoke(self, kind: MechanismKind | str = CONTRACT) -> None:
        self.terms.signatures = [one for one in self.terms.signatures if one.kind != kind]

    async def lives(self, origin: Origin) -> None:
        domain = self._stage.domain
        _, visitor = await self._stage.runtime.visitors.open(domain, "en")
        events = await self._stage.runtime.conversations.ask(visitor, domain, "Where does this go?", uuid4().hex, "en")
        async for _ in events:
            pass
        self._person = visitor.subject_id
        await self._stage.runtime.privacy.origins.declare(self.scope, [visitor.subject_id], origin, actor=ACTOR)

    async def refusal(self) -> str | None:
        people = () if self._person is None else (self._person,)
        grant = Grant(self.company.key, self.company.purposes[0], self.scope, self.company.categories[:1], people)
        try:
            await self._gate.least_tls(grant, self.company.hosts[0], self.company.ports[0])
        except EgressRefused as error:
            return error.reason
        return None

    async def must(self, code: str | None, when: str) -> None:
        found = await self.refusal()
        if code is None:
            hold(found is None, f"{when}, the way out refused: {found}.")
        else:
            hold(found is not None, f"{when}, the message was let through.")
            hold(found == code, f"{when}, the way out refused for another reason: {found}.")
