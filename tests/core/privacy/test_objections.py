"""Interests of our own against those of people: weighed before, and what an objection is refused for."""

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from crm import ACTOR
from omniops import Actor
from omniops.contracts.declaration import Assessment, Declaration, Mark, Purpose, SubjectState
from omniops.errors import ConfigError, NotFound, Refused, Rejected
from omniops.operations import doctor
from omniops.privacy.assessments import SECURITY as WEIGHED
from omniops.privacy.catalog import Catalog
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.rights.book import Asked, Came
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock

SECURITY, GROUNDS = "security.protect", "A21-grounds"
MEMBER = Actor("member", "m-1")
MARK = Mark("personal", category="contact.email", purposes=frozenset({SECURITY}))
TEXT = "Ann's address sent 4000 forged orders on 3 May."


@pytest.fixture
def objections(people):
    return people.desk.runtime.privacy.objections


@pytest.fixture
def objected(people):
    """A person who objected by a proven e-mail or session, to everything."""

    async def objected(visitor=None, *, proof="email", email="ann@a.example"):
        visitor = visitor or await people.person()
        came = Came("api", uuid4().hex, people.desk.clock.now(), (visitor.subject_id,), proof)
        asked = Asked("objection", "de", email, "", "EEA")
        case = (await people.desk.runtime.privacy.cases.open(people.scope, asked, came, actor=visitor.actor)).case
        await people.desk.work("privacy")
        await people.desk.work("mail")
        return visitor, case.id

    return objected


def stands(people, visitor):
    return people.desk.rows(
        "select objections @> '[\"security.protect\"]', objections_refused from omniops.subject where id = %s",
        visitor.subject_id,
    )[0]


async def test_a_refusal_is_recorded_told_and_leaves_the_objection_on_record(people, objections, objected):
    visitor, case_id = await objected()
    assert stands(people, visitor) == (True, [])
    done = await objections.refuse(people.scope, case_id, SECURITY, GROUNDS, TEXT, actor=MEMBER)
    await people.desk.work("mail")
    assert stands(people, visitor) == (True, [SECURITY])
    letter = people.desk.mailer.sent[-1]
    assert letter.to == "ann@a.example"
    assert TEXT in letter.text
    assert "Art. 21(1) GDPR" in letter.text
    assert "Datenschutzaufsichtsbehörde" in letter.text
    event = done.to_json()["events"][-1]
    assert (event["name"], event["actor"], event["words"]) == ("objection_refused", "member:m-1", TEXT)
    assert event["detail"] == {"code": GROUNDS, "purpose": SECURITY}
    assert (done.case.outcome, done.case.state) == ("done", "closed")
    sheet = await people.persons.sheet(people.scope, visitor.subject_id, actor=ACTOR)
    assert sheet["limits"]["objections_refused"] == [SECURITY]


@pytest.mark.parametrize(
    ("purpose", "code", "grounds", "actor", "error"),
    [
        ("knowledge.improve", GROUNDS, TEXT, MEMBER, (Rejected, "not_refusable")),
        ("faults.mend", GROUNDS, TEXT, MEMBER, (Rejected, "not_refusable")),
        ("terms.enforce", GROUNDS, TEXT, MEMBER, (Rejected, "not_refusable")),
        ("marketing", GROUNDS, TEXT, MEMBER, (Rejected, "not_refusable")),
        (SECURITY, "", TEXT, MEMBER, (Rejected, "no_such_refusal")),
        (SECURITY, "A17-claims", TEXT, MEMBER, (Rejected, "no_such_refusal")),
        (SECURITY, GROUNDS, " ", MEMBER, (Rejected, "empty")),
        (SECURITY, GROUNDS, TEXT, Actor("key", "k"), (Refused, "needs_a_member")),
        (SECURITY, GROUNDS, TEXT, Actor.system("task"), (Refused, "needs_a_member")),
    ],
)
async def test_with_a_part_left_out_the_objection_stands(
    people, objections, objected, purpose, code, grounds, actor, error
):
    visitor, case_id = await objected()
    sent = len(people.desk.mailer.sent)
    kind, why = error
    with pytest.raises(kind) as refused:
        await objections.refuse(people.scope, case_id, purpose, code, grounds, actor=actor)
    assert why in (getattr(refused.value, "code", ""), getattr(refused.value, "reason", ""))
    await people.desk.work("mail")
    assert (stands(people, visitor), len(people.desk.mailer.sent)) == ((True, []), sent)


async def test_who_cannot_be_told_is_not_refused(people, objections, objected):
    visitor, case_id = await objected(email=None)
    with pytest.raises(Refused) as refused:
        await objections.refuse(people.scope, case_id, SECURITY, GROUNDS, TEXT, actor=MEMBER)
    assert (refused.value.reason, stands(people, visitor)) == ("not_told", (True, []))


