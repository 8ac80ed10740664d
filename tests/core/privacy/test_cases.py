"""Cases as the business works with them: tasks, terms, refusals, replies; and requests of authorities."""

from uuid import UUID, uuid4

import pytest
from crm import ACTOR
from omniops import Actor, Fulfilment
from omniops.errors import NotFound, Refused, Rejected
from omniops.privacy.rights.authorities import Demand
from omniops.privacy.rights.book import Asked, Came
from omniops.privacy.rights.kinds import OFFERED, RIGHTS
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text

EVIDENCE = Fulfilment("done", "Their letter of 3 May says so.")


@pytest.fixture
def cases(people):
    return people.desk.runtime.privacy.cases


@pytest.fixture
def asks(people):
    """A case that a session opened about itself."""

    async def asks(right, visitor, region="EEA", language="en", **more):
        came = Came("api", uuid4().hex, people.desk.clock.now(), (visitor.subject_id,), "session", **more)
        asked = Asked(right, language, "ann@a.example", "", region)
        return (await people.desk.runtime.privacy.cases.open(people.scope, asked, came, actor=visitor.actor)).case.id

    return asks


@pytest.fixture
def how(people, cases):
    async def how(case_id):
        return (await cases.read(people.scope, case_id, actor=ACTOR)).to_json()

    return how


async def worked(people):
    await people.desk.work("privacy")
    await people.desk.work("mail")


def states(case):
    return {task["store"]: task["state"] for task in case["tasks"]}


@pytest.mark.parametrize("right", [right for right in RIGHTS if right != "child"])
async def test_every_right_is_answered(people, cases, asks, how, right):
    visitor = await people.person()
    case_id = await asks(right, visitor)
    await worked(people)
    case = await how(case_id)
    if RIGHTS[right].act == "person":
        assert (case["state"], case["tasks"]) == ("open", [])
        await cases.act(people.scope, case_id, actor=ACTOR)
        (task,) = (await how(case_id))["tasks"]
        await cases.settle(people.scope, case_id, _id(task), EVIDENCE, actor=ACTOR)
        assert (await how(case_id))["letters"][-1]["state"] == "drafted"
        await cases.close(people.scope, case_id, actor=ACTOR)
        await worked(people)
        case = await how(case_id)
    assert (case["state"], case["outcome"]) == ("closed", "done")
    assert people.desk.mailer.sent[-1].to == "ann@a.example"
    limits = people.desk.rows(
        "select opt_outs, objections, restricted_at is not null, consents, sensitive_limited from omniops.subject"
        " where id = %s",
        visitor.subject_id,
    )[0]
    assert ("analytics" in limits[0]) == (right in ("opt_out", "limit"))
    assert ("knowledge.improve" in limits[1]) == (right == "objection")
    assert limits[4] == (right == "limit")
    assert limits[2] == (right == "restriction")
    if right == "withdrawal":
        assert limits[3]["analytics"] == "withdrawn"


def _id(task):
    return UUID(task["id"])


async def test_a_case_stays_open_while_a_store_fails_and_a_lie_is_found(people, cases, asks, how):
    visitor = await people.person()
    for mood in ("raising", "lying"):
        people.store.begin(mood, **{"ann@a.example": "Ann"})
        case_id = await asks("erasure", visitor)
        await worked(people)
        case = await how(case_id)
        assert case["state"] == "open"
        assert states(case) == {"own": "done", "crm.customers": "failed"}
        with pytest.raises(Refused) as refused:
            await cases.close(people.scope, case_id, actor=ACTOR)
        assert refused.value.reason == "open_tasks"
    people.store.begin("honest", **{"ann@a.example": "Ann"})
    duty = people.desk.rows("select id from omniops.erasure_duty where home_id = %s", people.scope.domain_id)[0][0]
    await people.persons.duties.advance(people.scope, duty)
    await people.desk.runtime.privacy.ticking.tick()
    await worked(people)
    case = await how(case_id)
    assert (case["state"], states(case)) == ("closed", {"own": "done", "crm.customers": "done"})


async def test_a_legal_hold_keeps_the_case_open_until_it_is_lifted(people, cases, asks, how):
    visitor = await people.person()
    people.desk.rows("update omniops.subject set hold = true where id = %s", visitor.subject_id)
    case_id = await asks("erasure", visitor)
    await worked(people)
    case = await how(case_id)
    (task,) = case["tasks"]
    assert (case["state"], task["state"], task["code"]) == ("open", "refused", "hold")
    assert "legal hold" in task["evidence"]
    people.desk.rows("update omniops.subject set hold = false where id = %s", visitor.subject_id)
    await people.desk.runtime.privacy.ticking.tick()
    await worked(people)
    assert (await how(case_id))["state"] == "closed"


