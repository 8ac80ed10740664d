"""Breaches: the clock, the people, the register, the notice.

Every case is a drill of the stage's own account: it runs as a real one does, and mails nobody. All are closed in the
end, whatever was seen, so that none goes on calling.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Actor
from omniops.errors import OmniOpsError, Rejected
from omniops.privacy.breach.affected import Affected
from omniops.privacy.breach.case import Case
from omniops.privacy.breach.cases import NewBreach, Notification
from omniops.proof.probes.acts import ACTOR, spoken

FACTS = {
    "nature": "A key was read by somebody else.",
    "consequences": "Strangers may know what was asked.",
    "measures": "The key was revoked.",
    "contact": "The person who answers for privacy.",
    "effects": "Chat messages were read.",
    "remedial": "Keys now end after a day.",
    "began": "On a Monday",
    "ended": "On a Tuesday",
}
NOTICE = ("nature", "consequences", "measures", "contact")
RECORD = ("nature", "effects", "remedial")
EVERYTHING = tuple(FACTS)
TO_AUTHORITY = "gdpr.33.3"
LOG = "runtime:vault._audit"
"""Whom a breach touches is computed from the log of openings."""


class _Drill:
    """A case of the stage's account, with what one does with it."""

    def __init__(self, stage: Stage, case: Case) -> None:
        self.case, self.account, self.id = case, case.account_id, case.id
        self.does = stage.runtime.privacy.breaches

    async def now(self) -> Case:
        found: Case = await self.does.register.case(self.account, self.id)
        return found

    async def note(self, *names: str) -> None:
        await self.does.note(self.account, self.id, {name: FACTS[name] for name in names}, actor=ACTOR)

    async def assess(self, risk: str) -> None:
        approver = "A member" if risk == "unlikely" else ""
        await self.does.assess(self.account, self.id, risk, "Because of what it was.", approver=approver, actor=ACTOR)

    async def notify(self, reason: str = "") -> None:
        sent = Notification("gdpr:IE", "drill", TO_AUTHORITY, late_reason=reason)
        await self.does.notify(self.account, self.id, sent, actor=ACTOR)

    async def close(self) -> None:
        await self.does.close(self.account, self.id, actor=Actor("member", str(uuid4())))


@asynccontextmanager
async def _drill(stage: Stage, *facts: str, hours: float = 0, reader: str = "key:nobody") -> AsyncIterator[_Drill]:
    """A case that the business learned of so many hours ago, about what an actor read."""
    account = stage.domain.scope.account_id
    aware_at = stage.runtime.clock.now() - timedelta(hours=hours)
    said = {name: FACTS[name] for name in facts}
    new = NewBreach(aware_at, said, establishment="IE", actors=(reader,), drill=True)
    drill = _Drill(stage, await stage.runtime.privacy.breaches.declare(account, new, actor=ACTOR))
    try:
        yield drill
    finally:
        with suppress(OmniOpsError):
            if (await drill.now()).closed_at is None:
                await drill.note(*EVERYTHING)
                await drill.assess("unlikely")
                await drill.close()


async def _refused(doing: Awaitable[Any], code: str, what: str) -> str:
    """What is said against an act that must be refused."""
    try:
        await doing
    except Rejected as error:
        hold(error.code == code, f"{what} was refused for another reason: {error.code}.")
        return str(error)
    raise Falsified(f"{what} was taken.")


class BreachesAreClocked(Probe):
    """Drills of 61 and 73 hours, authorities by where people live, and a case without notice or assessment."""

    claims = ("P120",)
    sabotages = (
        Sabotage("omniops.privacy.breach.cases:timers", "the alarms", lambda _: lambda: ()),
        Sabotage("omniops.privacy.breach.case:competent", "the choice of the authority", lambda _: lambda *_: []),
    )

    async def run(self, stage: Stage) -> str:
        async with _drill(stage, *EVERYTHING, hours=61) as drill:
            await drill.does.look_at_clocks()
            called = (await drill.now()).timers
            hold(called == [24, 48, 60], f"After 61 hours a case had called at {called}.")
            await _refused(drill.close(), "not_complete", "A case without notice and assessment")
            await drill.assess("risk")
            await _refused(drill.close(), "not_complete", "A case whose authority was not told")
            await drill.notify()
            await drill.close()
        async with _drill(stage, *EVERYTHING, hours=73) as late:
            case = late.case
            hold(case.due_at - case.aware_at == timedelta(hours=72), "The clock does not run for 72 hours.")
            await _refused(late.notify(), "late_without_reason", "A late notification without a reason")
            await late.notify("Nobody was at work.")
        for countries, establishment, wanted in _WHERE:
            case.affected, case.establishment = {"countries": countries}, establishment
            named = {one.key for one in case.authorities()}
            hold(named == wanted, f"For people in {', '.join(countries)} it names {', '.join(sorted(named))}.")
        return (
            f"A drill called at 24, 48 and 60 hours, lateness needed its reason, {len(_WHERE)} authorities were right."
        )


_WHERE: tuple[tuple[Mapping[str, int], str | None, set[str]], ...] = (
    ({"GB": 3}, None, {"uk:GB"}),
    ({"DE": 2, "FR": 1}, None, {"gdpr:DE", "gdpr:FR"}),
    ({"DE": 2, "FR": 1}, "IE", {"gdpr:IE"}),
    ({"GB": 3, "DE": 2}, None, {"uk:GB", "gdpr:DE"}),
    ({"GB": 3, "DE": 2}, "IE", {"uk:GB", "gdpr:IE"}),
)


