"""Erasing a person is a duty: it is closed when nothing is left here and every store outside has answered."""

import asyncio
from datetime import timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest
from crm import ACTOR
from erasing import again, held, only
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, NotReady, OmniOpsError, Refused
from sqlalchemy import event
from sqlalchemy.engine import Engine


class Cut(Exception):
    """The process ends here."""


async def test_all_subjects_of_the_person_go_and_nobody_else(people, erase):
    people.store.begin(**{"ann@a.example": {}, "bob@b.example": {}})
    first = await people.person()
    second = await people.person("ann@work.example", also=first)
    bob = await people.person("bob@b.example")
    view = await erase(second)
    assert view.closed
    assert view.unreadable_from == view.duty.closed_at + timedelta(days=8), "seven nights, and the one that begins"
    assert set(view.duty.subjects) == {str(first.subject_id), str(second.subject_id)}
    assert view.duty.deleted["message"] == 6
    assert view.duty.deleted["personal_blob"] == 2
    assert held(people, first.subject_id, second.subject_id) == {}
    assert set(people.store.customers) == {"bob@b.example"}
    assert held(people, bob.subject_id)["message"] == 3
    assert (await people.persons.scan(people.scope, second.subject_id, actor=ACTOR)).clean
    assert not (await people.persons.scan(people.scope, bob.subject_id, actor=ACTOR)).clean


async def test_a_hold_wins_also_one_on_another_subject_of_the_person(people, erase):
    people.store.begin(**{"ann@a.example": {}})
    first = await people.person()
    second = await people.person("ann@work.example", also=first)
    people.desk.rows("update omniops.subject set hold = true where id = %s", first.subject_id)
    with pytest.raises(Refused) as caught:
        await erase(second)
    assert caught.value.reason == "hold"
    assert people.store.asked == []
    assert held(people, second.subject_id)["message"] == 3


async def test_a_hold_that_comes_after_the_duty_began_stops_it_everywhere(people):
    people.store.begin(**{"ann@a.example": {}})
    visitor = await people.person()
    view = await people.persons.erase(people.scope, visitor.subject_id, actor=ACTOR, wait=False)
    people.desk.rows("update omniops.subject set hold = true where id = %s", visitor.subject_id)
    view = await again(people, view)
    assert (view.duty.state, view.duty.waits_for) == ("open", "hold")
    assert "ann@a.example" in people.store.customers
    assert held(people, visitor.subject_id)["message"] == 3
    people.desk.rows("update omniops.subject set hold = false where id = %s", visitor.subject_id)
    assert (await again(people, view)).closed


async def test_erasing_again_is_the_same_duty_and_changes_nothing(people, erase):
    visitor = await people.person()
    first = await erase(visitor)
    second = await erase(visitor)
    assert second.duty.id == first.duty.id
    assert second.closed
    assert second.duty.deleted == first.duty.deleted


async def test_erasing_twice_at_once_ends_in_one_closed_duty(people, erase):
    people.store.begin(**{"ann@a.example": {}})
    visitor = await people.person()
    views = await asyncio.gather(erase(visitor), erase(visitor))
    assert len({view.duty.id for view in views}) == 1
    assert (await again(people, views[0])).closed
    assert people.store.customers == {}


async def test_a_row_that_comes_after_is_found_and_goes_with_the_next_run(people, erase):
    visitor = await people.person()
    await erase(visitor)
    people.desk.rows(
        "insert into omniops.visitor_session (domain_id, id, subject_id, hash, chain_id, conversation_id, expires_at,"
        " created_at) values (%s, %s, %s, 'x', %s, %s, now(), now())",
        people.desk.domain.id,
        uuid4(),
        visitor.subject_id,
        uuid4(),
        uuid4(),
    )
    scan = await people.persons.scan(people.scope, visitor.subject_id, actor=ACTOR)
    assert (scan.clean, scan.rows) == (False, {"visitor_session": 1})
    assert (await erase(visitor)).closed
    assert (await people.persons.scan(people.scope, visitor.subject_id, actor=ACTOR)).clean


