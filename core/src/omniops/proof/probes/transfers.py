"""Transfers to other countries, the links of what a business connects, and that businesses are told first.

A made-up company stands in for a processor: in a register of the product's own class, behind the runtime's own way out,
so that nothing of it is ever written into the register of this server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from typing import Any
from uuid import UUID

from sqlmodel import select

from omniops.contracts.declaration import Declaration, MechanismKind, Origin, Processor
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.privacy.changes import Changes
from omniops.privacy.register import CONTRACT
from omniops.privacy.register_models import ProcessorNotice, ProcessorSignature
from omniops.privacy.terms import NoTerms, Pending
from omniops.privacy.transfers import Signed, in_force
from omniops.proof.facts import facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import ACTOR, REGISTER, spoken

CHAT, HOST = "user.content.chat", "canary.invalid"
COMPANY = Processor("canary", "Canary Inc", "ai", (HOST,), ("US",), ("chat.respond",), (CHAT,))
TRANSFER = "omniops.privacy.register:ProcessorRegister._check_transfer"


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


class _Abroad:
    """A company in a register of its own, and a test person whose message is offered to it."""

    def __init__(self, stage: Stage, company: Processor = COMPANY) -> None:
        runtime = stage.runtime
        self.company, self.scope = company, stage.domain.scope
        self.clock = _Clock(runtime.clock.now())
        self.terms = _Terms(runtime.register.terms)
        self.register = type(runtime.register)([("canary", Declaration([company]))], None, self.terms, self.clock)
        self._gate = copy(runtime.gate)
        self._gate.register = self.register
        self._stage = stage
        self._person: UUID | None = None

    def sign(self, kind: MechanismKind | str, *origins: Origin, days: int = 30) -> None:
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
                valid_from=now - timedelta(seconds=1),
                valid_until=now + timedelta(days=days),
                signed_by=str(ACTOR),
                signed_at=now,
            )
        )

    async def lives(self, origin: Origin) -> None:
        """A test person who declared where they live."""
        visitor, _ = await spoken(self._stage, "Where does this go?")
        self._person = visitor.subject_id
        await self._stage.runtime.privacy.origins.declare(self.scope, [visitor.subject_id], origin, actor=ACTOR)

    async def refusal(self) -> str | None:
        """The stable code with which the way out refuses the person's message, or None."""
        people = () if self._person is None else (self._person,)
        grant = Grant(self.company.key, self.company.purposes[0], self.scope, (CHAT,), people)
        try:
            await self._gate.least_tls(grant, HOST, 443)
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


class ClausesAreNeeded(Probe):
    """A message to the United States: without the clauses, with them, and after they ended."""

    claims = ("P84",)
    sabotages = (Sabotage(TRANSFER, "the question for a mechanism of transfer", lambda _: lambda *_: None),)
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        abroad = _Abroad(stage)
        await abroad.lives("EEA")
        abroad.sign(CONTRACT, days=90)
        await abroad.must("no_mechanism", "Without clauses")
        abroad.sign("scc", "EEA", days=30)
        await abroad.must(None, "With the clauses")
        abroad.clock.at += timedelta(days=30)
        await abroad.must("mechanism_ended", "After the clauses ended")
        return "The message of a test person in the EU went to a company in the United States under valid clauses only."


class BritishDataNeedsItsOwn(Probe):
    """A message of a person in the United Kingdom, under the EU's clauses and under the UK's agreements."""

    claims = ("P85",)
    sabotages = (
        Sabotage(
            "omniops.privacy.register:covering",
            "the question whose data a mechanism is for",
            lambda _: lambda origin, country, signed, at: [one for one in signed if in_force(one, at)],
        ),
    )
    rests_on = (REGISTER, TRANSFER)

    async def run(self, stage: Stage) -> str:
        for own in ("idta", "uk_addendum"):
            abroad = _Abroad(stage)
            await abroad.lives("UK")
            abroad.sign(CONTRACT)
            abroad.sign("scc", "EEA")
            await abroad.must("no_mechanism", "Under the EU's clauses alone")
            abroad.sign(own, "UK")
            # The website has said nothing of itself, so what its person declared decides.
            await abroad.must(None, f"Under the {own}")
        return "The EU's clauses did not let the message of a test person in the UK go; its agreement and addendum did."


class DecisionsEnd(Probe):
    """The EU's decision on the United Kingdom, a second before its end and at its end."""

    claims = ("P86",)
    sabotages = (
        Sabotage(
            "omniops.privacy.register:adequate",
            "the last day of a decision",
            lambda whole: lambda origin, country, at: whole(origin, country, datetime.min.replace(tzinfo=at.tzinfo)),
        ),
    )
    rests_on = (REGISTER, TRANSFER)

    async def run(self, stage: Stage) -> str:
        abroad = _Abroad(stage, replace(COMPANY, countries=("GB",)))
        await abroad.lives("EEA")
        (way,) = abroad.register.ways(abroad.company, ["EEA"])
        if way.until is None:
            raise Falsified("The decision on the United Kingdom has no last day.")
        abroad.sign(CONTRACT, days=10_000)
        abroad.clock.at = way.until - timedelta(seconds=1)
        await abroad.must(None, "Under the decision")
        abroad.clock.at = way.until
        await abroad.must("no_mechanism", "After the decision ended")
        return f"Data of a test person in the EU may go to the United Kingdom until {way.until:%d %B %Y}, and not then."


