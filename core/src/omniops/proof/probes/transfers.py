"""Transfers to other countries, the links of what a business connects, and that businesses are told first. A made-up
company stands in for a processor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from typing import Any
from uuid import UUID

from sqlmodel import select

from omniops.contracts.declaration import Processor
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.privacy.changes import Changes
from omniops.privacy.measures import MEASURES
from omniops.privacy.register import CONTRACT
from omniops.privacy.register_models import ProcessorNotice
from omniops.privacy.terms import Pending
from omniops.privacy.transfers import in_force
from omniops.proof.abroad import Abroad
from omniops.proof.facts import facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import REGISTER

CHAT, HOST = "user.content.chat", "canary.invalid"
COMPANY = Processor("canary", "Canary Inc", "ai", (HOST,), ("US",), ("chat.respond",), (CHAT,))
TRANSFER = "omniops.privacy.register:ProcessorRegister._check_transfer"
CONTRACTS = "omniops.privacy.register:ProcessorRegister._check_contract"


class ClausesAreNeeded(Probe):
    """A message to the United States: without the clauses, with them, and after they ended."""

    claims = ("P84",)
    sabotages = (Sabotage(TRANSFER, "the question for a mechanism of transfer", lambda _: lambda *_: None),)
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        abroad = Abroad(stage, COMPANY)
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
            abroad = Abroad(stage, COMPANY)
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
        abroad = Abroad(stage, replace(COMPANY, countries=("GB",)))
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


class MeasuresAreLookedAt(Probe):
    """Clauses whose assessment asks for measures: with both in force, and with each of them off."""

    claims = ("P87",)
    sabotages = (Sabotage("omniops.privacy.register:missing", "the look at measures", lambda _: lambda *_: []),)
    rests_on = (REGISTER, TRANSFER)

    async def run(self, stage: Stage) -> str:
        abroad = Abroad(stage, replace(COMPANY, measures=("zero_retention",)))
        await abroad.lives("EEA")
        abroad.sign(CONTRACT)
        abroad.sign("scc", "EEA", measures=list(MEASURES))
        await abroad.must(None, "With all measures in force")
        abroad.become(tls="1.2")
        await abroad.must("measure_off", "Without TLS 1.3")
        abroad.become(tls="1.3", measures=())
        await abroad.must("measure_off", "Once the receiver keeps what it gets")
        abroad.become(measures=("zero_retention",))
        await abroad.must(None, "With all measures in force again")
        return (
            f"{len(MEASURES)} measures of an assessment were in force, and with any one of them off nothing was sent."
        )


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
    rests_on = (REGISTER, CONTRACTS)

    async def run(self, stage: Stage) -> str:
        whole = replace(
            COMPANY,
            role="customer_chosen",
            countries=("DE",),
            policy_url=f"https://{HOST}/privacy",
            contract_url=f"https://{HOST}/terms",
        )
        abroad = Abroad(stage, whole)
        await abroad.lives("EEA")
        await abroad.must(None, "With both links")
        for link, company in (
            ("privacy policy", replace(whole, policy_url="")),
            ("contract", replace(whole, contract_url="")),
        ):
            less = Abroad(stage, company)
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
        runtime, new = stage.runtime, Abroad(stage, replace(COMPANY, countries=("DE",)))
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