async def test_a_hold_that_comes_while_a_case_erases_is_its_outcome_and_nothing_is_erased(
    people, asks, how, monkeypatch
):
    visitor = await people.person()
    shred, desk = people.desk.runtime.vault.shred, people.desk

    async def held_first(scope, *subject_ids, actor):
        desk.rows("update omniops.subject set hold = true where id = %s", visitor.subject_id)
        await shred(scope, *subject_ids, actor=actor)

    monkeypatch.setattr(desk.runtime.vault, "shred", held_first)
    case_id = await asks("erasure", visitor)
    await worked(people)
    case = await how(case_id)
    (own,) = [task for task in case["tasks"] if task["store"] == "own"]
    assert (case["state"], own["state"], own["code"]) == ("open", "refused", "hold")
    assert desk.rows("select state from vault.subject_key where subject_id = %s", visitor.subject_id) == [("active",)]
    monkeypatch.undo()
    desk.rows("update omniops.subject set hold = false where id = %s", visitor.subject_id)
    desk.clock.forward(hours=1)
    await desk.runtime.privacy.ticking.tick()
    await worked(people)
    assert (await how(case_id))["state"] == "closed"


async def test_a_member_may_refuse_what_a_hold_forbids(people, cases, asks, how):
    visitor = await people.person()
    people.desk.rows("update omniops.subject set hold = true where id = %s", visitor.subject_id)
    case_id = await asks("erasure", visitor)
    await worked(people)
    with pytest.raises(Refused, match="Not every place"):
        await cases.close(people.scope, case_id, "Es ist geschehen.", actor=ACTOR)
    await cases.refuse(people.scope, case_id, "A17-claims", "A court asks for it.", actor=ACTOR)
    case = await how(case_id)
    assert (case["state"], case["outcome"]) == ("closed", "refused")


async def test_who_received_it_and_has_no_store_is_told_by_a_person(people, cases, asks, how):
    visitor = await people.person()
    people.received(visitor, "gone")
    case_id = await asks("restriction", visitor)
    await worked(people)
    case = await how(case_id)
    assert states(case)["processor:gone"] == "waiting"
    (task,) = [task for task in case["tasks"] if task["store"] == "processor:gone"]
    with pytest.raises(Rejected):
        await cases.settle(people.scope, case_id, _id(task), Fulfilment("failed", "No.", "no"), actor=ACTOR)
    await cases.settle(people.scope, case_id, _id(task), EVIDENCE, actor=ACTOR)
    await cases.close(people.scope, case_id, "Es ist geschehen.", actor=ACTOR)
    await worked(people)
    assert "Es ist geschehen." in people.desk.mailer.sent[-1].text


async def test_what_a_person_settles_about_a_case_ends_the_erasure_that_waits_for_it(people, cases, asks, how):
    visitor = await people.person()
    people.received(visitor, "gone")
    case_id = await asks("erasure", visitor)
    await worked(people)
    waiting = "select d.state, d.waits_for from omniops.erasure_duty d where d.subjects ? %s"
    assert people.desk.rows(waiting, str(visitor.subject_id)) == [("open", "stores")]
    (task,) = [task for task in (await how(case_id))["tasks"] if task["store"] == "processor:gone"]
    await cases.settle(people.scope, case_id, _id(task), EVIDENCE, actor=ACTOR)
    assert people.desk.rows(waiting, str(visitor.subject_id)) == [("closed", None)]


async def test_a_correction_reaches_every_place(people, cases, asks, how):
    visitor = await people.person()
    people.store.begin("honest", **{"ann@a.example": "Ann"})
    case_id = await asks("rectification", visitor, language="de")
    await cases.correct(people.scope, case_id, "contact.email", "anna@a.example", actor=ACTOR)
    assert people.store.limits == [("contact.email", "anna@a.example")]
    case = await how(case_id)
    assert states(case) == {"own": "done", "crm.customers": "done"}
    await cases.close(people.scope, case_id, actor=ACTOR)
    await worked(people)
    assert "Ihre Anfrage ist erledigt" in people.desk.mailer.sent[-1].text


async def test_what_the_business_wants_to_see_first_waits_for_a_person(people, cases, asks, how):
    people.desk.domain = await people.desk.runtime.accounts.configure(
        people.scope, {"settings": {"rights_by_person": ["erasure"]}}, actor=ACTOR
    )
    case_id = await asks("erasure", await people.person())
    await worked(people)
    assert ((await how(case_id))["state"], (await how(case_id))["tasks"]) == ("open", [])
    acted = (await cases.act(people.scope, case_id, actor=ACTOR)).to_json()
    assert acted["letters"][-1]["state"] == "drafted"