class LinksAreNeeded(Probe):
    """A connected system with both links, and with each of them left out."""

    claims = ("P96",)
    sabotages = (
        Sabotage(
            "omniops.privacy.register:ProcessorRegister._check_links",
            "the question for the links",
            lambda _: lambda *_: None,
        ),
    )
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        whole = replace(
            COMPANY,
            role="customer_chosen",
            countries=("DE",),
            policy_url=f"https://{HOST}/privacy",
            contract_url=f"https://{HOST}/terms",
        )
        abroad = _Abroad(stage, whole)
        await abroad.lives("EEA")
        await abroad.must(None, "With both links")
        for link, company in (
            ("privacy policy", replace(whole, policy_url="")),
            ("contract", replace(whole, contract_url="")),
        ):
            less = _Abroad(stage, company)
            await less.lives("EEA")
            await less.must("no_links", f"Without its {link}")
        shown = await self._shown(stage)
        return (
            "A connected system received a message with both links, and nothing without either of them; the page of "
            f"processors shows all {shown} links of this server's."
        )

    async def _shown(self, stage: Stage) -> int:
        register = stage.runtime.register
        async with stage.http() as client:
            page = await client.get(f"/privacy/{stage.domain.widget_key}/processors")
        hold(page.status_code == 200, f"The page of processors was answered with {page.status_code}.")
        known = [register.described(entry.processor) for entry in register.all()]
        links = [link for one in known for link in (one.policy_url, one.contract_url) if link]
        for link in links:
            hold(f'href="{escape(link)}"' in page.text, f"The page of processors does not link {link}.")
        return len(links)


class BusinessesAreTold(Probe):
    """The list in the agreement against the ledger; and a new company, before and after its notice has run."""

    claims = ("P115",)
    sabotages = (
        Sabotage(
            "omniops.privacy.register:ProcessorRegister._check_notices",
            "the time to object",
            lambda _: lambda *_: None,
        ),
        Sabotage("omniops.privacy.changes:_facts", "the eye for what is new", lambda _: lambda processor: set()),
    )
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        runtime = stage.runtime
        listed = {entry.processor.key: entry.processor.name for entry in runtime.register.all()}
        sentence = operator_policy(facts(runtime)).sentence_of("P115")
        async with stage.http() as client:
            agreement = await client.get(f"/privacy/{stage.domain.widget_key}/agreement")
        for name in listed.values():
            hold(sentence is not None and name in sentence.text, f"{name} is missing in the policy.")
            hold(escape(name) in agreement.text, f"{name} is missing in the agreement.")
        called = await stage.rows(
            "select distinct processor from omniops.egress_entry where at > now() - interval '1 day'"
            " and processor not in ('own-site', 'own-webhook')"
        )
        strange = sorted({key for (key,) in called} - set(listed))
        hold(not strange, f"The ledger names {', '.join(strange)}, which is not listed.")
        await self._new_company(stage)
        return f"{len(listed)} companies are listed, and the ledger names no other; a new one waited for its notice."

    async def _new_company(self, stage: Stage) -> None:
        runtime, new = stage.runtime, _Abroad(stage, replace(COMPANY, countries=("DE",)))
        await new.lives("EEA")
        new.sign(CONTRACT, days=10_000)
        unkept = _Unkept(runtime.database, stage.domain.scope.account_id)
        days = runtime.settings.objection_days
        looking: Any = (unkept, runtime.vault, _Unheard(), runtime.accounts, new.register, None, _Unheard(), new.clock)
        await Changes(*looking, days=days).keep()
        hold(unkept.told, "The business was not told of a new company.")
        (notice,) = unkept.told
        new.terms.notices = [notice]
        await new.must("objection_period", "Before the notice has run")
        new.clock.at = notice.ends_at
        await new.must(None, "After the notice has run")
        new.terms.notices = [replace(notice, objected=True)]
        await new.must("objected", "After an objection")


class _Unkept:
    """The database, for a look at what is new that is read and then undone: no business hears of a made-up company."""

    def __init__(self, database: Any, account_id: UUID) -> None:
        self._database = database
        self._account_id = account_id
        self.told: list[Pending] = []

    def connect(self) -> Any:
        return self._database.connect()

    @asynccontextmanager
    async def system(self, reason: str) -> AsyncIterator[Any]:
        async with self._database.system(f"proof: {reason}") as session:
            session.commit = session.flush
            yield session
            told = select(ProcessorNotice).where(ProcessorNotice.account_id == self._account_id)
            rows = (await session.exec(told.where(ProcessorNotice.processor == COMPANY.key))).all()
            self.told = [Pending(row.processor, row.ends_at, objected=False) for row in rows]
            await session.rollback()


class _Unheard:
    """Takes what would be written down or run, and does nothing."""

    async def write(self, entry: Any) -> None:
        return None

    def register(self, *tasks: Any) -> None:
        return None
