"""The suite over calendars with one fault each. Run by `test_calendar.py` in a process of its own; each class fails."""

from dataclasses import replace
from datetime import timedelta

from at_diary import AtDiary
from diary import DiaryCalendar
from omniops.contracts.calendar import Span
from omniops.testing import CalendarSuite


class Late(DiaryCalendar):
    """Tells the beginning of what is taken too late."""

    async def busy(self, link, within):
        found = await super().busy(link, within)
        return [Span(one.start + timedelta(minutes=10), one.end) for one in found]


class Wholesale(DiaryCalendar):
    """Takes a whole day for one entry of half an hour."""

    async def busy(self, link, within):
        found = await super().busy(link, within)
        return [within] if found else []


class Doubler(DiaryCalendar):
    """Enters a wish as often as it is asked to."""

    async def enter(self, link, wish):
        if wish.key in self.entries:
            return await super().enter(link, replace(wish, key=f"{wish.key}-{len(self.entries)}"))
        return await super().enter(link, wish)


class Forgetful(DiaryCalendar):
    """Finds nothing by its key."""

    async def find(self, link, key):
        return None


class Guesser(DiaryCalendar):
    """Takes any entry for the one that was lost."""

    async def find(self, link, key):
        return next((f"entry-{one}" for one in self.entries), None)


class Elsewhere(DiaryCalendar):
    """Shows another time than the one that was wished."""

    async def shown(self, link, entry):
        found = await super().shown(link, entry)
        hour = timedelta(hours=1)
        return found and replace(found, span=Span(found.span.start + hour, found.span.end + hour))


class Sweeper(DiaryCalendar):
    """Removes everything."""

    async def remove(self, link, entry, *, tell):
        self.entries.clear()


class Keeper(DiaryCalendar):
    """Removes nothing."""

    async def remove(self, link, entry, *, tell):
        self.ask()


class OneSwitch(DiaryCalendar):
    """Enters appointments wherever times are told."""

    booking = "times"


for _fault in (Late, Wholesale, Doubler, Forgetful, Guesser, Elsewhere, Sweeper, Keeper, OneSwitch):
    _name = f"Test{_fault.__name__}"
    globals()[_name] = type(_name, (AtDiary, CalendarSuite), {"kind": _fault, "__module__": __name__})