@pytest.mark.parametrize("change", ["keys", "identifiers", "states"])
async def test_the_scan_sees_what_an_erasure_left_in_the_vault(people, erase, change):
    visitor = await people.person()
    await erase(visitor)
    subject, domain = visitor.subject_id, people.desk.domain.id
    match change:
        case "keys":
            other = (await people.person("bob@b.example")).subject_id
            people.desk.rows(
                "update vault.subject_key k set wrapped = o.wrapped from vault.subject_key o"
                " where k.subject_id = %s and o.subject_id = %s",
                subject,
                other,
            )
        case "identifiers":
            people.desk.rows(
                "insert into vault.identifier values (%s, %s, 'email', 'x', %s, %s, 1)",
                people.scope.account_id,
                domain,
                uuid4(),
                subject,
            )
        case "states":
            people.desk.rows("delete from vault.shred where subject_id = %s", subject)
    scan = await people.persons.scan(people.scope, subject, actor=ACTOR)
    assert not scan.clean
    assert getattr(scan, change) == 1


async def test_a_subject_that_is_found_to_be_the_person_meanwhile_goes_too(people):
    people.store.begin("raising", **{"ann@a.example": {}})
    first = await people.person()
    view = await people.persons.erase(people.scope, first.subject_id, actor=ACTOR, wait=False)
    second = await people.person("ann@work.example", also=first)
    view = await again(people, view)
    assert str(second.subject_id) in view.duty.subjects
    assert held(people, second.subject_id) == {}


async def test_somebody_who_was_erased_and_is_found_again_is_erased_everywhere_again(people, erase):
    first = await people.person()
    view = await erase(first)
    assert view.closed
    people.store.begin(**{"ann@work.example": {}})
    second = await people.person("ann@work.example", also=first)
    again = await erase(second)
    assert (again.duty.id, again.closed) == (view.duty.id, True)
    assert (only(again).state, people.store.customers) == ("done", {})
    assert held(people, second.subject_id) == {}


async def test_nobody_erases_a_person_of_another_domain(people):
    visitor = await people.person()
    await people.another_domain()
    for act in (people.persons.erase, people.persons.scan):
        with pytest.raises(NotFound):
            await act(people.scope, visitor.subject_id, actor=ACTOR)
    with pytest.raises(NotFound):
        await people.persons.duty(people.scope, UUID(int=1))


async def test_acts_are_in_the_audit_under_a_pseudonym(people, erase):
    visitor = await people.person()
    await erase(visitor)
    ((refs, detail),) = people.desk.rows(
        "select subject_refs, detail from omniops.audit_entry where account_id = %s and action = 'rights.erase'",
        people.scope.account_id,
    )
    assert len(refs) == 1
    assert str(visitor.subject_id) not in f"{refs}{detail}"
    assert Actor.system("privacy.erase").name == "privacy.erase"


async def test_an_erased_member_is_known_by_no_address_and_signs_in_no_more(people):
    runtime, account = people.desk.runtime, people.scope.account_id
    token = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(token, email="o@gone.example", name="Owner", password="long enough 1234")
    await runtime.members.sign_in("o@gone.example", "long enough 1234", network="n")
    ((subject,),) = people.desk.rows("select subject_id from omniops.member where account_id = %s", account)
    view = await people.persons.erase(Scope(account), subject, actor=ACTOR)
    assert view.closed
    assert view.duty.deleted == {"member": 1}
    assert held(people, subject) == {}
    with pytest.raises(OmniOpsError):
        await runtime.members.sign_in("o@gone.example", "long enough 1234", network="n")
    digest = await runtime.vault.address_hash("email", "o@gone.example")
    assert await runtime.database.resolve("member_address", digest) is None


@pytest.mark.slow
async def test_a_run_that_is_cut_anywhere_is_finished_by_the_next(people, erase):
    commits, cut_at = 0, None

    def statement(_connection, _cursor, statement, *_):
        if "audit_append" in statement:  # a transaction of its own, which no commit ends
            commit(_connection)

    def commit(_connection):
        nonlocal commits
        commits += 1
        if commits == cut_at:
            raise Cut

    event.listen(Engine, "commit", commit)
    event.listen(Engine, "before_cursor_execute", statement)
    try:
        for cut_at in count(1):
            people.store.begin(**{"ann@a.example": {}})
            commits, limit = -1_000_000, cut_at
            visitor = await people.person()
            commits, cut_at = 0, limit
            try:
                await erase(visitor)
            except (Cut, NotReady):
                commits = -1_000_000
                assert (await erase(visitor)).closed, f"cut at commit {cut_at}"
                assert held(people, visitor.subject_id) == {}
                assert people.store.customers == {}
                continue
            if commits < cut_at:
                break
    finally:
        event.remove(Engine, "commit", commit)
        event.remove(Engine, "before_cursor_execute", statement)
    assert cut_at > 10