async def test_whoever_objects_anew_is_heard_anew(people, objections, objected):
    visitor, case_id = await objected()
    await objections.refuse(people.scope, case_id, SECURITY, GROUNDS, TEXT, actor=MEMBER)
    await objected(visitor)
    assert stands(people, visitor) == (True, [])


async def test_a_case_as_a_whole_is_not_refused_on_grounds(people, objections, objected):
    cases = people.desk.runtime.privacy.cases
    visitor = await people.person()
    for right, code in (("objection", GROUNDS), ("objection", "A17-claims"), ("rectification", GROUNDS)):
        came = Came("api", uuid4().hex, people.desk.clock.now(), (visitor.subject_id,), "session")
        asked = Asked(right, "en", "ann@a.example", "", "EEA")
        case = (await cases.open(people.scope, asked, came, actor=visitor.actor)).case
        with pytest.raises(Rejected) as refused:
            await cases.refuse(people.scope, case.id, code, TEXT, actor=MEMBER)
        assert refused.value.code == "no_such_refusal"
    with pytest.raises(Rejected) as refused:
        await objections.refuse(people.scope, case.id, SECURITY, GROUNDS, TEXT, actor=MEMBER)
    assert refused.value.code == "no_objection"
    with pytest.raises(NotFound):
        await objections.refuse(people.desk.other.scope, case.id, SECURITY, GROUNDS, TEXT, actor=MEMBER)


@pytest.mark.parametrize("broken", ["author", "interest", "need", "balance"])
def test_an_interest_that_nobody_weighed_is_not_declared(broken):
    bare = Purpose("crm.rate", "Rating", "legitimate_interests", objectable=True)
    with pytest.raises(ConfigError, match=r"'crm\.rate' rests on legitimate interests, and nobody weighed"):
        Catalog.build([("crm", Declaration(purposes=[bare]))])
    empty = replace(bare, assessment=replace(WEIGHED, **{broken: " "}))
    with pytest.raises(ConfigError, match=f"says nothing of {broken}"):
        Catalog.build([("crm", Declaration(purposes=[empty]))])


def test_an_assessment_that_is_never_looked_at_again_is_none():
    forever = replace(WEIGHED, review_by=date(2099, 1, 1))
    with pytest.raises(ConfigError, match="within 3 years"):
        Catalog.build((), {SECURITY: forever})
    with pytest.raises(ConfigError, match="rests on no legitimate interest"):
        Catalog.build((), {"chat.respond": WEIGHED})


def test_a_plugin_makes_no_purpose_refusable():
    mine = Purpose("crm.rate", "Rating", "legitimate_interests", objectable=True, assessment=WEIGHED, refusable=True)
    with pytest.raises(ConfigError, match="refusable, which is core's alone"):
        Catalog.build([("crm", Declaration(purposes=[mine]))])


def test_an_assessment_counts_through_its_day_and_the_operators_own_wins():
    clock = ManualClock()
    today = clock.now().date()
    own = {
        "author": "Ada, counsel",
        "made_on": today.isoformat(),
        "interest": "To be safe.",
        "need": "So.",
        "balance": "Fair.",
    }
    settings = Settings(assessments={SECURITY: own | {"review_by": (today + timedelta(days=2)).isoformat()}})
    catalog = Catalog.build((), settings.assessments)
    policy = PrivacyPolicy(catalog, clock)
    assert isinstance(catalog.purposes[SECURITY].assessment, Assessment)
    assert catalog.purposes[SECURITY].assessment.author == "Ada, counsel"
    said = []
    for _ in range(4):
        said.append(policy.decide(MARK, SECURITY, SubjectState(), ACTOR))
        clock.forward(days=1)
    assert said == [None, None, None, "not_assessed"]


async def test_the_doctor_says_which_interest_is_to_be_weighed_anew_while_there_is_time():
    clock = ManualClock()
    today = clock.now().date()

    async def said(days):
        weighed = replace(WEIGHED, made_on=today, review_by=today + timedelta(days=days))
        catalog = Catalog.build((), {SECURITY: weighed})
        return await doctor._assessments(SimpleNamespace(clock=clock, catalog=catalog))

    (fine,) = await said(60)
    assert (fine.name, fine.state) == ("assessments", "ok")
    for days in (59, 0):
        (check,) = await said(days)
        assert (check.name, check.state) == (f"assessment of {SECURITY}", "warn")
        assert f"reviewed by {today + timedelta(days=days)}; after that nothing opens" in check.said
        assert "OMNIOPS_ASSESSMENTS" in check.fix
    clock.forward(days=1200)
    late = {check.name for check in await said(59)}
    assert {f"assessment of {SECURITY}", "assessment of knowledge.improve"} <= late, "core's own as well"
    assert doctor._assessments in doctor.LOOKS
