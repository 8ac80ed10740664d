"""What members write about cases and requests of authorities may name people: it lies nowhere in clear."""

from uuid import UUID, uuid4

from omniops import Actor, Fulfilment
from omniops.privacy.rights.authorities import Demand
from omniops.privacy.rights.book import Asked, Came

MEMBER = Actor("member", "m-1")


async def test_what_members_write_lies_nowhere_in_clear(people):
    desk, cases = people.desk, people.desk.runtime.privacy.cases
    visitor, word = await people.person(), f"Nakamura{uuid4().hex}"
    came = Came("api", uuid4().hex, desk.clock.now(), (visitor.subject_id,), "session")
    asked = Asked("complaint", "en", "ann@a.example", "", "EEA")
    case = (await cases.open(people.scope, asked, came, actor=visitor.actor)).case
    await cases.prove(people.scope, case.id, [visitor.subject_id], f"Passport of {word}.", actor=MEMBER)
    await cases.extend(people.scope, case.id, f"{word} is on holiday.", actor=MEMBER)
    acted = (await cases.act(people.scope, case.id, actor=MEMBER)).to_json()
    task = UUID(acted["tasks"][0]["id"])
    seen = await cases.settle(people.scope, case.id, task, Fulfilment("done", f"{word} said so."), actor=MEMBER)
    assert seen.to_json()["tasks"][0]["evidence"] == f"{word} said so."
    assert f"Passport of {word}." in {event["words"] for event in seen.to_json()["events"]}
    closed = await cases.close(people.scope, case.id, "It is done.", actor=MEMBER)
    assert word not in str(closed.case.certificate)
    demand = Demand(
        f"Court of {word}", "§ 94 StPO", f"{word} 1/26", f"{word} is accused.", [visitor.subject_id], ["contact.email"]
    )
    made = await desk.runtime.privacy.authorities.record(people.scope, demand, actor=MEMBER)
    assert made.to_json()["authority"] == f"Court of {word}"
    (again,) = await desk.runtime.privacy.authorities.all(people.scope, actor=MEMBER)
    assert again.to_json()["reason"] == f"{word} is accused."
    for table in ("rights_event", "rights_task", "rights_case", "rights_letter", "authority_request", "audit_entry"):
        for form in (word, word.encode().hex()):
            found = desk.rows(f"select count(*) from omniops.{table} t where position(%s in t::text) > 0", form)
            assert found == [(0,)], table


async def test_what_shows_that_an_erasure_was_done_elsewhere_names_nobody_in_clear(people):
    desk, persons = people.desk, people.persons
    visitor, word = await people.person(), f"Nakamura{uuid4().hex}"
    people.received(visitor, "oldcrm")
    people.store.begin("talkative", **{"ann@a.example": {}})
    view = await persons.erase(people.scope, visitor.subject_id, actor=MEMBER)
    (store,) = [task for task in view.tasks if task.store == "crm.customers"]
    assert store.evidence == "Deleted …: 204. Also …, …, …, …."
    (task,) = [task for task in view.tasks if task.store == "processor:oldcrm"]
    said = Fulfilment("done", f"{word} of OldCRM confirmed it by phone.")
    view = await persons.settle(people.scope, view.duty.id, task.id, said, actor=MEMBER)
    shown = {one["store"]: one["evidence"] for one in view.to_json()["tasks"]}
    assert shown["processor:oldcrm"] == f"{word} of OldCRM confirmed it by phone."
    for form in (word, word.encode().hex(), "nakamura", "7946", "203.0.113.77", "3704"):
        found = desk.rows("select count(*) from omniops.erasure_task t where position(%s in t::text) > 0", form)
        assert found == [(0,)], form
