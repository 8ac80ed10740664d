"""A hold and an erasure at the same time: the first wins for all of the person, and both say what happened."""

import asyncio

import pytest
from holding import held, link, messages, old, place
from omniops.errors import NotFound, Refused
from omniops.operations.firsts import OPERATOR


def keys(desk, *visitors):
    ids = [visitor.subject_id for visitor in visitors]
    return [s for (s,) in desk.rows("select state from vault.subject_key where subject_id = any(%s)", ids)]


async def test_a_hold_between_an_erasures_look_and_its_first_key_wins_for_all_of_the_person(
    desk, holds, member, monkeypatch
):
    root, one = await old(desk), await old(desk)
    await link(desk, one, root)
    shred = desk.runtime.vault.shred

    async def held_first(scope, *subject_ids, actor):
        if not held(desk, one.subject_id):
            await place(desk, holds, member, one)
        await shred(scope, *subject_ids, actor=actor)

    monkeypatch.setattr(desk.runtime.vault, "shred", held_first)
    with pytest.raises(Refused, match="Nothing was erased") as refused:
        await desk.runtime.privacy.erasure.erase(desk.domain.scope, root.subject_id, actor=OPERATOR)
    assert refused.value.reason == "hold"
    desk.rows("update omniops.legal_hold set lifted_at = now() where home_id = %s", desk.domain.id)
    desk.rows("update omniops.subject set hold = false where home_id = %s", desk.domain.id)
    view = await desk.runtime.privacy.persons.erase(desk.domain.scope, root.subject_id, actor=OPERATOR)
    assert (view.duty.state, view.duty.waits_for) == ("open", "hold")
    assert set(keys(desk, root, one)) == {"active"}, "nobody is half erased"
    assert (messages(desk, root), messages(desk, one)) == (2, 2)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_hold_that_comes_while_keys_are_destroyed_waits_and_says_that_the_person_is_gone(
    desk, holds, member, monkeypatch, whole
):
    mine, other = await old(desk), await old(desk)
    shred_in, late = desk.runtime.vault.shred_in, []

    async def meanwhile(session, subject_ids, *, actor):
        found = await shred_in(session, subject_ids, actor=actor)  # the rows are locked from here to the commit
        late.append(asyncio.create_task(place(desk, holds, member, None if whole else mine)))
        await asyncio.to_thread(desk.until_somebody_waits)
        return found

    monkeypatch.setattr(desk.runtime.vault, "shred_in", meanwhile)
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, mine.subject_id, actor=OPERATOR)
    if whole:
        await late[0]
        assert held(desk, other.subject_id)
    else:
        with pytest.raises(NotFound, match="was erased"):
            await late[0]
    assert not held(desk, mine.subject_id)
    assert (keys(desk, mine), messages(desk, mine)) == (["shredded"], 0)
    assert (keys(desk, other), messages(desk, other)) == (["active"], 2)
