"""Visits: counted after a yes, cut to classes, gone with a no, and shut to browsers that ask not to be tracked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlmodel import select

from omniops.analytics.intake import Device
from omniops.analytics.models import AnalyticsEvent
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.privacy.consents import Browser
from omniops.proof.probes.acts import ACTOR, HEADERS, choose, counted, say, visit

WRITE = "omniops.privacy.ledger:Ledger._enter"
CHOOSE = "omniops.privacy.consents:Consents.choose"
ALWAYS_YES = Sabotage("omniops.privacy.consents:decide", "the question for the consent", lambda _: lambda *_: None)


def _deaf(write: Any) -> Any:
    async def deaf(self: Any, page: Any, subject: Any, answer: Any, given: bool, *how: Any) -> Any:
        if subject.consents.get(answer.purpose) == "given" and not given:
            return "withdrawn"
        return await write(self, page, subject, answer, given, *how)

    return deaf


class CountedAfterYes(Probe):
    """Four visits: no choice, no, yes, withdrawn."""

    claims = ("P12",)
    sabotages = (ALWAYS_YES,)
    rests_on = (WRITE,)

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page:
            for state in ("no choice", "no", "yes", "withdrawn"):
                if state != "no choice":
                    await say(page, given=state == "yes")
                before = await counted(stage)
                status = await visit(stage, page)
                stored = await counted(stage) - before
                if state == "yes":
                    hold((status, stored) == (204, 1), f"After a yes, {stored} visits were stored ({status}).")
                else:
                    hold(stored <= 0, f"A visit with {state} was stored.")
                    hold(status == 403, f"A visit with {state} was answered with {status}.")
        return "Four visits: no choice, no, yes, withdrawn. Only the third was counted."


class DeviceIsAClass(Probe):
    """A browser that says a test word of itself."""

    claims = ("P13",)
    sabotages = (
        Sabotage(
            "omniops.analytics.service:device_of",
            "the cutting of what a browser says of itself",
            lambda _: lambda said: Device(said, said, said),
        ),
    )
    rests_on = (ALWAYS_YES.object,)

    async def run(self, stage: Stage) -> str:
        word = stage.token("Browser")
        async with stage.page(User_Agent=f"Mozilla/5.0 (X11; Linux x86_64) {word}/1.0 Firefox/130.0") as page:
            hold(await visit(stage, page) == 403, "A visit without a yes was taken.")
            await say(page, given=True)
            hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
        found = await stage.scan([word])
        hold(not found, f"What the browser says of itself lies in {sorted(found.items())[:1]}.")
        return "The word in the browser's name is in no table and no log; the classes were stored after the yes only."


class NetworkIsShort(Probe):
    """Visits from known addresses."""

    claims = ("P14",)
    sabotages = (
        Sabotage(
            "omniops.analytics.service:network_of", "the shortening of addresses", lambda _: lambda address: address
        ),
    )

    async def run(self, stage: Stage) -> str:
        seen = []
        for address, network in (("203.0.113.77", "203.0.113.0/24"), ("2001:db8::77", "2001:db8::/48")):
            async with stage.http(address, Origin=stage.domain.origins[0]) as client:
                token = (await choose(stage, client, analytics=True)).json()["consent"]
                hold(await visit(stage, client, token) == 204, "A visit after a yes was not taken.")
            subject = await stage.runtime.consents.bearer(stage.domain.scope, token)
            async with stage.runtime.database.session(stage.domain.scope) as session:
                statement = select(AnalyticsEvent).where(AnalyticsEvent.subject_id == subject)
                row = (await session.exec(statement)).one()
            opened = await stage.runtime.vault.open([row], purpose="analytics", actor=ACTOR)
            hold(opened(row.network) == network, "What is stored of an address is not its network.")
            seen.append(network)
        return f"Two visits from known addresses; what opens is {' and '.join(seen)}."


class WithdrawingIsEasy(Probe):
    """A yes and its withdrawal, request by request."""

    claims = ("P34",)
    sabotages = (Sabotage(WRITE, "the effect of a withdrawal", _deaf),)

    async def run(self, stage: Stage) -> str:
        async with stage.http(Origin=stage.domain.origins[0]) as client:
            yes = await choose(stage, client, analytics=True, advertising=True)
            hold(yes.status_code == 200, f"A yes was answered with {yes.status_code}.")
            no = await choose(stage, client, yes.json()["consent"], analytics=False)
            hold(no.status_code == 200, f"A withdrawal was answered with {no.status_code}.")
            subject = await stage.runtime.consents.bearer(stage.domain.scope, yes.json()["consent"])
            state = await stage.runtime.consents.of(stage.domain.scope, subject)
            hold(state.get("analytics") == "withdrawn", f"After the withdrawal the state is {state.get('analytics')}.")
        return "One request for the yes, one of the same kind for taking it back, effective with its answer."


class WithdrawalRemoves(Probe):
    """What is left after a withdrawal."""

    claims = ("P37",)
    sabotages = (
        Sabotage("runtime:consents.ledger._on_no", "the deletion with the consent's end", lambda _: defaultdict(list)),
    )
    rests_on = (WRITE, CHOOSE, HEADERS)

    async def run(self, stage: Stage) -> str:
        async with stage.http(Origin=stage.domain.origins[0]) as client:
            token = (await choose(stage, client, analytics=True)).json()["consent"]
            hold(await visit(stage, client, token) == 204, "A visit after a yes was not taken.")
            subject = await stage.runtime.consents.bearer(stage.domain.scope, token)
            after = await choose(stage, client, token, analytics=False)
            hold(after.json()["consent"] is None, "The browser may keep its number.")
            statement = "select count(*) from omniops.analytics_event where subject_id = %s"
            ((left,),) = await stage.rows(statement, subject)
            hold(left == 0, f"Visits are left after the withdrawal: {left}.")
            hold(await visit(stage, client, token) == 401, "The old number still works.")
            hold(not list(getattr(client.cookies, "jar", ())), "A cookie is left.")
        return "One visit counted, then the yes taken back: no row is left, and the browser's number is worthless."


class EarlierYesIsProvable(Probe):
    """The first yes and its words, after the withdrawal."""

    claims = ("P38",)
    sabotages = (
        Sabotage("omniops.privacy.ledger:Ledger._event", "the record of the words", lambda whole: _wordless(whole)),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.http(Origin=stage.domain.origins[0]) as client:
            token = (await choose(stage, client, analytics=True, advertising=True)).json()["consent"]
            subject = await stage.runtime.consents.bearer(stage.domain.scope, token)
            await choose(stage, client, token, analytics=False)
        history = await stage.runtime.consents.history(stage.domain.scope, subject)
        yes = next((e for e in history if (e.purpose, e.answer) == ("analytics", "given")), None)
        if yes is None:
            raise Falsified("The earlier yes is gone.")
        words = await stage.rows(
            "select body from omniops.notice_text where id = %s and version = %s", yes.notice_id, yes.notice_version
        )
        hold(words and words[0][0], "The words that were shown are gone.")
        return "After a withdrawal, the yes of before and the exact words behind it were found."


def _wordless(whole: Any) -> Any:
    def event(self: Any, scope: Any, subject_id: Any, answer: Any, *how: Any) -> Any:
        return whole(self, scope, subject_id, replace(answer, version="0" * 64), *how)

    return event


class NoGivesNothing(Probe):
    """A no in the banner, and the list of what may be stored for counting."""

    claims = ("P111",)
    sabotages = (Sabotage(CHOOSE, "the rule that a no gives no number", lambda whole: _tracking(whole)),)
    rests_on = (HEADERS,)

    async def run(self, stage: Stage) -> str:
        async with stage.http(Origin=stage.domain.origins[0]) as client:
            no = await choose(stage, client, analytics=False, advertising=False)
            hold(no.json()["consent"] is None, "A browser that said no was given a number.")
            hold("set-cookie" not in no.headers, "A no set a cookie.")
        catalog = stage.runtime.catalog
        for cookie in catalog.cookies:
            hold(cookie.purpose in catalog.purposes, f"{cookie.name} has no purpose.")
        return (
            f"A no gave the browser neither number nor cookie; each of {len(catalog.cookies)} entries has its purpose."
        )


def _tracking(whole: Any) -> Any:
    async def choose(self: Any, *given: Any, **how: Any) -> Browser:
        browser: Browser = await whole(self, *given, **how)
        return Browser(browser.token or "oo_consent_everybody", browser.answers)

    return choose


class SignalsWin(Probe):
    """A browser with a yes that asks not to be tracked."""

    claims = ("P114",)
    sabotages = (
        Sabotage("omniops.privacy.consents:forbids", "the ear for signals", lambda _: lambda signal, purpose: False),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page:
            await say(page, given=True)
            for header in ("DNT", "Sec_GPC"):
                before = await counted(stage)
                status = await visit(stage, page, **{header: "1"})
                hold(status == 403, f"A visit with {header} was answered with {status}.")
                hold(await counted(stage) == before, f"A visit with {header} was stored.")
        return "A test person with a yes visited with each signal; nothing was stored."


class VisitsExpire(Probe):
    """Visits on both sides of their last day."""

    claims = ("P79",)
    sabotages = (
        Sabotage("omniops.privacy.retention.periods:Periods.all", "the last day of each class", lambda w: _later(w)),
    )

    async def run(self, stage: Stage) -> str:
        runtime = stage.runtime
        days = runtime.catalog.retention["analytics"].days
        async with stage.page() as page:
            await say(page, given=True)
            before = {row for (row,) in await stage.rows(_IDS, stage.domain.id)}
            for _ in range(2):
                await visit(stage, page)
        old, young = sorted({row for (row,) in await stage.rows(_IDS, stage.domain.id)} - before)
        now = runtime.clock.now()
        for row, age in ((old, days + 1), (young, days - 1)):
            await stage.rows(
                "update omniops.analytics_event set created_at = %s where id = %s", now - timedelta(days=age), row
            )
        await runtime.privacy.retention.sweep(stage.domain.scope)
        left = {row for (row,) in await stage.rows(_IDS, stage.domain.id)}
        hold(old not in left, f"A visit of {days + 1} days is still there.")
        hold(young in left, f"A visit of {days - 1} days is gone.")
        return f"Of two visits, {days + 1} and {days - 1} days old, the sweep took the first."


def _later(whole: Any) -> Any:
    async def every(self: Any, *where: Any) -> Any:
        return {key: days and days * 100 for key, days in (await whole(self, *where)).items()}

    return every


_IDS = "select id from omniops.analytics_event where domain_id = %s"
