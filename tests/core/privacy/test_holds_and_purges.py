"""What goes by itself, hour by hour, stays while a legal hold stands on whom it is about."""

from datetime import timedelta
from uuid import uuid4

import pytest
from holding import old, place
from omniops.accounts.repeats import Writer
from omniops.analytics.service import Seen, Visit
from omniops.contracts.scope import Actor
from omniops.operations.firsts import OPERATOR
from omniops.privacy.service import Answer, Circumstances, choices
from omniops.webhooks.service import queue


async def kept_answers(desk, visitor):
    """An answer of the API that was kept for the visitor, and one for the business, both a day old."""
    repeats = desk.runtime.repeats
    for subject_id in (visitor.subject_id, None):
        writer = Writer(desk.domain.scope, Actor("visitor", "test"), subject_id)
        claim = await repeats.claim(writer, uuid4().hex, b"request")
        await repeats.keep(claim, {"note": "Tom's words"})


def answers(desk):
    of_visitors = desk.rows("select count(*) from omniops.kept_visitor_answer where domain_id = %s", desk.domain.id)
    of_business = desk.rows("select count(*) from omniops.kept_answer where for_domain = %s", desk.domain.id)
    return of_visitors[0][0], of_business[0][0]


async def told(desk, visitor):
    """Old events about the visitor: one by name, one by conversation; and one about nobody."""
    async with desk.runtime.database.session(desk.domain.scope) as session:
        for kind, data in (
            ("consent.changed", {"subject_id": visitor.subject_id, "state": "given"}),
            ("conversation.closed", {"conversation_id": visitor.conversation_id}),
            ("page.indexed", {"page_id": uuid4()}),
        ):
            await queue(session, desk.domain.scope, kind, data, [])
        await session.commit()
    moment = desk.clock.now() - timedelta(days=31)
    desk.rows("update omniops.webhook_event set created_at = %s where domain_id = %s", moment, desk.domain.id)


def events(desk):
    found = desk.rows("select kind from omniops.webhook_event where domain_id = %s order by kind", desk.domain.id)
    return [kind for (kind,) in found]


async def test_events_of_a_held_person_stay_when_a_consent_ends(desk, holds, member):
    visitor, scope, runtime = await old(desk), desk.domain.scope, desk.runtime
    (choice,) = [c for c in choices(runtime.catalog, "en") if c.purpose == "analytics"]
    hold = await place(desk, holds, member, visitor)

    async def answer(given):
        said = Answer("analytics", given, choice.notice, choice.version)
        await runtime.consents.record(scope, visitor.subject_id, said, Circumstances("api", "en"), actor=OPERATOR)

    async def events_after_a_no():
        await answer(True)
        await runtime.analytics.write(scope, visitor.subject_id, [Seen("page", "/")], Visit("", "", "none"))
        await answer(False)
        statement = "select count(*) from omniops.analytics_event where subject_id = %s"
        return desk.rows(statement, visitor.subject_id)[0][0]

    assert await events_after_a_no() == 1
    await holds.lift(scope, hold.id, "Settled", actor=member)
    assert await events_after_a_no() == 0


async def test_a_kept_answer_of_a_held_visitor_stays_and_its_key_is_free_again(desk, holds, member):
    mine, other = await desk.visitor(), await desk.visitor()
    repeats, key = desk.runtime.repeats, uuid4().hex
    writer = Writer(desk.domain.scope, Actor("visitor", "test"), mine.subject_id)
    await repeats.keep(await repeats.claim(writer, key, b"request"), {"note": "Tom's words"})
    await kept_answers(desk, other)
    hold = await place(desk, holds, member, mine)
    desk.clock.forward(hours=24)
    await repeats.purge()
    assert answers(desk) == (1, 0), "a hold on a person keeps what is under the person's key, and nobody else's"
    assert (await repeats.claim(writer, key, b"another request")).answer is None
    assert answers(desk) == (2, 0), "the old answer is still there"
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    desk.clock.forward(hours=24)
    await repeats.purge()
    assert answers(desk) == (0, 0)


async def test_a_hold_on_the_domain_keeps_answers_of_the_business_as_well(desk, holds, member):
    await kept_answers(desk, await desk.visitor())
    hold = await place(desk, holds, member)
    desk.clock.forward(hours=24)
    await desk.runtime.repeats.purge()
    assert answers(desk) == (1, 1)
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    await desk.runtime.repeats.purge()
    assert answers(desk) == (0, 0)


@pytest.mark.parametrize(
    ("whole", "kept"),
    [
        (True, ["consent.changed", "conversation.closed", "page.indexed"]),
        (False, ["consent.changed", "conversation.closed"]),
    ],
)
async def test_events_that_were_told_of_a_held_person_or_domain_stay(desk, holds, member, whole, kept):
    mine = await old(desk)
    await told(desk, mine)
    hold = await place(desk, holds, member, None if whole else mine)
    await desk.runtime.webhooks.deliveries.purge()
    assert events(desk) == kept
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    await desk.runtime.webhooks.deliveries.purge()
    assert events(desk) == []