async def test_a_refusal_needs_a_reason_of_the_law_and_names_where_to_complain(people, cases, asks, how):
    case_id = await asks("rectification", await people.person())
    for code, reason in (("because", "No."), ("A12-excessive", " ")):
        with pytest.raises(Rejected):
            await cases.refuse(people.scope, case_id, code, reason, actor=ACTOR)
    await cases.refuse(people.scope, case_id, "A12-excessive", "The tenth time this week.", actor=ACTOR)
    await worked(people)
    case = await how(case_id)
    assert (case["state"], case["outcome"], case["refusal"]) == ("closed", "refused", "A12-excessive")
    said = people.desk.mailer.sent[-1].text
    assert "The tenth time this week." in said
    assert "Art. 12(5) GDPR" in said
    assert "data protection authority" in said
    with pytest.raises(Rejected):
        await cases.act(people.scope, case_id, actor=ACTOR)


async def test_an_extension_is_told_once_with_its_reason_and_moves_the_term(people, cases, asks, how):
    case_id = await asks("rectification", await people.person())
    before = (await how(case_id))["due_at"]
    with pytest.raises(Rejected):
        await cases.extend(people.scope, case_id, "", actor=ACTOR)
    after = (await cases.extend(people.scope, case_id, "Three archives on paper.", actor=ACTOR)).to_json()
    assert after["due_at"] > before
    await worked(people)
    assert "Three archives on paper." in people.desk.mailer.sent[-1].text
    assert after["due_at"][:10] in people.desk.mailer.sent[-1].text
    with pytest.raises(Rejected):
        await cases.extend(people.scope, case_id, "Again.", actor=ACTOR)
    late = await asks("opt_out", await people.person(), "California")
    with pytest.raises(Rejected):
        await cases.extend(people.scope, late, "Ours takes long.", actor=ACTOR)


async def test_people_are_told_at_50_80_and_100_per_cent(people, cases, asks, how):
    case_id = await asks("complaint", await people.person(), "elsewhere")
    told = []
    for days in (10, 6, 9, 6, 20):
        people.desk.clock.forward(days=days)
        await people.desk.runtime.privacy.ticking.tick()
        told.append((await how(case_id))["escalated"])
    assert told == [0, 50, 80, 100, 100]
    percents = [event["detail"]["percent"] for event in (await how(case_id))["events"] if event["name"] == "escalated"]
    assert percents == [50, 80, 100]
    people.desk.clock.forward(days=-51)


async def test_a_british_clock_stands_still_until_identity_is_shown(people, cases, how):
    requests = people.desk.runtime.privacy.requests
    asked = Asked("access", "en", "ann@a.example", "", "UK")
    view = await requests.by_address(people.scope, asked, channel="page", at=people.desk.clock.now())
    case = await how(view.case.id)
    assert case["paused"]
    first = next(term["day"] for term in case["terms"] if term["rule"] == "uk.answer")
    people.desk.clock.forward(days=5)
    later = next(term["day"] for term in (await how(view.case.id))["terms"] if term["rule"] == "uk.answer")
    assert later > first
    await cases.prove(people.scope, view.case.id, [], "Seen in the shop.", actor=ACTOR)
    assert not (await how(view.case.id))["paused"]
    people.desk.clock.forward(days=-5)


async def test_who_never_confirms_is_forgotten_at_the_end_of_the_term(people, cases, how):
    requests = people.desk.runtime.privacy.requests
    asked = Asked("erasure", "en", "ann@a.example", "Delete it all", "")
    view = await requests.by_address(people.scope, asked, channel="page", at=people.desk.clock.now())
    await worked(people)
    people.desk.clock.forward(days=32)
    for _ in range(2):
        await people.desk.runtime.privacy.ticking.tick()
    case = await how(view.case.id)
    assert (case["state"], case["outcome"], case["words"], case["email"]) == ("closed", "not_proven", "", "")
    people.desk.clock.forward(days=-32)


async def test_events_can_only_be_added(people, asks):
    case_id = await asks("complaint", await people.person())
    for change in ("update rights_event set name = 'x'", "delete from rights_event"):
        with pytest.raises(Exception) as refused:  # noqa: PT011
            async with people.desk.runtime.database.session(people.scope) as session:
                await (await session.connection()).execute(text(f"{change} where case_id = '{case_id}'"))
        assert isinstance(refused.value.__cause__ or refused.value.orig, InsufficientPrivilege)


async def test_a_case_of_another_domain_is_not_there(people, cases, asks):
    case_id = await asks("access", await people.person())
    for act in (
        cases.read(people.desk.other.scope, case_id, actor=ACTOR),
        cases.act(people.desk.other.scope, case_id, actor=ACTOR),
        cases.close(people.desk.other.scope, case_id, actor=ACTOR),
    ):
        with pytest.raises(NotFound):
            await act
    foreign = await people.desk.visitor(people.desk.other)
    with pytest.raises(NotFound):
        await cases.prove(people.scope, case_id, [foreign.subject_id], "Seen.", actor=ACTOR)


