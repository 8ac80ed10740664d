"""What calendars hold of a person through OmniOps: the appointments that it entered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from omniops.contracts.calendar import Calendar
from omniops.contracts.integration import Integration, Link
from omniops.contracts.rights import ExternalStore, Fulfilment, Person
from omniops.contracts.scope import Scope
from omniops.conversation.appointments.book import Appointments
from omniops.conversation.appointments.models import Appointment

LinksOf = Callable[[Scope], Awaitable[Sequence[Link]]]
"""The working connections of an integration in a domain."""
IdsOf = Callable[[Scope], Awaitable[Sequence[UUID]]]
"""Ids of all its connections there, working or not."""


class AppointmentStore(ExternalStore):
    """Appointments in the calendars of one integration. Who was invited has the invitation in their own mailbox."""

    def __init__(
        self, book: Appointments, integration: Integration, calendar: Calendar, ids: IdsOf, links: LinksOf
    ) -> None:
        self.key = f"appointments-{integration.name}"
        self.processor = integration.processor
        self.title = f"Appointments in the calendar of {integration.title}"
        self._book = book
        self._integration = integration
        self._calendar = calendar
        self._ids = ids
        self._links = links

    async def export(self, person: Person) -> Fulfilment:
        rows = await self._rows(person)
        if not rows:
            return _nothing()
        links = await self._working(person)
        if any(row.connection_id not in links for row in rows):
            return self._away()
        found = []
        for row in rows:
            link = links[row.connection_id]
            entry = row.entry or await self._calendar.find(link, row.key)
            found.append(await self._calendar.shown(link, entry) if entry is not None else None)
        shown = [dict(one.shown) for one in found if one is not None]
        if not shown:
            return Fulfilment("nothing_held", "The calendar has no appointment of this person any more.")
        return Fulfilment("done", f"{len(shown)} appointments in the calendar.", data={"appointments": shown})

    async def erase(self, person: Person) -> Fulfilment:
        """There first, then the note of it here: a run that was cut is done again."""
        rows = await self._rows(person)
        if not rows:
            return _nothing()
        links = await self._working(person)
        if any(row.connection_id not in links for row in rows):
            return self._away()
        for row in rows:
            link = links[row.connection_id]
            entry = row.entry or await self._calendar.find(link, row.key)
            if entry is not None:
                await self._calendar.remove(link, entry, tell=False)
            await self._book.forget(row, person.scope)
        return Fulfilment("done", f"The calendar deleted {len(rows)} appointments, or had them no more.")

    async def rectify(self, person: Person, category: str, value: str) -> Fulfilment:
        return Fulfilment("refused", "An appointment tells who asked for it; it is made anew instead.", "as_agreed")

    async def restrict(self, person: Person, restricted: bool) -> Fulfilment:
        return Fulfilment("refused", "A calendar cannot lock single entries; nothing new is entered.", "no_lock")

    async def _rows(self, person: Person) -> Sequence[Appointment]:
        return await self._book.of(person.scope, person.subjects, await self._ids(person.scope))

    async def _working(self, person: Person) -> dict[UUID, Link]:
        return {link.id: link for link in await self._links(person.scope)}

    def _away(self) -> Fulfilment:
        return Fulfilment("failed", f"The connection to {self._integration.title} does not work.", "no_connection")


def _nothing() -> Fulfilment:
    return Fulfilment("nothing_held", "No appointment of this person was made.")
