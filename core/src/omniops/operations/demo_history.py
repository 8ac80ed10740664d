"""`omniops demo --full`: two months of the shop's chat, written through the same services as a visitor's and a member's
own clicks, on a clock that is put back. The people in it are made up."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import update
from sqlmodel import SQLModel

from omniops.accounts.service import DomainView
from omniops.analytics.service import Seen, Visit
from omniops.contracts.ids import ShiftedClock, new_id
from omniops.contracts.scope import Actor
from omniops.conversation.models import Conversation, ConversationEvent, Feedback, Turn, VisitorSession
from omniops.conversation.visitors import Visitor
from omniops.demo.questions import QUESTIONS, UNANSWERABLE
from omniops.demo.talks import PAGES, TALKS, THANKS, TODAY, Talk
from omniops.privacy.ledger import Answer, Circumstances
from omniops.privacy.notices import choices
from omniops.privacy.rights.book import Asked, Came
from omniops.runtime import Runtime
from omniops.vault.models import Subject

DAYS = 60
"""Shorter than a chat is kept, so that no sweep takes it away again."""
SEED = 4  # the same months each time
OWNER, OWNER_NAME = "mara@tarn-and-tor.example", "Mara Lindqvist"
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile Safari/604.1",
)
HOURS = {"zone": "Europe/London", "week": {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}}
REQUESTS = {27: "erasure", 11: "access", 3: "objection"}
"""Days ago, and the right that was asked for: each on its own place of the legal clock."""
OWN_ANSWERS = (
    (
        ["Do you have a student discount?", "Is there a discount for students?"],
        "We have no student discount. Members of mountain rescue teams and schools get 10 % on hire.",
    ),
)
DATED = (Subject, VisitorSession, Conversation, Turn, Feedback, ConversationEvent)
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SignIn:
    """With what the demo's dashboard is entered. Kept beside the demo's data, since passwords are stored as hashes."""

    email: str
    password: str

    @classmethod
    def kept(cls, folder: Path) -> SignIn | None:
        """What an earlier start wrote, or None."""
        file = folder / "sign-in.txt"
        return cls(*file.read_text("utf-8").split("\n")[:2]) if file.exists() else None

    def keep(self, folder: Path) -> None:
        file = folder / "sign-in.txt"
        file.touch(mode=0o600)
        file.write_text(f"{self.email}\n{self.password}\n", "utf-8")


class History:
    """Plays the months, oldest day first."""

    def __init__(self, runtime: Runtime, clock: ShiftedClock, domain: DomainView) -> None:
        self._on = runtime
        self._clock = clock
        self._domain = domain
        self._chance = Random(SEED)  # noqa: S311  (which customer comes when is no secret)
        self._member = Actor.operator()

    async def play(self, progress: OnProgress, *, days: int = DAYS) -> SignIn:
        """Everything, up to this morning. Returns how the dashboard is entered."""
        today = datetime.now(UTC).date()
        self._go_back(_at(today - timedelta(days=days), 8 * 60))
        entry = await self._owner()
        await self._on.accounts.configure(self._domain.scope, {"settings": {"hours": HOURS}}, actor=self._member)
        self._domain = await self._on.accounts.domain(self._domain.scope)
        for number in range(days):
            progress("Two months of conversations", number, days)
            ago = days - number
            await self._day(today - timedelta(days=ago))
            if ago in REQUESTS:
                async with self._dated():
                    await self._right(REQUESTS[ago])
        await self._today(today)
        self._clock.ahead = timedelta()
        await self._on.gaps.refresh(self._domain.scope)
        for questions, answer in OWN_ANSWERS:
            await self._on.curated.create(self._domain.scope, questions, answer, actor=self._member)
        progress("Two months of conversations", days, days)
        return entry

    async def _owner(self) -> SignIn:
        entry = SignIn(OWNER, secrets.token_urlsafe(12))
        token = await self._on.members.setup_link(self._domain.scope.account_id)
        session = await self._on.members.finish_setup(token, email=OWNER, name=OWNER_NAME, password=entry.password)
        principal = await self._on.members.principal(session)
        assert principal is not None
        self._member = principal.actor
        return entry

    async def _day(self, day: date) -> None:
        weekend = day.weekday() >= 5
        for minute in sorted(self._chance.sample(range(7 * 60, 22 * 60), self._chance.randint(3, 5 if weekend else 8))):
            self._go_back(_at(day, minute))
            async with self._dated():
                if self._chance.random() < 0.2:
                    await self._talk(self._chance.choice(TALKS))
                else:
                    await self._questions()
                if self._chance.random() < 0.4:
                    await self._visit()

    async def _today(self, day: date) -> None:
        """What waits when the dashboard is opened first: of the last hour, whatever the hour is."""
        for minutes, talk in zip((55, 40, 21, 6), TODAY, strict=True):
            self._clock.ahead = -timedelta(minutes=minutes)
            async with self._dated():
                await self._talk(talk)
        self._clock.ahead = -timedelta(minutes=3)
        visitor = await self._arrives()
        mode = self._on.inbox.set_mode
        await mode(self._domain.scope, visitor.conversation_id, "draft", actor=self._member)
        await self._ask(visitor, "Can I return a tent that was pitched once in the garden?")

    # One visitor

    async def _arrives(self) -> Visitor:
        _, visitor = await self._on.visitors.open(self._domain, "en")
        return visitor

    async def _ask(self, visitor: Visitor, question: str) -> dict[str, object]:
        """Returns the message that the question was answered with, or what came last instead."""
        events = await self._on.conversations.ask(visitor, self._domain, question, new_id().hex, "en")
        last: dict[str, object] = {}
        async for event in events:
            last = dict(event.data)
        return last

    async def _questions(self) -> None:
        visitor = await self._arrives()
        unanswerable = self._chance.random() < 0.15
        asked = [self._chance.choice(UNANSWERABLE)] if unanswerable else self._several()
        for question in asked:
            answer = await self._ask(visitor, question)
            if "id" in answer and self._chance.random() < 0.45:
                helpful = answer.get("level") == "answer" and self._chance.random() < 0.93
                await self._on.conversations.feedback(visitor, UUID(str(answer["id"])), helpful=helpful)
            self._pass(self._chance.randint(1, 4))
        if not unanswerable and self._chance.random() < 0.2:
            await self._ask(visitor, self._chance.choice(THANKS))
        await self._on.inbox.close(self._domain.scope, visitor.conversation_id, actor=Actor.system("demo"))

    def _several(self) -> list[str]:
        return [one.question for one in self._chance.sample(QUESTIONS, self._chance.choice((1, 1, 2, 3)))]

    async def _talk(self, talk: Talk) -> None:
        """A conversation that a person carries on."""
        visitor, scope, inbox = await self._arrives(), self._domain.scope, self._on.inbox
        await self._ask(visitor, talk.first)
        await self._on.conversations.to_person(visitor, self._domain, "en", talk.email)
        for who, said in talk.then:
            if talk.ending not in ("waiting", "open"):
                self._pass(self._chance.randint(2, 25))
            if who == "visitor":
                await self._ask(visitor, said)
            elif who == "note":
                await inbox.note(scope, visitor.conversation_id, said, actor=self._member)
            else:
                await inbox.reply(scope, visitor.conversation_id, said, actor=self._member)
        if talk.ending == "closed":
            await inbox.close(scope, visitor.conversation_id, actor=self._member)
        elif talk.ending == "given_back":
            await inbox.hand_back(scope, visitor.conversation_id, actor=self._member)

    async def _visit(self) -> None:
        """A visitor who said yes to being counted, and looked at some pages."""
        shown = {choice.purpose: choice.version for choice in choices(self._on.catalog, "en")}
        answer = Answer("analytics", True, "choice.analytics", shown["analytics"])
        browser = await self._on.consents.choose(
            self._domain.scope, None, [answer], Circumstances("banner", "en", "none", "GB")
        )
        assert browser.token is not None
        subject = await self._on.consents.bearer(self._domain.scope, browser.token)
        assert subject is not None
        pages = self._chance.sample(PAGES, self._chance.randint(1, 5))
        visit = Visit(self._chance.choice(BROWSERS), "203.0.113.7", "none")
        await self._on.analytics.write(self._domain.scope, subject, [Seen("page", page) for page in pages], visit)

    async def _right(self, right: str) -> None:
        """Somebody asked for a right by e-mail and showed who they are; a person has to approve what is done."""
        scope, visitor = self._domain.scope, await self._arrives()
        await self._ask(visitor, self._chance.choice(QUESTIONS).question)
        asked = Asked(right, email=f"{right}@customer.example", text="Please confirm when it is done.")
        came = Came("page", new_id().hex, self._clock.now())
        case = await self._on.privacy.cases.open(scope, asked, came, actor=self._member)
        evidence = "Wrote from the address of the order, and named its number."
        await self._on.privacy.cases.prove(scope, case.case.id, [visitor.subject_id], evidence, actor=self._member)

    # Time

    def _go_back(self, to: datetime) -> None:
        """From now on the clock goes on from `to`."""
        self._clock.ahead = to - datetime.now(UTC)

    def _pass(self, minutes: int) -> None:
        self._clock.ahead = min(self._clock.ahead + timedelta(minutes=minutes), timedelta())

    @asynccontextmanager
    async def _dated(self) -> AsyncIterator[None]:
        """Rows that record when they were written, and ask no clock for it, are dated like the rest."""
        began, ahead = datetime.now(UTC), self._clock.ahead
        yield
        async with self._on.database.session(self._domain.scope) as session:
            connection = await session.connection()
            for model in DATED:
                table = SQLModel.metadata.tables[str(model.__tablename__)]
                home = table.c["home_id" if model is Subject else "domain_id"]
                rows = update(table).where(home == self._domain.id, table.c.created_at >= began)
                await connection.execute(rows.values(created_at=table.c.created_at + ahead))
            await session.commit()


def _at(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60), UTC)
