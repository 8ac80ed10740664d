"""The book of appointments: each wish once, no time twice, and no entry that nobody knows of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.calendar import CHANGED, Span, Wish
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Link
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Event
from omniops.conversation.appointments.calendars import CalendarsOf, Connected
from omniops.conversation.appointments.models import Appointment
from omniops.conversation.messages import one_at_a_time
from omniops.database.service import Database
from omniops.errors import NotReady, Rejected
from omniops.jobs.service import Jobs, Retry, Task

LOOK = "conversation:appointment"
LOST = timedelta(minutes=10)
"""After so long nobody asks the calendar any more for what is still being asked; and so long what was just entered
counts as busy, whatever the calendar says."""


class Appointments:
    """The rows of appointments, and what is done about them."""

    def __init__(self, database: Database, calendars: CalendarsOf, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._calendars = calendars
        self._jobs = jobs
        self._clock = clock
        jobs.register(Task(LOOK, self.look, retry=Retry(attempts=9, first=60, cap=7200)))

    async def book(self, connected: Connected, wish: Wish) -> None:
        """Enters an appointment. It is claimed first, and looked at after that whether its time is free: of two who
        want it one gets it. Raises `Rejected`."""
        if not await self._claimed(connected.link, wish):
            raise Rejected("This time was just taken.", code="not_free")
        try:
            busy = await connected.busy(wish.span)
        except NotReady as error:
            await self._settle(connected.link, wish.key, None)
            raise Rejected(str(error), code="calendar_away") from error
        if any(wish.span.meets(one) for one in busy):
            await self._settle(connected.link, wish.key, None)
            raise Rejected("This time is not free any more. Use free_times.", code="not_free")
        try:
            entry = await connected.enter(wish)
        except Rejected:
            await self._settle(connected.link, wish.key, None)
            raise
        except NotReady as error:
            await self._settle(connected.link, wish.key, "unsure")
            raise Rejected("The calendar did not answer; a person has to look.", code="calendar_away") from error
        await self._settle(connected.link, wish.key, "booked", entry=entry)

    async def seen(self, connected: Connected, row: Appointment) -> Appointment:
        """An appointment as it stands in the calendar now: it may have been moved or deleted there. Raises
        `NotReady`."""
        if row.state != "booked" or row.entry is None:
            return row
        entry = await connected.shown(row.entry)
        changes: dict[str, Any] = {}
        if entry is None:
            changes = {"state": "cancelled"}
        elif entry.span is not None and entry.span != Span(row.starts_at, row.ends_at):
            changes = {"starts_at": entry.span.start, "ends_at": entry.span.end}
        if changes:
            await self._settle(connected.link, row.key, **{"state": row.state, **changes})
            for name, value in changes.items():
                setattr(row, name, value)
        return row

    async def cancel(self, connected: Connected, row: Appointment) -> None:
        """Takes an appointment out, and lets who was invited know. Raises `NotReady`."""
        if row.entry is not None:
            await connected.remove(row.entry, tell=True)
        await self._settle(connected.link, row.key, "cancelled")

    async def of(self, scope: Scope, people: Sequence[UUID], connections: Any = None) -> Sequence[Appointment]:
        """All appointments of some people, in the order of their time; `connections` are those that count."""
        statement = select(Appointment).where(
            Appointment.domain_id == scope.domain_id, col(Appointment.about).in_(people)
        )
        if connections is not None:
            statement = statement.where(col(Appointment.connection_id).in_(connections))
        async with self._database.session(scope) as session:
            return (await session.exec(statement.order_by(col(Appointment.starts_at)))).all()

    async def forget(self, row: Appointment, scope: Scope) -> None:
        """Takes the row away; what stands in the calendar is taken out before."""
        async with self._database.session(scope) as session:
            this = (col(Appointment.domain_id) == row.domain_id) & (col(Appointment.id) == row.id)
            await (await session.connection()).execute(delete(Appointment).where(this))
            await session.commit()

    async def look(self, scope: Scope, appointment_id: str) -> None:
        """Finds out what became of an appointment of which nobody saw the end. Raises `NotReady`."""
        async with self._database.session(scope) as session:
            row = await session.get(Appointment, (scope.domain_id, UUID(appointment_id)))
        if row is None or row.state not in ("asked", "unsure"):
            return
        connected = next((one for one in await self._calendars(scope) if one.link.id == row.connection_id), None)
        if connected is None:
            raise NotReady("The connection of the calendar does not work.")
        entry = await connected.find(row.key)
        if entry is None:
            await self.forget(row, scope)
        else:
            await self._settle(connected.link, row.key, "booked", entry=entry)

    async def handled(self, event: Event, link: Link) -> None:
        """An entry was moved or deleted in the calendar. One that is not ours changes nothing."""
        if event.kind != CHANGED:
            return
        changes: dict[str, Any] = {"state": "cancelled" if event.data["state"] == "cancelled" else "booked"}
        if changes["state"] == "booked" and "start" in event.data:
            times = {"starts_at": event.data["start"], "ends_at": event.data["end"]}
            changes |= {name: datetime.fromisoformat(value) for name, value in times.items()}
        async with self._database.session(link.scope) as session:
            mine = _of(link) & (col(Appointment.entry) == event.data["entry"])
            await (await session.connection()).execute(update(Appointment).where(mine).values(**changes))
            await session.commit()

    async def ended(self, session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
        """A connection ended. Its entries stay in the calendar: they are the business's own."""
        mine = (col(Appointment.domain_id) == scope.domain_id) & (col(Appointment.connection_id) == connection_id)
        await (await session.connection()).execute(delete(Appointment).where(mine))

    async def _claimed(self, link: Link, wish: Wish) -> bool:
        """Enters an appointment before the calendar is asked. False where another one of ours has that time."""
        assert link.scope.domain_id is not None
        now = self._clock.now()
        async with self._database.session(link.scope) as session:
            await one_at_a_time(session, f"appointment:{link.id}")
            statement = select(Appointment.id).where(
                Appointment.domain_id == link.scope.domain_id,
                Appointment.connection_id == link.id,
                Appointment.starts_at < wish.span.end,
                Appointment.ends_at > wish.span.start,
                Appointment.state != "cancelled",
                Appointment.created_at > now - LOST,
            )
            if (await session.exec(statement)).first() is not None:
                return False
            row = Appointment(
                domain_id=link.scope.domain_id,
                connection_id=link.id,
                about=wish.subject_id,
                key=wish.key,
                starts_at=wish.span.start,
                ends_at=wish.span.end,
                state="asked",
                created_at=now,
            )
            session.add(row)
            await session.flush()
            await self._jobs.enqueue(session, LOOK, at=now + LOST, domain_id=row.domain_id, appointment_id=row.id)
            await session.commit()
        return True

    async def _settle(self, link: Link, key: str, state: str | None, **changes: Any) -> None:
        """What became of it; None takes the row away."""
        mine = _of(link) & (col(Appointment.key) == key)
        done = delete(Appointment).where(mine)
        async with self._database.session(link.scope) as session:
            changed = update(Appointment).where(mine).values(state=state, **changes)
            await (await session.connection()).execute(done if state is None else changed)
            await session.commit()


def _of(link: Link) -> Any:
    return (col(Appointment.domain_id) == link.scope.domain_id) & (col(Appointment.connection_id) == link.id)
