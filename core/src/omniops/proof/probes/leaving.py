"""The way out: TLS, the register, AI providers, and whose pages are read."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.gate.grants import CRAWL, OWN_SITE, Admission, Grant
from omniops.proof.facts import COUNTRIES, facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import ACTOR, REGISTER, example_host, not_let_through
from omniops.proof.probes.certificate import self_signed

ACCEPTED = Sabotage(REGISTER, "the register at the way out", lambda _: lambda *a: Admission())


class OnlyTls13(Probe):
    """Handshakes with a server and a client that speak TLS 1.2 only."""

    claims = ("P58",)
    sabotages = (
        Sabotage(
            "omniops.gate.service:Gate.new_context", "the least version of the way out", lambda whole: _older(whole)
        ),
        Sabotage("omniops.server.serving:listening_config", "the least version of the way in", lambda w: _older_in(w)),
    )

    async def run(self, stage: Stage) -> str:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = self_signed(Path(folder))
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                ours = stage.runtime.gate.new_context("1.3")
                ours.load_verify_locations(certificate)
                theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                theirs.load_cert_chain(certificate, key)
                theirs.maximum_version = version
                self._judge("way out", version, _handshake(ours, theirs))
                listening = stage.listener(certificate, key)
                client = ssl.create_default_context(cafile=str(certificate))
                client.maximum_version = version
                self._judge("way in", version, _handshake(client, listening))
        weak = [e.processor.name for e in stage.runtime.register.all() if e.processor.tls != "1.3"]
        return (
            f"TLS 1.2 was refused both ways, TLS 1.3 spoken both ways; named exceptions: {', '.join(weak) or 'none'}."
        )

    def _judge(self, way: str, version: ssl.TLSVersion, spoken: str | None) -> None:
        if version is ssl.TLSVersion.TLSv1_2:
            hold(spoken is None, f"The {way} shook hands in {spoken}.")
        else:
            hold(spoken == "TLSv1.3", f"The {way} does not speak TLS 1.3.")


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """The version that both agree on, or None. In memory: no socket is opened."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="proof.invalid")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return None
    return theirs.version()


def _older(whole: Any) -> Any:
    def context(self: Any, tls: Any) -> ssl.SSLContext:
        made: ssl.SSLContext = whole(self, tls)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return context


def _older_in(whole: Any) -> Any:
    def config(*given: Any) -> Any:
        made = whole(*given)
        made.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return config


class NothingIsSold(Probe):
    """A call for the purpose of selling, for every entry of the register."""

    claims = ("P3",)
    sabotages = (ACCEPTED,)

    async def run(self, stage: Stage) -> str:
        hold("sell" not in stage.runtime.catalog.purposes, "There is a purpose of selling.")
        entries = stage.runtime.register.all()
        for entry in entries:
            host = example_host(entry.processor)
            await not_let_through(stage, host, Grant(entry.processor.key, "sell", hosts=frozenset({host})))
        await not_let_through(stage, "buyer.invalid", Grant("buyer", "sell"))
        await not_let_through(stage, "buyer.invalid", Grant(OWN_SITE, "sell", hosts=frozenset({"buyer.invalid"})))
        return f"The way out refused a sale to {len(entries) + 2} recipients."


class OnlyListedProviders(Probe):
    """Hosts that are not listed, under the name of every listed AI provider; and the ledger of the last day."""

    claims = ("P45",)
    sabotages = (ACCEPTED,)

    async def run(self, stage: Stage) -> str:
        listed = [e.processor for e in stage.runtime.register.all() if e.processor.role == "ai"]
        for key in [*(entry.key for entry in listed), "another"]:
            await not_let_through(stage, "models.invalid", Grant(key, "chat.respond"))
        called = await stage.rows(
            "select distinct processor from omniops.egress_entry where purpose = 'chat.respond'"
            " and at > now() - interval '1 day'"
        )
        known = {entry.key for entry in listed}
        hold({key for (key,) in called} <= known, "The ledger names an AI provider that is not listed.")
        return (
            f"{len(listed)} providers are listed; a foreign host was refused under every name, and the ledger has none."
        )


class CountriesAreComplete(Probe):
    """The countries that the policy names, against the register and the ledger; and a company without an entry."""

    claims = ("P83",)
    sabotages = (ACCEPTED,)

    async def run(self, stage: Stage) -> str:
        sentence = operator_policy(facts(stage.runtime)).sentence_of("P83")
        entries = {entry.processor.key: entry.processor for entry in stage.runtime.register.all()}
        for entry in entries.values():
            for code in entry.countries:
                named = COUNTRIES.get(code, code)
                hold(sentence is not None and named in sentence.text, f"{entry.name} is in {named}, which is missing.")
        called = await stage.rows(
            "select distinct processor from omniops.egress_entry where at > now() - interval '1 day'"
            " and processor not in ('own-site', 'own-webhook')"
        )
        strange = sorted({key for (key,) in called} - set(entries))
        hold(not strange, f"The ledger names {', '.join(strange)}, whose country nobody knows.")
        await not_let_through(stage, "abroad.invalid", Grant("abroad", "support.provide"))
        return f"{len(entries)} entries, {len(called)} of them called in a day; a company without an entry was refused."


class OwnPagesOnly(Probe):
    """A page of one business, asked for by another's visitor; and a foreign host."""

    claims = ("P46",)
    sabotages = (
        Sabotage(
            "omniops.knowledge.service:Knowledge.search", "the binding of a search to its website", lambda w: _First(w)
        ),
    )
    rests_on = (REGISTER,)

    async def run(self, stage: Stage) -> str:
        word = stage.token("canary").lower()
        runtime = stage.runtime
        told = f"The warehouse code of our canary shop is {word}. Parcels with the code {word} leave on Mondays."
        page = await runtime.documents.paste(
            stage.domain.scope, told, f"Warehouse code {word}", f"{stage.domain.origins[0]}/{word}", actor=ACTOR
        )
        try:
            own = await runtime.knowledge.search(stage.domain.scope, f"warehouse code {word}")
            hold(word in repr(own.hits), "The business's own page is not found.")
            foreign = await runtime.knowledge.search(stage.other.scope, f"warehouse code {word}")
            hold(word not in repr(foreign.hits), "Another business's search finds the page.")
        finally:
            await runtime.documents.delete(stage.domain.scope, page.id, actor=ACTOR)
        grant = Grant.own_site(stage.domain.scope, frozenset({"proof.invalid"}))
        await not_let_through(stage, "elsewhere.invalid", grant)
        await not_let_through(stage, "elsewhere.invalid", replace(grant, purpose="anything"))
        hold(grant.purpose == CRAWL, "Reading has another purpose than reading.")
        return "A test word on one business's page is found there and by no other; a foreign host is not read."


class _First:
    """Every search goes to the website that was searched first."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._scope: Any = None

    def __get__(self, knowledge: Any, _: Any = None) -> Any:
        async def search(scope: Any, question: str, **more: Any) -> Any:
            self._scope = self._scope or scope
            return await self._whole(knowledge, self._scope, question, **more)

        return search