class HighRisksAreTold(Probe):
    """A drill of high risk, closed before its people are told, and after."""

    claims = ("P121",)
    sabotages = (
        Sabotage(
            "omniops.privacy.breach.case:Case._all_told",
            "the question whether everybody was told",
            lambda _: lambda case: True,
        ),
    )
    rests_on = (LOG,)

    async def run(self, stage: Stage) -> str:
        thief = await _thief(stage, 2)
        async with _drill(stage, *EVERYTHING, reader=thief) as drill:
            await drill.assess("high")
            await drill.notify()
            await _refused(drill.close(), "not_complete", "A case of high risk whose people were not told")
            await drill.does.tell(drill.account, drill.id, "gdpr.34.2", actor=ACTOR)
            await drill.does.run_telling(str(drill.account), str(drill.id))
            told = (await drill.now()).told
            hold(told == {"drill": 2}, f"Of two people concerned, these were reached: {told}.")
            await drill.close()
        return "A drill of high risk did not close until both of its people had had their turn."


class BreachesAreRecorded(Probe):
    """A case closed with parts blank; a step of the register changed, and one taken away."""

    claims = ("P122",)
    sabotages = (
        Sabotage("omniops.privacy.breach.case:REGISTER", "the question for the three parts", lambda _: ()),
        Sabotage(
            "omniops.privacy.breach.register:BreachRegister.problems",
            "the comparison of the register with the log",
            lambda _: _none,
        ),
    )

    async def run(self, stage: Stage) -> str:
        async with _drill(stage) as drill:
            await drill.assess("unlikely")
            for blank in RECORD:
                said = await _refused(drill.close(), "not_complete", f"A case without its {blank}")
                hold(blank in said, f"It is not said that {blank} is missing.")
                await drill.note(blank)
            await drill.close()
        await self._changed(stage, drill)
        return f"A case did not close without all {len(RECORD)} parts; a changed and a missing step were both seen."

    async def _changed(self, stage: Stage, drill: _Drill) -> None:
        register, account = drill.does.register, drill.account
        before = set(await register.problems(account))
        ((step, kind),) = await stage.rows(
            "select id, kind from omniops.breach_event where breach_id = %s and kind = 'assessed'", drill.id
        )
        await stage.rows("update omniops.breach_event set kind = 'noted' where id = %s", step)
        changed = set(await register.problems(account)) - before
        await stage.rows("update omniops.breach_event set kind = %s where id = %s", kind, step)
        (row,) = await stage.rows("select * from omniops.breach_event where id = %s", step)
        await stage.rows("delete from omniops.breach_event where id = %s", step)
        taken = set(await register.problems(account)) - before
        places = ", ".join(["%s"] * len(row))
        await stage.rows(f"insert into omniops.breach_event values ({places})", *row)  # noqa: S608
        hold(changed, "A step that was changed goes unseen.")
        hold(taken, "A step that was taken away goes unseen.")
        hold(set(await register.problems(account)) == before, "The register is not as it was.")


class NoticesAreWhole(Probe):
    """A notice with parts blank, and its numbers against the people who were read."""

    claims = ("P123",)
    sabotages = (
        Sabotage(
            "omniops.privacy.breach.cases:complete", "the question for blank parts", lambda _: lambda draft: draft
        ),
        Sabotage("omniops.privacy.breach.affected:Scoping.read_by", "the count of who was read", lambda _: _nobody),
    )
    rests_on = (LOG,)

    async def run(self, stage: Stage) -> str:
        people = 3
        thief = await _thief(stage, people)
        async with _drill(stage, *RECORD[1:], reader=thief) as drill:
            for blank in NOTICE:
                said = await _refused(drill.notify(), "blank", f"A notice without its {blank}")
                hold(blank in said, f"It is not said that {blank} is blank.")
                await drill.note(blank)
            await drill.notify()
            await drill.does.scope(drill.account, drill.id, actor=ACTOR)
            case = await drill.now()
        affected = case.affected or {}
        for found in (drill.case.affected or {}, affected):
            numbers = found.get("persons"), found.get("records"), found.get("categories")
            hold(numbers == (people, people, {"user.content.chat": people}), f"{people} were read, not {numbers}.")
        words = case.notified[-1]["words"]
        for line in (f"Persons concerned: {people}\n", f"Records concerned: {people}\n", *(FACTS[n] for n in NOTICE)):
            hold(line in words, f"The notice does not say {line.strip()!r}.")
        return f"No notice went with one of its parts blank; {people} people were read, and the notice says {people}."


async def _thief(stage: Stage, people: int) -> str:
    """An actor who read one message of each of so many test people in the inbox."""
    thief = Actor("key", str(uuid4()))
    for _ in range(people):
        visitor, _message = await spoken(stage, "Where is my parcel?")
        await stage.runtime.inbox.read(stage.domain.scope, visitor.conversation_id, actor=thief, limit=1)
    return str(thief)


async def _none(*_: Any) -> list[str]:
    return []


async def _nobody(*_: Any, **__: Any) -> Affected:
    return Affected()
