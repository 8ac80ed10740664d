"""A child's yes: by the age of each country, with a parent and without."""

import pytest
from consenting import WHO, joined, refusal, say
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from omniops.privacy.ages import age_rules
from omniops.vault.keys import state_of
from omniops.vault.models import Subject


@pytest.fixture
def children(desk):
    return desk.runtime.privacy.children


async def test_a_childs_yes_does_not_count_without_a_parent(desk, children):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True, "chat.remember", country="AT")
    assert await children.known(desk.domain.scope, visitor.subject_id, 13, country="AT", actor=WHO)
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {"chat.remember": "withdrawn"}
    assert await refusal(say(desk, visitor.subject_id, True, country="AT")) == "child"
    await say(desk, visitor.subject_id, False, country="AT")
    assert await refusal(say(desk, visitor.subject_id, True, country="XX")) == "child"
    assert await refusal(say(desk, visitor.subject_id, True, country="")) == "child"
    await children.parent_verified(desk.domain.scope, visitor.subject_id, ["analytics"], actor=OPERATOR)
    await say(desk, visitor.subject_id, True, country="AT")
    assert (await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id))["analytics"] == "given"
    assert await refusal(say(desk, visitor.subject_id, True, "chat.remember", country="AT")) == "child"
    await children.known(desk.domain.scope, visitor.subject_id, 13, country="AT", actor=WHO)
    assert (await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id))["analytics"] == "given"
    await children.parent_withdrew(desk.domain.scope, visitor.subject_id, actor=OPERATOR)
    assert (await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id))["analytics"] == "withdrawn"
    assert await refusal(say(desk, visitor.subject_id, True, country="AT")) == "child"


async def test_a_parent_opens_what_the_consent_names_and_what_the_child_shut_stays_shut(desk, children):
    visitor, scope = await desk.visitor(), desk.domain.scope
    await desk.runtime.privacy.persons.opt_out(scope, visitor.subject_id, "security.protect", actor=WHO)

    async def shut():
        async with desk.runtime.database.session(scope) as session:
            subject = await session.get(Subject, (scope.domain_id, visitor.subject_id))
        return state_of(subject).opt_outs

    await children.shut(scope, visitor.subject_id, actor=WHO)
    all_ = await shut()
    assert {"chat.respond", "knowledge.improve", "analytics", "chat.remember", "security.protect"} <= all_
    await desk.runtime.visiting.opt_outs.withdraw(visitor)
    assert await shut() == all_, "a child does not open it alone"
    named = ["chat.respond", "security.protect"]
    await children.parent_verified(scope, visitor.subject_id, named, actor=OPERATOR)
    assert await shut() == all_ - {"chat.respond"}
    await children.parent_verified(scope, visitor.subject_id, ["analytics"], actor=OPERATOR)
    assert await shut() == all_ - {"analytics"}
    await children.parent_withdrew(scope, visitor.subject_id, actor=OPERATOR)
    assert await shut() == all_
    for strange in ("astrology", "support.provide"):
        with pytest.raises(Rejected):
            await children.parent_verified(scope, visitor.subject_id, [strange], actor=OPERATOR)
    assert await shut() == all_


@pytest.mark.parametrize(
    ("years", "country", "young"),
    [(12, "GB", True), (13, "GB", False), (12, "US", True), (13, "US", False), (15, "DE", True), (16, "DE", False),
     (14, "DK", True), (15, "FR", False), (13, "ES", True), (14, "es", False), (15, "CH", True), (16, "", False)],
)  # fmt: skip
async def test_each_country_has_its_age(desk, children, years, country, young):
    visitor = await desk.visitor()
    assert await children.known(desk.domain.scope, visitor.subject_id, years, country=country, actor=WHO) == young


async def test_who_is_a_child_on_one_device_is_a_child_on_the_other(desk, children):
    phone, desktop = await joined(desk, 2)
    await say(desk, desktop, True)
    await children.known(desk.domain.scope, phone, 9, country="DE", actor=WHO)
    assert await refusal(say(desk, desktop, True)) == "child"
    assert (await desk.runtime.consents.of(desk.domain.scope, desktop))["analytics"] == "withdrawn"
    for years in (-1, 121):
        with pytest.raises(Rejected):
            await children.known(desk.domain.scope, phone, years, country="DE", actor=WHO)


def test_every_member_state_has_an_age_with_its_law_and_somebody_looks_again():
    rules = age_rules()
    union = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
    assert set(union) | {"IS", "LI", "NO", "GB", "US"} <= set(rules.countries)
    assert all(13 <= rule.age <= 16 and rule.law for rule in rules.countries.values())
    assert rules.default.age == 16
    assert rules.review_by.year >= 2027