async def test_an_authority_gets_the_least_and_only_after_two_people_approved(people):
    authorities = people.desk.runtime.privacy.authorities
    visitor, other = await people.person(), await people.person("bob@b.example")
    one, two = Actor("member", "m-1"), Actor("member", "m-2")
    demand = Demand("Court", "§ 94 StPO", "502 Gs 12/26", "An order.", [visitor.subject_id], ["contact.email"])
    for broken in ({"statute": " "}, {"categories": ["all"]}, {"subjects": []}):
        with pytest.raises(Rejected):
            await authorities.record(people.scope, Demand(**{**_fields(demand), **broken}), actor=one)
    row = await authorities.record(people.scope, demand, actor=one)
    await authorities.approve(people.scope, row.id, actor=one)
    for approver, reason in ((one, "same_person"), (Actor("key", "k-1"), "needs_a_member")):
        with pytest.raises(Refused) as refused:
            await authorities.approve(people.scope, row.id, actor=approver)
        assert refused.value.reason == reason
        with pytest.raises(Refused):
            await authorities.give(people.scope, row.id, actor=one)
    await authorities.approve(people.scope, row.id, actor=two)
    given = await authorities.give(people.scope, row.id, actor=one)
    assert {line.get("reply_to") for line in given["data"]} >= {"ann@a.example"}
    said = str(given)
    assert "bob@b.example" not in said
    assert "parcel" not in said, "no message was asked for"
    assert str(other.subject_id) not in said
    assert all(set(line) > {"table", "id", "subject"} and line.get("reply_to", "") for line in given["data"])
    opened = people.desk.rows(
        "select detail->'opened' from omniops.audit_entry"
        " where account_id = %s and actor = %s and action = 'vault.open'",
        people.scope.account_id,
        str(one),
    )
    categories = {category for (said,) in opened for category in said}
    assert categories == {"contact.email", "secret"}, "nothing else was even opened but the request itself"
    refused = await authorities.record(people.scope, demand, actor=one)
    await authorities.refuse(people.scope, refused.id, actor=two)
    with pytest.raises(Rejected):
        await authorities.approve(people.scope, refused.id, actor=one)
    with pytest.raises(Refused):
        await authorities.give(people.scope, refused.id, actor=one)


async def test_who_refuses_while_it_is_gathered_is_heard(people, monkeypatch):
    authorities, persons = people.desk.runtime.privacy.authorities, people.persons.people
    visitor = await people.person()
    one, two = Actor("member", "m-1"), Actor("member", "m-2")
    demand = Demand("Court", "§ 94 StPO", "502 Gs 12/26", "An order.", [visitor.subject_id], ["contact.email"])
    row = await authorities.record(people.scope, demand, actor=one)
    for approver in (one, two):
        await authorities.approve(people.scope, row.id, actor=approver)
    opens = persons.open

    async def meanwhile(*given, **more):
        monkeypatch.undo()
        await authorities.refuse(people.scope, row.id, actor=two)
        return await opens(*given, **more)

    monkeypatch.setattr(persons, "open", meanwhile)
    with pytest.raises(Refused) as refused:
        await authorities.give(people.scope, row.id, actor=one)
    assert refused.value.reason == "not_approved"
    assert [one.state for one in await authorities.all(people.scope, actor=one)] == ["refused"]


async def test_who_is_proven_to_be_nobody_here_is_not_said_to_have_been_looked_up(people, cases, how):
    asked = Asked("access", "en", "ann@a.example", "", "EEA")
    came = Came("member", uuid4().hex, people.desk.clock.now())
    case = (await cases.open(people.scope, asked, came, actor=ACTOR)).case
    await cases.prove(people.scope, case.id, [], "A letter without a name.", actor=ACTOR)
    await cases.act(people.scope, case.id, actor=ACTOR)
    (task,) = (await how(case.id))["tasks"]
    assert task["state"] == "nothing_held"
    assert "look-up" not in task["evidence"]
    assert "named nobody" in task["evidence"]


async def test_a_task_of_another_case_is_not_there(people, cases, asks, how):
    theirs = await asks("access", await people.person("bob@b.example"))
    await worked(people)
    (task, *_) = (await how(theirs))["tasks"]
    mine = await asks("complaint", await people.person())
    with pytest.raises(NotFound, match="no such task"):
        await cases.settle(people.scope, mine, UUID(task["id"]), EVIDENCE, actor=ACTOR)


def _fields(demand):
    return {name: getattr(demand, name) for name in Demand.__slots__}


def test_the_page_offers_every_right():
    assert {*OFFERED, "child"} == set(RIGHTS)
