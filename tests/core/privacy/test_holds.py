"""A legal hold wins over every sweep and over erasure, from its commit on, whatever other subject the person is."""

from datetime import date
from uuid import uuid4

import pytest
from holding import COURT, WHY, held, link, messages, old, place, soon
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Refused, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.privacy.retention.sweeping import Sweeper


async def test_a_held_person_is_neither_swept_nor_erased_until_it_is_lifted(desk, holds, member):
    mine, other = await old(desk), await old(desk)
    hold = await place(desk, holds, member, mine)
    assert (hold.state, hold.authority, hold.reason, hold.placed_by) == ("standing", COURT, WHY, member.name)
    run = await desk.runtime.privacy.retention.sweep(desk.domain.scope)
    assert run.state == "done", "what is held was never planned"
    assert (messages(desk, mine), messages(desk, other)) == (2, 0)
    (item,) = [item for item in run.plan["items"] if item["table"] == "message"]
    assert (item["rows"], item["stays"]) == (2, 2)
    for erase in (desk.runtime.privacy.erasure.erase, desk.runtime.vault.shred):
        with pytest.raises(Refused) as refused:
            await erase(desk.domain.scope, mine.subject_id, actor=OPERATOR)
        assert refused.value.reason == "hold"
    assert len(await desk.messages(mine.conversation_id)) == 2, "it can still be read"
    lifted = await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    assert (lifted.state, lifted.lifted_by, lifted.why_lifted) == ("lifted", member.name, "Settled")
    await desk.runtime.privacy.retention.sweep(desk.domain.scope)
    assert messages(desk, mine) == 0


async def test_a_hold_on_the_domain_holds_all_of_it_and_who_comes_later(desk, holds, member):
    before = await old(desk)
    hold = await place(desk, holds, member)
    after = await old(desk)
    run = await desk.runtime.privacy.retention.sweep(desk.domain.scope)
    assert run.plan["held"]
    assert (run.plan["items"], run.deleted) == ([], {})
    for visitor in (before, after):
        assert held(desk, visitor.subject_id)
        assert messages(desk, visitor) == 2
        with pytest.raises(Refused):
            await desk.runtime.privacy.erasure.erase(desk.domain.scope, visitor.subject_id, actor=OPERATOR)
    elsewhere = await desk.visitor(desk.other)
    assert not held(desk, elsewhere.subject_id)
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    assert not held(desk, before.subject_id)
    assert not held(desk, after.subject_id)


async def test_a_hold_is_on_the_person_under_whatever_name(desk, holds, member):
    root, one, two, stranger = [await old(desk) for _ in range(4)]
    await link(desk, one, root)
    await link(desk, two, root)
    hold = await place(desk, holds, member, two)
    assert [held(desk, v.subject_id) for v in (root, one, two, stranger)] == [True, True, True, False]
    second = await place(desk, holds, member, one)
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    assert held(desk, two.subject_id), "the other hold stands against the same person"
    await holds.lift(desk.domain.scope, second.id, "Settled", actor=member)
    assert not any(held(desk, v.subject_id) for v in (root, one, two))


async def test_lifting_one_kind_leaves_the_other(desk, holds, member):
    mine, other = await old(desk), await old(desk)
    whole, single = await place(desk, holds, member), await place(desk, holds, member, mine)
    await holds.lift(desk.domain.scope, single.id, "Settled", actor=member)
    assert held(desk, mine.subject_id)
    again = await place(desk, holds, member, mine)
    await holds.lift(desk.domain.scope, whole.id, "Settled", actor=member)
    assert (held(desk, mine.subject_id), held(desk, other.subject_id)) == (True, False)
    await holds.lift(desk.domain.scope, again.id, "Settled", actor=member)
    with pytest.raises(Rejected, match="was lifted"):
        await holds.lift(desk.domain.scope, again.id, "Settled", actor=member)


