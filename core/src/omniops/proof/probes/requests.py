"""How requests come in, until when they are answered, why they may be refused; and those about children."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from omniops.contracts.channel import Incoming
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.contracts.rights import Fulfilment
from omniops.privacy.rights.clocks import REGIONS, Course, dues, regimes_of, strictest
from omniops.privacy.rights.kinds import RIGHTS
from omniops.proof.probes.acts import ACTOR, ask, choose, say, visit
from omniops.proof.probes.asking import asks, done, refuse, subject_of

READING = "omniops.privacy.rights.requests:asked_for"
HEARD = "omniops.privacy.rights.children:ChildCases.heard"
TERM = "omniops.privacy.rights.book:strictest"
LAW = "omniops.privacy.rights.clocks:rules"
MOST_DAYS = 30
SOON = 14
"""Days within which a child's data is gone."""


class AllWaysLeadIn(Probe):
    """The same right, used on the page, by mail and in the chat."""

    claims = ("P106",)
    sabotages = (Sabotage(READING, "the reading of what people write", lambda _: lambda _: None),)

    async def run(self, stage: Stage) -> str:
        runtime, scope = stage.runtime, stage.domain.scope
        last = await _last(stage)
        address = f"{stage.token('asks')}@proof.invalid"
        async with stage.http() as client:
            form = {"right": "erasure", "email": address}
            answer = await client.post(f"/rights/{stage.domain.widget_key}", data=form)
            hold(answer.status_code == 200, f"The page was answered with {answer.status_code}.")
        async with stage.page() as page:
            await ask(page, "Please delete all my data.")
        await _mails(stage, address, "Please delete all my data.")
        found = await runtime.privacy.cases.all(scope, after=last)
        ways = {view.case.channel for view in found if view.case.right == "erasure"}
        for way in ("page", "mail", "chat"):
            hold(way in ways, f"What was asked by {way} opened no case.")
        return "The same right, used on the page, by mail and in the chat, opened three cases in one list at once."


