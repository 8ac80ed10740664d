"""Breach cases from awareness to closing (Arts. 33, 34 GDPR): `runtime.privacy.breaches`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

from sqlmodel import select

from omniops.accounts.models import Account
from omniops.contracts.breach import BreachDeclared
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, ActorKind, Scope, only_a_person
from omniops.database.service import Database
from omniops.errors import OmniOpsError, Rejected
from omniops.jobs.service import MAINTENANCE, SENDING, Jobs, Task
from omniops.plugins.seams import Seams
from omniops.privacy.breach.affected import Scoping
from omniops.privacy.breach.case import FACTS, Case
from omniops.privacy.breach.facts import rules, timers
from omniops.privacy.breach.models import BreachPerson
from omniops.privacy.breach.register import BreachRegister, Step
from omniops.privacy.breach.telling import ACTOR, Telling
from omniops.privacy.breach.texts import Draft, complete, draft, drafts
from omniops.privacy.catalog import Catalog

CLOCK = Actor.system("breach.clock")
Risk = Literal["unlikely", "risk", "high"]


@dataclass(frozen=True, slots=True)
class NewBreach:
    """A breach as it is declared.

    `actors` are those who read what they should not have (`key:…`, `member:…`, `plugin:…`), between `since` and
    `until`. `copied` says that a copy of the database got away, `tables` which (empty: all), `keys_exposed` whether the
    keys folder did as well. `establishment` is the country of the main establishment (ISO 3166). `facts` are any of
    `case.FACTS`. A `drill` is an exercise: it runs like a case and mails nobody.
    """

    aware_at: datetime
    facts: Mapping[str, str]
    role: Literal["controller", "processor"] = "controller"
    establishment: str | None = None
    actors: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    copied: bool = False
    tables: Sequence[str] = ()
    keys_exposed: bool = False
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Notification:
    """That an authority (its key, see `facts.Authority`) or the `controller` was notified: how, by which text, and
    after 72 hours why so late (Art. 33(1))."""

    to: str
    reference: str
    text: str
    late_reason: str = ""
    name: str = field(default="")


class Breaches:
    """What one does with a breach. Every method raises `NotFound` for a case of another account, and `Rejected` for one
    that is closed."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        seams: Seams,
        catalog: Catalog,
        register: BreachRegister,
        scoping: Scoping,
        telling: Telling,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._seams = seams
        self._catalog = catalog
        self.register = register
        self._scoping = scoping
        self._telling = telling
        self._clock = clock
        self._log = log
        jobs.register(
            Task("breach:clock", self.look_at_clocks, queue=MAINTENANCE, cron="* * * * *"),
            Task("breach:tell", self.run_telling, queue=SENDING),
        )

    async def declare(self, account_id: UUID, new: NewBreach, *, actor: Actor) -> Case:
        """Opens a case, starts its clock at the moment of awareness, computes whom it touches and tells the plugins."""
        _check(new, self._clock.now())
        breach_id = new_id()
        body = {
            "drill": new.drill,
            "role": new.role,
            "establishment": new.establishment,
            "actors": list(new.actors),
            "since": new.since.isoformat() if new.since else None,
            "until": new.until.isoformat() if new.until else None,
            "copied": new.copied,
            "tables": list(new.tables),
            "keys_exposed": new.keys_exposed,
            "facts": _facts(new.facts),
        }
        await self.register.add(account_id, breach_id, "declared", body, actor=actor, aware_at=new.aware_at)
        case = await self.scope(account_id, breach_id, actor=actor)
        await self._seams.breach_declared(BreachDeclared(account_id, breach_id, case.aware_at, case.due_at, case.drill))
        return case

    async def scope(self, account_id: UUID, breach_id: UUID, *, actor: Actor) -> Case:
        """Computes whom it touches, from the audit or the marks as they are now, and enters it into the register."""
        case = await self._open(account_id, breach_id)
        (declared, *_) = await self.register.steps(account_id, breach_id)
        if case.copied:
            found = await self._scoping.copied(account_id, declared.body["tables"], keys_exposed=case.keys_exposed)
        else:
            since, until = (datetime.fromisoformat(at) if at else None for at in (case.since, case.until))
            found = await self._scoping.read_by(account_id, case.actors, since, until, actor=actor)
        await self._telling.keep(account_id, breach_id, found)
        await self.register.add(account_id, breach_id, "scoped", found.body(), actor=actor)
        return await self.register.case(account_id, breach_id)

    async def note(
        self,
        account_id: UUID,
        breach_id: UUID,
        facts: Mapping[str, str],
        *,
        establishment: str | None = None,
        actor: Actor,
    ) -> Case:
        """Adds facts, or says them anew: information may come in phases (Art. 33(4)). What was written stays."""
        await self._open(account_id, breach_id)
        body = {"facts": _facts(facts), "establishment": _country(establishment)}
        await self.register.add(account_id, breach_id, "noted", body, actor=actor)
        return await self.register.case(account_id, breach_id)

    async def assess(
        self,
        account_id: UUID,
        breach_id: UUID,
        risk: Risk,
        reasons: str,
        *,
        approver: str = "",
        exception: str | None = None,
        actor: Actor,
    ) -> Case:
        """Says how great the risk to persons is. `unlikely` needs an approver (then no authority is notified); with
        `high` the persons are told, unless an exception (`a`, `b` or `c` of Art. 34(3)) is given with its reasons."""
        case = await self._open(account_id, breach_id)
        if not reasons.strip():
            raise Rejected("An assessment needs its reasons.", code="blank", where="reasons")
        if risk == "unlikely" and not approver.strip():
            raise Rejected(
                "That a risk is unlikely is somebody's decision: name who approves it.", code="blank", where="approver"
            )
        if exception is not None and exception not in rules()["exceptions"]:
            raise Rejected(f"Art. 34(3) has no exception {exception!r}.", code="bad_exception", where="exception")
        if exception == "a" and (case.affected or {}).get("intelligible", True):
            raise Rejected(
                "The data could be read: its keys were used or lost. Exception (a) is for data that could not.",
                code="intelligible",
                where="exception",
            )
        body = {"risk": risk, "reasons": reasons.strip(), "approver": approver.strip(), "exception": exception}
        await self.register.add(account_id, breach_id, "assessed", body, actor=actor)
        return await self.register.case(account_id, breach_id)

    async def drafts(self, account_id: UUID, breach_id: UUID) -> list[Draft]:
        """Every text, filled as far as the case goes."""
        case = await self.register.case(account_id, breach_id)
        return drafts(case, await self._business(account_id), self._catalog)

    async def notify(self, account_id: UUID, breach_id: UUID, sent: Notification, *, actor: Actor) -> Case:
        """Enters that an authority or the controller was notified. The sending itself is a person's. Raises `Rejected`
        where the text has a blank item, or comes after 72 hours without a reason."""
        case = await self._open(account_id, breach_id)
        now = self._clock.now()
        late = now > case.due_at
        if late and sent.to != "controller" and not sent.late_reason.strip():
            raise Rejected(
                "More than 72 hours went by since the business became aware: Art. 33(1) asks for the reasons.",
                code="late_without_reason",
                where="late_reason",
            )
        known = {one.key: one.name for one in case.authorities()} | {"controller": "the controller"}
        name = sent.name or known.get(sent.to, "")
        if not name:
            raise Rejected(
                f"{sent.to!r} is not competent in this case.",
                code="not_competent",
                where="to",
                do=f"There are: {', '.join(known)}. Give a name for another one.",
            )
        words = complete(
            draft(
                sent.text, case, await self._business(account_id), self._catalog, authority=name, late=sent.late_reason
            )
        )
        if words.to != ("controller" if sent.to == "controller" else "authority"):
            raise Rejected(f"{words.title} is not for {name}.", code="wrong_text", where="text")
        body = {
            "to": sent.to,
            "name": name,
            "reference": sent.reference,
            "text": sent.text,
            "words": words.body,
            "late": late,
            "late_reason": sent.late_reason.strip(),
            "phase": sum(one["to"] == sent.to for one in case.notified) + 1,
        }
        await self.register.add(account_id, breach_id, "notified", body, actor=actor)
        return await self.register.case(account_id, breach_id)

    async def tell(
        self, account_id: UUID, breach_id: UUID, text: str, *, words: str | None = None, actor: Actor
    ) -> Case:
        """Starts telling the affected persons by mail; `words` in place of the text's own. In a drill nobody is
        mailed. The log (`persons`) shows what became of each."""
        case = await self._open(account_id, breach_id)
        found = complete(draft(text, case, await self._business(account_id), self._catalog))
        if found.to != "persons":
            raise Rejected(f"{found.title} is not for persons.", code="wrong_text", where="text")
        body = {"title": found.title, "words": words or found.body, "text": text}
        await self.register.add(account_id, breach_id, "telling", body, actor=actor)
        async with self._database.session(Scope(account_id)) as session:
            await self._jobs.enqueue(
                session,
                "breach:tell",
                unique=f"breach:tell:{breach_id}",
                account_id=account_id,
                breach_id=breach_id,
            )
            await session.commit()
        return await self.register.case(account_id, breach_id)

    async def run_telling(self, account_id: str, breach_id: str) -> None:
        """The job behind `tell`: the newest words, to everybody who was not told yet."""
        account, breach = UUID(account_id), UUID(breach_id)
        case = await self.register.case(account, breach)
        said = [step for step in await self.register.steps(account, breach) if step.kind == "telling"][-1].body
        await self._telling.tell(account, breach, said["title"], said["words"], drill=case.drill)
        states = await self._telling.states(account, breach)
        await self.register.add(account, breach, "told", {"states": states}, actor=ACTOR)

    async def persons(self, account_id: UUID, breach_id: UUID, *, after: UUID | None, limit: int) -> list[BreachPerson]:
        """The log of who is touched and what became of telling them."""
        await self.register.case(account_id, breach_id)
        return await self._telling.persons(account_id, breach_id, after=after, limit=limit)

    async def steps(self, account_id: UUID, breach_id: UUID) -> list[Step]:
        """The register's steps of a case."""
        return await self.register.steps(account_id, breach_id)

    async def close(self, account_id: UUID, breach_id: UUID, *, actor: Actor) -> Case:
        """Closes a case. Raises `Refused` (`needs_a_member`) for a key or a task, `Rejected` with everything that still
        stands against it."""
        case = await self._open(account_id, breach_id)
        only_a_person(actor, "A breach case is closed", operator=True)
        if missing := case.missing():
            raise Rejected(" ".join(missing), code="not_complete", do="Complete the case, then close it.")
        await self.register.add(account_id, breach_id, "closed", {}, actor=actor, once=True)
        return await self.register.case(account_id, breach_id)

    async def look_at_clocks(self) -> None:
        """Every minute: an open case calls at 24, 48 and 60 hours, and when its 72 hours are over. The step is added
        once the call is out: one that was cut short is made again, and its mails are the same ones. A case whose call
        fails keeps no other from its turn."""
        now = self._clock.now()
        failed: OmniOpsError | None = None
        for account_id, breach_id, aware_at, kinds in await self.register.open_cases():
            due = {f"timer.{hours}": hours for hours in timers() if now - aware_at >= timedelta(hours=hours)}
            try:
                for kind in [kind for kind in due if kind not in kinds]:
                    await self._call(account_id, breach_id, due[kind])
                    await self.register.add(account_id, breach_id, kind, {"hours": due[kind]}, actor=CLOCK, once=True)
            except OmniOpsError as error:
                failed = error
        if failed is not None:
            raise failed

    async def _call(self, account_id: UUID, breach_id: UUID, hours: int) -> None:
        case = await self.register.case(account_id, breach_id)
        self._log.warning("breach.clock", breach=str(breach_id), hours=hours, drill=case.drill)
        if case.drill:
            return
        await self._telling.warn(
            account_id,
            breach_id,
            f"A breach case has been open for {hours} hours",
            f"The authority must be notified by {case.due_at:%Y-%m-%d %H:%M} UTC (72 hours after the business became"
            f" aware). Still missing:\n\n" + "\n".join(f"- {one}" for one in case.missing()),
            f"timer.{hours}",
        )

    async def _open(self, account_id: UUID, breach_id: UUID) -> Case:
        case = await self.register.case(account_id, breach_id)
        if case.closed_at is not None:
            raise Rejected("This case is closed.", code="closed", do="Declare another one, and name this one in it.")
        return case

    async def _business(self, account_id: UUID) -> str:
        async with self._database.session(Scope(account_id)) as session:
            name = (await session.exec(select(Account.name).where(Account.account_id == account_id))).first()
        return name or ""


