"""What stores outside have to do about an erasure, and what it takes to believe them."""

import asyncio
from uuid import uuid4

import pytest
from crm import ACTOR
from erasing import again, held, only
from omniops import Fulfilment
from omniops.errors import NotFound, Rejected
from omniops.privacy.persons.stores import Stores

CLOSE = Fulfilment("done", "Letter of 3 May: the customer file was handed over and destroyed.")


async def test_what_a_store_answers_is_kept_without_the_person_in_it(people, erase):
    people.store.begin(**{"ann@a.example": {}})
    visitor = await people.person()
    view = await erase(visitor)
    task = only(view)
    assert (task.store, task.state, task.evidence) == ("crm.customers", "done", "Deleted …: 204.")
    assert people.desk.rows("select count(*) from omniops.erasure_contact") == [(0,)]
    ((alive,),) = people.desk.rows(
        "select count(*) from vault.subject_key where subject_id = %s and wrapped is not null", view.duty.contact_id
    )
    assert alive == 0, "the identifiers lay under a key of their own, which is gone"


async def test_the_stores_are_asked_by_what_they_know_the_person_by(people, erase):
    first = await people.person()
    await people.person("ann@work.example", also=first)
    await erase(first)
    act, person = people.store.asked[0]
    assert act == "erase"
    assert person.identifiers["email"] == ("ann@a.example", "ann@work.example")
    assert len(person.subjects) == 2


async def test_a_store_that_says_erased_and_is_not_is_found_and_the_duty_stays_open(people, erase):
    people.store.begin("lying", **{"ann@a.example": {}})
    view = await erase(await people.person())
    assert (view.duty.state, view.duty.waits_for, view.unreadable_from) == ("open", "stores", None)
    assert (only(view).state, only(view).code) == ("failed", "still_held")
    view = await again(people, view)
    assert not view.closed
    people.store.mood = "honest"
    view = await again(people, view)
    assert view.closed
    assert (only(view).state, only(view).attempts) == ("done", 3)


@pytest.mark.parametrize(
    ("mood", "code"), [("raising", "raised"), ("mute", "no_answer"), ("silent", "no_answer")], ids=str
)
async def test_a_store_that_fails_keeps_the_duty_open_and_our_own_half_is_done(people, erase, monkeypatch, mood, code):
    monkeypatch.setattr(people.persons.stores, "_deadline", 0.05)
    people.store.begin(mood, **{"ann@a.example": {}})
    visitor = await people.person()
    view = await erase(visitor)
    assert (view.duty.state, view.duty.waits_for) == ("open", "stores")
    assert (only(view).state, only(view).code) == ("failed", code)
    assert "ann@a.example" not in only(view).evidence
    assert held(people, visitor.subject_id) == {}
    people.store.mood = "honest"
    assert (await again(people, view)).closed
    assert people.store.customers == {}


async def test_a_failed_store_is_asked_again_by_the_job(people, erase):
    people.store.begin("raising", **{"ann@a.example": {}})
    view = await erase(await people.person())
    duties, desk = people.persons.duties, people.desk
    waiting = "select count(*) from jobs.procrastinate_jobs where status = 'todo' and task_name = 'privacy:erase'"
    waiting += f" and args->>'duty_id' = '{view.duty.id}' and scheduled_at is null"
    await duties.due()
    assert desk.rows(waiting) == [(0,)], "its time has not come"
    desk.make_due("privacy:erase")
    people.store.mood = "raising"
    await desk.work("privacy")
    people.store.mood = "honest"
    desk.clock.forward(minutes=5)
    await duties.due()
    assert desk.rows(waiting) == [(1,)]
    await desk.work("privacy")
    assert (await people.persons.duty(people.scope, view.duty.id)).closed


async def test_a_refusal_with_its_reason_closes_the_task(people, erase):
    people.store.begin("refusing", **{"ann@a.example": {}})
    visitor = await people.person()
    view = await erase(visitor)
    assert view.closed
    assert (only(view).state, only(view).code) == ("refused", "tax_record")
    assert (await people.persons.scan(people.scope, visitor.subject_id, actor=ACTOR)).clean


async def test_nothing_held_must_be_shown(people, erase):
    view = await erase(await people.person())
    assert (only(view).state, only(view).evidence) == ("nothing_held", "None.")
    with pytest.raises(ValueError, match="without evidence"):
        Fulfilment("nothing_held", " ")


async def test_a_store_that_lied_once_is_found_later_by_who_knows_the_address(people, erase):
    visitor = await people.person()
    assert (await erase(visitor)).closed
    people.store.customers["ann@a.example"] = {}
    assert (await people.persons.scan(people.scope, visitor.subject_id, actor=ACTOR)).clean, "nobody here knows it"
    scan = await people.persons.scan(
        people.scope, visitor.subject_id, identifiers={"email": ["ann@a.example"]}, actor=ACTOR
    )
    assert not scan.clean
    assert scan.to_json()["outside"][0]["state"] == "done"


async def test_a_processor_that_no_plugin_knows_any_more_keeps_the_duty_open_until_a_person_settles_it(people, erase):
    visitor = await people.person()
    people.received(visitor, "oldcrm")
    view = await erase(visitor)
    task = next(task for task in view.tasks if task.store == "processor:oldcrm")
    assert (view.duty.state, task.state, task.code) == ("open", "failed", "plugin_not_loaded")
    assert [one.processor for one in view.to_tell] == ["oldcrm"]
    settle = people.persons.settle
    with pytest.raises(Rejected):
        await settle(people.scope, view.duty.id, task.id, Fulfilment("failed", "No.", "x"), actor=ACTOR)
    with pytest.raises(NotFound):
        await settle(people.scope, view.duty.id, uuid4(), CLOSE, actor=ACTOR)
    view = await settle(people.scope, view.duty.id, task.id, CLOSE, actor=ACTOR)
    task = next(task for task in view.tasks if task.store == "processor:oldcrm")
    assert (view.duty.state, task.state, task.by) == ("closed", "done", "member:m1")


async def test_a_plugin_that_was_never_on_here_is_told_nothing(people):
    people.desk.domain = await people.desk.new_domain()
    view = await people.persons.erase(people.scope, (await people.person()).subject_id, actor=ACTOR)
    assert view.closed
    assert view.tasks == []
    assert people.store.asked == []
    assert people.desk.rows("select count(*) from omniops.subject where kind = 'erasure'") is not None


async def test_a_silent_store_does_not_keep_the_others_waiting(people):
    class Silent:
        async def export(self, person):
            await asyncio.sleep(3600)

    declared = people.persons.stores.declared
    stores = Stores(people.desk.runtime.database, declared, people.desk.runtime.log, 0.05)
    (known,) = await stores.of(people.scope)
    silent = type(known)("x", type("S", (Silent,), {"key": "s", "processor": "p", "title": "S"})())
    person = await people.persons.people.person(people.scope, [(await people.person()).subject_id], actor=ACTOR)
    answers = await stores.ask_all([silent, known], "export", person)
    assert [answer.state for _, answer in answers] == ["failed", "nothing_held"]
