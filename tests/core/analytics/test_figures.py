"""What a report counts: who settled a conversation, when, how fast and for how much, and which ones stand behind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from omniops.analytics.report import Sums, Wanted
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from talks import Talks

PERSON = Actor("member", "test")
NOTHING = (Level("none"), Text(""), Done("end"))


@pytest.fixture
def figures(desk):
    return desk.runtime.analytics.figures


@pytest.fixture
def talks(desk):
    return Talks(desk.runtime, desk.domain.scope)


@pytest.fixture
def counted(desk, figures):
    async def counted(days=30, zone=UTC, channel=None):
        return await figures.report(desk.domain.scope, days, zone, channel)

    return counted


async def says(desk, visitor):
    return [event async for event in await desk.ask(visitor)]


async def test_who_settled_a_conversation_is_told_by_what_happened_in_it(desk, counted):
    inbox, scope = desk.runtime.inbox, desk.domain.scope
    await desk.visitor()  # opened the chat and wrote nothing
    alone = await desk.visitor()
    await says(desk, alone)
    assert (await counted()).total == Sums(ai=1, messages=1)
    helped = await desk.visitor()
    (*_, done) = await says(desk, helped)
    await desk.runtime.conversations.feedback(helped, done.data["id"], helpful=False)
    assert (await counted()).total == Sums(ai=1, nobody=1, messages=2, not_helpful=1)
    await desk.runtime.conversations.to_person(alone, desk.domain, "en", None)
    assert (await counted()).total == Sums(nobody=2, messages=2, not_helpful=1)
    desk.clock.forward(minutes=3)
    await inbox.reply(scope, alone.conversation_id, "Hello.", actor=PERSON)
    report = await counted()
    assert report.total == Sums(person=1, nobody=1, messages=2, not_helpful=1)
    assert (report.times["first_person"].count, report.times["first_person"].median) == (1, 180)
    given_back = await desk.visitor()
    await desk.runtime.conversations.to_person(given_back, desk.domain, "en", None)
    await desk.runtime.conversations.to_ai(given_back, "en")
    desk.clock.forward(seconds=1)
    await says(desk, given_back)
    assert (await counted()).total.ai == 1
    desk.provider.begin(*NOTHING)
    await says(desk, await desk.visitor())
    total = (await counted()).total
    assert (total.nobody, total.in_vain) == (2, 1)


async def test_days_are_those_of_the_website_and_end_at_its_midnight(desk, talks, counted):
    zone = ZoneInfo("Pacific/Auckland")
    today = desk.clock.now().astimezone(zone)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    await talks.add(midnight - timedelta(seconds=1))
    await talks.add(midnight)
    await talks.add(midnight - timedelta(days=7))
    report = await counted(7, zone)
    sums = list(report.by_day.values())
    assert (len(sums), sums[-1].conversations, sums[-2].conversations) == (7, 1, 1)
    assert report.total.conversations == 2
    assert report.before.conversations == 1


async def test_a_period_before_that_is_not_kept_is_compared_with_nothing(desk, counted):
    assert (await counted(30)).before == Sums()
    assert (await counted(90)).before is None
    await desk.runtime.privacy.retention.rules.shorten(desk.domain.scope, "chat", 20, actor=OPERATOR)
    assert (await counted(30)).before is None
    assert (await counted(7)).before == Sums()


@pytest.mark.parametrize("days", [0, 91])
async def test_more_days_than_chats_are_kept_are_refused(counted, days):
    with pytest.raises(Rejected, match="kept for 90 days"):
        await counted(days)


async def test_channels_times_and_costs_add_up(desk, talks, counted, figures):
    at = desk.clock.now() - timedelta(days=1)
    for ms in (200, 400, 600, 2000):
        await talks.add(at, first_ms=ms, helpful=ms < 2000)
    await talks.add(at, channel="mail", called=60, person=360, usd=None, deployment="model/two")
    await talks.add(at, channel="mail", level=None, state="waiting", called=5)
    await Talks(desk.runtime, (await desk.new_domain()).scope).add(at)
    report = await counted()
    assert report.by_channel == {
        "website": Sums(ai=3, nobody=1, messages=4, helpful=3, not_helpful=1, usd=Decimal("0.016")),
        "mail": Sums(person=1, nobody=1, messages=2, unpriced=1),
    }
    assert report.total == sum(report.by_day.values(), Sums())
    first = report.times["first_word"]
    assert (first.count, first.median) == (5, 0.6)
    assert (report.times["first_person"].median, report.times["settled_person"].median) == (300, 360)
    assert sum(report.spread.counts) == 5
    assert [(one.name, one.answers, one.input, one.usd) for one in report.deployments] == [
        ("model/one", 4, 3600, Decimal("0.016")), ("model/two", 1, 900, 0),
    ]  # fmt: skip
    mail = await counted(channel="mail")
    assert (mail.total.conversations, mail.channels) == (2, ["mail", "website"])
    assert [one.name for one in mail.deployments] == ["model/two"]
    for wanted, count in (
        (Wanted(), 6), (Wanted(channel="mail"), 2), (Wanted(who="ai"), 3), (Wanted(day=at.date()), 6),
        (Wanted(day=desk.clock.now().date()), 0), (Wanted(sign="helpful"), 3), (Wanted(sign="not_helpful"), 1),
        (Wanted(sign="in_vain"), 0), (Wanted(deployment="model/two"), 1), (Wanted(days=1), 0),
    ):  # fmt: skip
        found = await figures.conversations(desk.domain.scope, wanted, UTC)
        assert len(found) == count, wanted
    pages = [(await figures.conversations(desk.domain.scope, Wanted(), UTC, limit=4))]
    pages.append(await figures.conversations(desk.domain.scope, Wanted(), UTC, after=pages[0][-1].id))
    assert [len(page) for page in pages] == [4, 2]
    assert len({one.id for page in pages for one in page}) == 6


async def test_who_was_erased_is_counted_no_more(desk, talks, counted):
    await talks.add(desk.clock.now())
    assert (await counted()).total.conversations == 1
    desk.rows("delete from omniops.feedback")
    desk.rows("delete from omniops.turn where domain_id = %s", desk.domain.id)
    desk.rows("delete from omniops.message where domain_id = %s", desk.domain.id)
    desk.rows("delete from omniops.conversation where domain_id = %s", desk.domain.id)
    report = await counted()
    assert report.total == Sums()
    assert report.times["first_word"].median is None
    assert list(report.spread.counts) == []


def test_a_period_knows_its_ends():
    from omniops.analytics.report import Period

    period = Period.until(datetime(2026, 3, 29, 12, tzinfo=UTC), 2, ZoneInfo("Europe/Berlin"))
    assert period.end - period.since == timedelta(days=2), "by the clock on the wall"
    assert period.since.astimezone(UTC).isoformat() == "2026-03-27T23:00:00+00:00"
    assert period.end.astimezone(UTC).isoformat() == "2026-03-29T22:00:00+00:00", "that Sunday has 23 hours"
    assert period.before.end == period.since
