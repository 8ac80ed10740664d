"""What every calendar must do: say when it is taken and nothing else, enter an appointment once, find and remove it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from omniops.contracts.calendar import RULES, AppointmentRules, Calendar, Span, Wish
from omniops.contracts.ids import new_id
from omniops.contracts.integration import Integration, Link
from omniops.contracts.plugin import GateDoor
from omniops.errors import NotReachable, NotReady, Permanent
from omniops.testing.fakes import link_of
from omniops.testing.part import OfIntegration, OutageSuite, Unwell

HALF, HOUR, DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)
PIECE = timedelta(minutes=5)
"""How much longer than it is an entry may seem."""


class CalendarSuite(OfIntegration, OutageSuite):
    """The contract of `Calendar`. Override `gate` with a double that knows `connection_values`, and `taken`."""

    @pytest.fixture
    def taken(self) -> Callable[[Span, str], None]:
        """Somebody enters something by hand into the double's calendar: a time, and what it is about. Override it."""
        pytest.skip("nobody can enter something into the double's calendar: override the fixture `taken`")

    @pytest.fixture
    def entries(self) -> Callable[[], Sequence[str]]:
        """All that stands in the double's calendar now, each entry as text that holds everything about it. Override
        it."""
        pytest.skip("nobody can look into the double's calendar: override the fixture `entries`")

    @pytest.fixture
    def lose(self) -> Callable[[], None] | None:
        """Makes the double take the next entry and lose its answer. Override it to see that the entry is found."""
        return None

    @pytest.fixture
    def calendar(self, integration: Integration, gate: GateDoor) -> Calendar:
        """The calendar under test."""
        self.skip_shut(gate, outside=True)
        found = integration.calendar
        assert found is not None, f"integration {integration.name!r} has no calendar"
        return found

    @pytest.fixture
    def link(self, integration: Integration, connection: BaseModel) -> Link:
        """The connection at work, with its features on."""
        calendar = integration.calendar
        features = [calendar.times, calendar.booking] if calendar is not None else []
        return link_of(connection, kind=integration.name, features=features)

    @pytest.fixture
    def at(self) -> datetime:
        """The beginning of an hour some days ahead, in a calendar that is empty then."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        return now + timedelta(days=3)

    @pytest.fixture
    def wish(self, at: datetime) -> Wish:
        """An appointment that a visitor wants."""
        span = Span(at, at + HALF)
        return Wish(new_id().hex, span, "Europe/Berlin", "Ann Lee", "ann@visitor.example", "Kitchen plan", new_id())

    def test_its_features_and_rules_are_declared(self, integration: Integration, calendar: Calendar) -> None:
        assert calendar is integration.calendar, "another calendar comes each time"
        known = {one.key for one in integration.features}
        assert {calendar.times, calendar.booking} <= known, f"its features are none of {sorted(known)}"
        assert calendar.times != calendar.booking, "telling times and entering appointments are switched apart"
        model = integration.Connection
        assert model is not None, "the integration names no Connection"
        assert issubclass(model, AppointmentRules), "the Connection has no rules for appointments"
        assert set(RULES) <= set(integration.changeable), "a person cannot change the rules while it is connected"

    async def test_what_is_taken_is_told_by_its_time_alone(
        self, calendar: Calendar, link: Link, at: datetime, taken: Callable[[Span, str], None]
    ) -> None:
        within = Span(at - 2 * HOUR, at + DAY)
        assert not await calendar.busy(link, within), "an empty calendar is taken"
        span = Span(at + timedelta(minutes=10), at + HOUR)
        taken(span, "A visit to the doctor")
        busy = await calendar.busy(link, within)
        assert busy, "what is taken is told to be free"
        assert all(isinstance(one, Span) for one in busy)
        assert "doctor" not in repr(busy), "what stands in the calendar is told"
        begin, end = min(one.start for one in busy), max(one.end for one in busy)
        assert begin <= span.start, "the beginning of what is taken is told to be free"
        assert end >= span.end, "the end of what is taken is told to be free"
        assert begin > span.start - 2 * PIECE, "much more is told to be taken than is"
        assert end < span.end + 2 * PIECE, "much more is told to be taken than is"
        assert not await calendar.busy(link, Span(span.end + PIECE, span.end + HOUR)), "what was not asked for is told"

    async def test_an_appointment_is_entered_once_and_found_by_its_key(
        self, calendar: Calendar, link: Link, wish: Wish, entries: Callable[[], Sequence[str]]
    ) -> None:
        assert await calendar.find(link, wish.key) is None, "something is found before it is entered"
        entry = await calendar.enter(link, wish)
        assert entry, "an entry has no id"
        assert len(entry) <= 500, "an entry's id is longer than 500 characters"
        assert await calendar.enter(link, wish) == entry, "the same wish is entered twice"
        (text,) = entries()
        for part in (wish.email, wish.name, wish.topic):
            assert part in text, f"{part!r} is not in the entry"
        assert await calendar.find(link, wish.key) == entry, "what was entered is not found"
        assert await calendar.find(link, new_id().hex) is None, "another entry is taken for the one that was lost"
        assert any(one.meets(wish.span) for one in await calendar.busy(link, wish.span)), "its time is still free"

    async def test_a_copy_shows_the_appointment(self, calendar: Calendar, link: Link, wish: Wish) -> None:
        shown = await calendar.shown(link, await calendar.enter(link, wish))
        assert shown is not None, "what was entered is not shown"
        assert shown.span == wish.span, f"the appointment is shown at {shown.span}"
        text = json.dumps(dict(shown.shown), ensure_ascii=False)
        for part in (wish.email, wish.name, wish.topic):
            assert part in text, f"{part!r} is not in the copy"

    async def test_an_entry_whose_answer_was_lost_is_found(
        self, calendar: Calendar, link: Link, wish: Wish, lose: Callable[[], None] | None
    ) -> None:
        if lose is None:
            pytest.skip("nobody can lose an answer: override the fixture `lose`")
        lose()
        with pytest.raises((NotReady, NotReachable)):
            await calendar.enter(link, wish)
        assert await calendar.find(link, wish.key), "it is there, and nobody would know"

    @pytest.mark.parametrize("tell", [True, False])
    async def test_removing_takes_one_entry_and_can_be_repeated(
        self, calendar: Calendar, link: Link, wish: Wish, entries: Callable[[], Sequence[str]], tell: bool
    ) -> None:
        later = Span(wish.span.start + DAY, wish.span.end + DAY)
        other = await calendar.enter(link, replace(wish, key=new_id().hex, span=later, email="bob@visitor.example"))
        entry = await calendar.enter(link, wish)
        for _ in range(2):
            await calendar.remove(link, entry, tell=tell)
            assert len(entries()) == 1, "not the one entry is gone"
        assert await calendar.find(link, wish.key) is None, "an entry that was removed is found"
        assert await calendar.shown(link, entry) is None, "an entry that was removed is shown"
        assert await calendar.shown(link, other) is not None, "another entry went along"
        assert not await calendar.busy(link, wish.span), "its time is still taken"

    @pytest.mark.parametrize("status", [200, 429, 500, 503])
    async def test_nonsense_and_outages_can_be_tried_again(
        self, calendar: Calendar, link: Link, wish: Wish, unwell: Unwell | None, status: int
    ) -> None:
        entry = await calendar.enter(link, wish)
        calls = (
            lambda: calendar.busy(link, wish.span),
            lambda: calendar.enter(link, replace(wish, key=new_id().hex)),
            lambda: calendar.find(link, wish.key),
            lambda: calendar.shown(link, entry),
        )
        await self.can_be_tried_again(unwell, status, calls)

    async def test_what_is_refused_for_good_is_no_wait(
        self, calendar: Calendar, link: Link, wish: Wish, unwell: Unwell | None
    ) -> None:
        self.makes_unwell(unwell, 400)
        with pytest.raises(Permanent):
            await calendar.enter(link, wish)