class TermsAreKept(Probe):
    """The term of every right on days of a whole year, and a case that nobody touches."""

    claims = ("P107",)
    sabotages = (
        Sabotage("omniops.privacy.rights.ticking:LEVELS", "the reports of delay", lambda _: ()),
        Sabotage(TERM, "the earliest term", lambda whole: _later(whole)),
    )

    async def run(self, stage: Stage) -> str:
        runtime, scope = stage.runtime, stage.domain.scope
        late = (
            "select count(*) from omniops.rights_case where state = 'open' and extended_at is null"
            " and received_at < %s and domain_id <> all(%s)"
        )
        oldest = runtime.clock.now() - timedelta(days=MOST_DAYS + 1)
        ((overdue,),) = await stage.rows(late, oldest, [stage.domain.id, stage.other.id])
        hold(not overdue, f"{overdue} requests on this server are older than {MOST_DAYS} days and not answered.")
        for right in RIGHTS:
            for region in ("", *REGIONS):
                for day in range(0, 366, 5):
                    received = date(2027, 1, 1) + timedelta(days=day)
                    terms = dues(right, regimes_of(region, ""), Course(received))
                    due = strictest(terms, "answer")
                    hold(due and (due.day - received).days <= MOST_DAYS, f"{right} in {region!r} has a longer term.")
                    months = [term.day for term in terms if term.rule.unit == "months"]
                    hold(due and all(due.day <= day for day in months), f"{right} in {region!r} passes a law's month.")
        told = []
        async with stage.page() as page, stage.office() as office:
            case = await asks(page, "complaint")
            hold(_days(case) <= MOST_DAYS, f"A request is to be answered within {_days(case)} days.")
            home = f"/v1/domains/{stage.domain.id}/cases/{case['id']}"
            for days in (MOST_DAYS // 2 + 1, MOST_DAYS * 4 // 5 + 1, MOST_DAYS + 1):
                at = runtime.clock.now() - timedelta(days=days)
                await stage.rows("update omniops.rights_case set received_at = %s where id = %s", at, UUID(case["id"]))
                await runtime.privacy.ticking.look(scope, UUID(case["id"]))
                now = await done(office.get(home))
                told.append(now["escalated"])
            events = [event["detail"].get("percent") for event in now["events"] if event["name"] == "escalated"]
            await refuse(office, home)
        hold(told == [50, 80, 100] and events == told, f"Nobody acted, and {told} per cent of the term were reported.")
        return (
            f"Every right has a term of at most {MOST_DAYS} days; a case that nobody touched was reported at 50, 80 and"
            " 100 per cent by itself; no real case is overdue."
        )


class RefusalsNeedLaw(Probe):
    """A refusal without a code, without a reason, and with both."""

    claims = ("P109",)
    sabotages = (
        Sabotage(
            "omniops.privacy.rights.cases:REFUSALS", "the list of reasons that the law knows", lambda w: _AnyReason(w)
        ),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page, stage.office() as office:
            case = await asks(page, "rectification")
            home = f"/v1/domains/{stage.domain.id}/cases/{case['id']}"
            for body in ({"code": "", "reason": "No."}, {"code": "too-busy", "reason": "No."}):
                refused = await office.post(f"{home}/refuse", json=body)
                hold(refused.status_code == 422, f"A refusal without a reason of law: {refused.status_code}.")
            refused = await office.post(f"{home}/refuse", json={"code": "A12-unfounded", "reason": " "})
            hold(refused.status_code == 422, f"A refusal without a reason: {refused.status_code}.")
            reason = stage.token("reason")
            await refuse(office, home, reason)
            answer = (await done(page.get(f"/v1/visitor/rights/{case['id']}")))["answer"]
        hold(reason in answer and "Art. 12(5) GDPR" in answer, "The answer does not give the reason.")
        hold("complain to the data protection authority" in answer, "The answer does not say where to complain.")
        return (
            "A refusal without a code of law or a reason was not taken; the answer names both, and where to complain."
        )


class SafeguardsCome(Probe):
    """A test person who asks for the safeguards of a transfer."""

    claims = ("P97",)
    sabotages = (
        Sabotage("omniops.privacy.rights.cases:Cases.all", "the list in which people see requests", lambda _: _nothing),
    )
    rests_on = (TERM,)

    async def run(self, stage: Stage) -> str:
        last = await _last(stage)
        async with stage.page() as page, stage.office() as office:
            case = await asks(page, "safeguards")
            days = _days(case)
            hold(days <= MOST_DAYS, f"The request is to be answered within {days} days.")
            listed = await stage.runtime.privacy.cases.all(stage.domain.scope, after=last)
            hold(case["id"] in {str(view.case.id) for view in listed}, "Those who answer do not see the request.")
            home = f"/v1/domains/{stage.domain.id}/cases/{case['id']}"
            acted = await done(office.post(f"{home}/act"))
            (task,) = acted["tasks"]
            word = stage.token("clauses")
            early = await office.post(f"{home}/close", json={"text": word})
            hold(early.status_code == 403, f"The request was closed without an answer ({early.status_code}).")
            sent = {"state": "done", "evidence": "The clauses were sent."}
            await done(office.post(f"{home}/tasks/{task['id']}", json=sent))
            await done(office.post(f"{home}/close", json={"text": word}))
            answer = (await done(page.get(f"/v1/visitor/rights/{case['id']}")))["answer"]
        hold(word in answer, "The answer did not reach the person.")
        return f"The request had {days} days, stayed open until a person answered it, and the answer reached who asked."


class ChildrenAreErased(Probe):
    """A test person who says to be eleven, and whose parent says nothing."""

    claims = ("P119",)
    sabotages = (
        Sabotage(
            "omniops.privacy.rights.ticking:EARLY", "the last day of a child's data", lambda _: timedelta(days=-9999)
        ),
    )
    rests_on = (TERM, HEARD, LAW)

    async def run(self, stage: Stage) -> str:
        runtime, word = stage.runtime, stage.token("child")
        async with stage.page() as page:
            await ask(page, f"Hello, my code is {word}.")
            await ask(page, "I am 11 years old.")
            subject = await subject_of(stage, page)
        cases = await stage.rows(_OF_CHILDREN, str(subject))
        hold(len(cases) == 1, f"An age of eleven opened {len(cases)} cases.")
        ((case, term),) = cases
        hold(term.days <= SOON, f"A child's data would go after {term.days} days.")
        await runtime.privacy.ticking.look(stage.domain.scope, case)
        await self._work(stage, case)
        rows = "select count(*) from omniops.message where subject_id = %s"
        hold(await stage.rows(rows, subject) != [(0,)], "The data went before a parent could consent.")
        at = runtime.clock.now() - timedelta(days=term.days)
        await stage.rows("update omniops.rights_case set received_at = %s where id = %s", at, case)
        await runtime.privacy.ticking.look(stage.domain.scope, case)
        await self._work(stage, case)
        hold(await stage.rows(rows, subject) == [(0,)], "At the end of the term, the child's messages are still there.")
        keys = "select count(*) from vault.subject_key where subject_id = %s and wrapped is not null"
        hold(await stage.rows(keys, subject) == [(0,)], "At the end of the term, the child's key is still there.")
        hold(not await stage.scan([word]), "A word of the child is found.")
        return f"Without a parent's consent, all of a test child's data was gone within {term.days} days."

    async def _work(self, stage: Stage, case: UUID) -> None:
        """Does what a worker would: the case's job, if there is one."""
        lock = f"rights:{case}"
        waiting = "select count(*) from jobs.procrastinate_jobs where status = 'todo' and lock = %s"
        if await stage.rows(waiting, lock) != [(0,)]:
            await stage.runtime.privacy.cases.run(stage.domain.scope, str(case))


class ChildrenAreNotRead(Probe):
    """An age in a chat that two test providers could answer."""

    claims = ("P117",)
    sabotages = (Sabotage(HEARD, "the case about a child", lambda _: _nothing),)

    async def run(self, stage: Stage) -> str:
        word = stage.token("child")
        async with stage.models() as models, stage.page() as page:
            await ask(page, f"I am 11 years old and my code is {word}.")
            await ask(page, f"Do you like {word}?")
            subject = await subject_of(stage, page)
            hold(word not in str([model.requests for model in models]), "A provider was asked with a child's words.")
        hold(await stage.rows(_OF_CHILDREN, str(subject)), "An age of eleven opened no case.")
        return "An age of eleven opened a case, and no provider was asked with that message or a later one."


class ParentsComeFirst(Probe):
    """A parent's request on the page, beside the terms of all other rights."""

    claims = ("P118",)
    sabotages = (
        Sabotage(
            LAW,
            "the term of requests about children",
            lambda whole: lambda: tuple(rule for rule in whole() if "child" not in rule.rights),
        ),
    )
    rests_on = (TERM,)

    async def run(self, stage: Stage) -> str:
        last = await _last(stage)
        async with stage.http() as client, stage.office() as office:
            form = {"right": "child", "email": f"{stage.token('parent')}@proof.invalid"}
            answer = await client.post(f"/rights/{stage.domain.widget_key}", data=form)
            hold(answer.status_code == 200, f"A parent was answered with {answer.status_code}.")
            found = await stage.runtime.privacy.cases.all(stage.domain.scope, after=last)
            (case,) = [view.short() for view in found if view.case.right == "child"]
            await refuse(office, f"/v1/domains/{stage.domain.id}/cases/{case['id']}")
        hold(case["urgent"], "A parent's request is not marked.")
        received, days = date.fromisoformat(case["received_at"][:10]), _days(case)
        for right in RIGHTS:
            for region in ("", *REGIONS):
                due = strictest(dues(right, regimes_of(region, ""), Course(received)), "answer")
                if right != "child" and due and (due.day - received).days <= days:
                    raise Falsified(f"{right} in {region!r} is due as early as a parent's request.")
        return f"A parent's request was marked as urgent and is due within {days} days, before every other kind."


class WritingTakesBack(Probe):
    """A yes that is taken back by mail, on the page, by words in the chat, and by the right itself."""

    claims = ("P36",)
    sabotages = (
        Sabotage(
            "omniops.privacy.rights.fulfilling:Fulfilling._withdraw",
            "the effect of a request that takes a yes back",
            lambda _: _unheard,
        ),
        Sabotage(
            "omniops.privacy.rights.asking:takes_back", "the ear for a yes that is taken back", lambda _: lambda _: None
        ),
        Sabotage("omniops.privacy.consents:chatted_in", "the way from the chat to the banner", lambda _: _nowhere),
    )
    rests_on = (READING,)

    async def run(self, stage: Stage) -> str:
        runtime, last = stage.runtime, await _last(stage)
        address = f"{stage.token('writes')}@proof.invalid"
        async with stage.http() as client:
            form = {"right": "withdrawal", "email": address}
            answer = await client.post(f"/rights/{stage.domain.widget_key}", data=form)
            hold(answer.status_code == 200, f"The page was answered with {answer.status_code}.")
        await _mails(stage, address, "I withdraw my consent to counting.")
        found = {
            view.case.channel: view.short() for view in await runtime.privacy.cases.all(stage.domain.scope, after=last)
        }
        for way in ("page", "mail"):
            hold(way in found, f"What was written by {way} opened no task.")
            hold(_days(found[way]) <= MOST_DAYS, f"What was written by {way} has {_days(found[way])} days.")
            right = found[way]["right"]
            hold(right == "withdrawal", f"What was written by {way} became a case about {right}.")
        async with stage.page() as page:
            await say(page, given=True)
            hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
            await ask(page, "I withdraw my consent.")
            status = await visit(stage, page)
            hold(status == 403, f"A visit after words that take the yes back was answered with {status}.")
        async with stage.page() as page:
            number = (await choose(stage, page, analytics=True)).json()["consent"]
            hold(await visit(stage, page, number) == 204, "A visit after a yes in the banner was not taken.")
            await ask(page, "I withdraw my consent.", consent=number)
            status = await visit(stage, page, number)
            hold(
                status == 403, f"A visit after the banner's yes was taken back in the chat was answered with {status}."
            )
        async with stage.page() as page:
            await say(page, given=True)
            hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
            case = await asks(page, "withdrawal")
            await runtime.privacy.cases.run(stage.domain.scope, case["id"])
            status = await visit(stage, page)
            hold(status == 403, f"A visit after the withdrawal was answered with {status}.")
        return (
            "A mail and the page opened a task with a date each; words in the chat, and the right itself, ended a yes "
            "before the next visit, also one that the banner was told."
        )


class _AnyReason(dict[str, str]):
    """Every code is one."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, code: str) -> str:
        return code


async def _nothing(*_: Any, **__: Any) -> list[Any]:
    return []


async def _unheard(*_: Any) -> Any:
    return "own", "Own data", Fulfilment("done", "Taken back.")


async def _nowhere(*_: Any) -> list[Any]:
    return []


def _later(whole: Any) -> Any:
    def strictest(*given: Any) -> Any:
        found = whole(*given)
        return found and replace(found, day=found.day + timedelta(days=MOST_DAYS))

    return strictest


def _days(case: Any) -> int:
    """How many days a request has."""
    due, received = (date.fromisoformat(case[name][:10]) for name in ("due_at", "received_at"))
    return (due - received).days


async def _last(stage: Stage) -> UUID | None:
    """The newest request of the stage's domain."""
    statement = "select max(id::text) from omniops.rights_case where domain_id = %s"
    ((last,),) = await stage.rows(statement, stage.domain.id)
    return UUID(last) if last else None


async def _no_cursor(_: Any) -> None:
    """Nothing was listened to."""


async def _mails(stage: Stage, sender: str, text: str) -> None:
    """A mail to the privacy address, as a connected mailbox hands it in."""
    runtime, scope = stage.runtime, stage.domain.scope
    mailbox = f"{stage.token('box')}@proof.invalid".lower()
    before = (await runtime.accounts.domain(scope)).settings.privacy_address
    await runtime.accounts.configure(scope, {"settings": {"privacy_address": mailbox}}, actor=ACTOR)
    try:
        mail = Incoming(stage.token("mail"), "t", sender, text, to=(mailbox,))
        await runtime.intake.hear(scope, "proof", uuid4(), mail, _no_cursor)
    finally:
        await runtime.accounts.configure(scope, {"settings": {"privacy_address": before}}, actor=ACTOR)


_OF_CHILDREN = "select id, due_at - received_at from omniops.rights_case where \"right\" = 'child' and subjects ? %s"