async def test_a_plan_from_before_a_hold_is_not_executed(desk, holds, member):
    visitor = await old(desk)
    engine = desk.runtime.privacy.retention
    plan = await engine.plan(desk.domain.scope, actor=member)
    hold = await place(desk, holds, member, visitor)
    with pytest.raises(Refused, match="message: 2 rows were planned, 0 are due"):
        await engine.approve(desk.domain.scope, plan.id, plan.hash, actor=member)
    assert messages(desk, visitor) == 2
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_hold_that_is_placed_while_a_run_is_under_way_stops_it(desk, holds, member, monkeypatch, whole):
    visitor = await old(desk)
    walk = Sweeper._walk
    seen = []

    async def held_meanwhile(self, session, place, due, values, column):
        if place.table == "message" and not seen:
            seen.append(await holds.place(
                desk.domain.scope, None if whole else visitor.subject_id, COURT, WHY, soon(desk), actor=member
            ))  # fmt: skip
        await walk(self, session, place, due, values, column)

    monkeypatch.setattr(Sweeper, "_walk", held_meanwhile)
    run = await desk.runtime.privacy.retention.sweep(desk.domain.scope)
    assert seen
    assert run.state == "incomplete"
    assert messages(desk, visitor) == 2
    assert run.shredded == 0


async def test_only_a_member_places_and_lifts_by_name(desk, holds, member):
    visitor = await old(desk)
    hold = await place(desk, holds, member, visitor)
    key, stranger = Actor("key", str(uuid4())), Actor("member", str(uuid4()))
    for actor in (OPERATOR, key, stranger, Actor("member", "nonsense")):
        with pytest.raises(Refused, match="by a member"):
            await place(desk, holds, actor, visitor)
        with pytest.raises(Refused, match="by a member"):
            await holds.lift(desk.domain.scope, hold.id, "Settled", actor=actor)
    assert held(desk, visitor.subject_id)


@pytest.mark.parametrize("days", [0, -1, 367])
async def test_a_hold_needs_a_review_within_a_year(desk, holds, member, days):
    with pytest.raises(Rejected, match="review date"):
        await place(desk, holds, member, days=days)


async def test_words_are_needed_and_sealed(desk, holds, member):
    with pytest.raises(Rejected, match="reason is empty"):
        await holds.place(desk.domain.scope, None, COURT, "  ", soon(desk), actor=member)
    visitor = await old(desk)
    hold = await place(desk, holds, member, visitor)
    (row,) = desk.rows("select authority, reason from omniops.legal_hold where id = %s", hold.id)
    assert b"Miller" not in row[1]
    assert b"court" not in row[0]


async def test_reviews_that_are_overdue_are_listed(desk, holds, member):
    scope = desk.domain.scope
    first = await place(desk, holds, member, await old(desk), days=1)
    second = await place(desk, holds, member, await old(desk), days=90)
    desk.rows("update omniops.legal_hold set review_on = %s where id = %s", date(2026, 1, 1), first.id)
    assert [hold.id for hold in await holds.all(scope, actor=member, state="overdue")] == [first.id]
    assert {hold.id for hold in await holds.all(scope, actor=member, state="standing")} == {first.id, second.id}
    await holds.review(scope, first.id, soon(desk), actor=member)
    assert await holds.all(scope, actor=member, state="overdue") == []
    await holds.lift(scope, second.id, "Settled", actor=member)
    assert [hold.id for hold in await holds.all(scope, actor=member, state="lifted")] == [second.id]


async def test_holds_and_persons_of_another_domain_are_not_there(desk, holds, member):
    theirs = await desk.visitor(desk.other)
    with pytest.raises(NotFound):
        await place(desk, holds, member, theirs)
    hold = await place(desk, holds, member, await old(desk))
    for act in (holds.lift, holds.review):
        with pytest.raises((NotFound, Refused)):
            await act(desk.other.scope, hold.id, soon(desk) if act == holds.review else "Settled", actor=member)
    assert await holds.all(desk.other.scope, actor=member) == []


async def test_every_act_is_in_the_audit_by_name(desk, holds, member):
    hold = await place(desk, holds, member, await old(desk))
    await holds.review(desk.domain.scope, hold.id, soon(desk, 30), actor=member)
    await holds.lift(desk.domain.scope, hold.id, "Settled", actor=member)
    entries = desk.rows(
        "select action, actor, detail ->> 'hold' from omniops.audit_entry"
        " where account_id = %s and object = 'legal_hold' and action like 'hold.%%' order by seq",
        desk.domain.scope.account_id,
    )
    assert entries == [(f"hold.{act}", str(member), str(hold.id)) for act in ("placed", "reviewed", "lifted")]