def shown(case: Case) -> dict[str, Any]:
    """A case as API and commands show it."""
    values = asdict(case)
    values.pop("account_id")
    return {
        **values,
        "due_at": case.due_at,
        "authorities": [asdict(one) for one in case.authorities()],
        "missing": case.missing(),
    }


def _check(new: NewBreach, now: datetime) -> None:
    if new.aware_at > now + timedelta(minutes=5):
        raise Rejected("Nobody is aware of a breach in the future.", code="bad_moment", where="aware_at")
    if bool(new.actors) == new.copied:
        raise Rejected(
            "Say who read the data, or that a copy of it got away: one of the two.", code="no_exposure", where="actors"
        )
    for name in new.actors:
        if name.partition(":")[0] not in get_args(ActorKind) or not name.partition(":")[2]:
            raise Rejected(
                f"{name!r} is nobody whom the audit could name.",
                code="bad_actor",
                where="actors",
                do=f"Write it as an entry of the audit has it: {', '.join(f'{k}:…' for k in get_args(ActorKind))}.",
            )
    if new.since and new.until and new.since > new.until:
        raise Rejected("It cannot end before it begins.", code="bad_moment", where="until")
    _country(new.establishment)


def _country(code: str | None) -> str | None:
    if code is not None and not (len(code) == 2 and code.isascii() and code.isupper()):
        raise Rejected(
            f"{code!r} is no country.", code="bad_country", where="establishment", do="Use ISO 3166: DE, GB."
        )
    return code


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(facts) - set(FACTS))
    if unknown:
        raise Rejected(f"There is no fact {unknown[0]!r}.", code="bad_fact", do=f"There are: {', '.join(FACTS)}.")
    return {name: text.strip() for name, text in facts.items() if text.strip()}
