"""A stolen key reads 137 people: the case says exactly whom, what, when, and who must hear of it."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from omniops.contracts.scope import Actor
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.errors import NotFound, NotReady, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.privacy.breach.cases import NewBreach, Notification
from omniops.privacy.breach.facts import competent
from omniops.vault.models import Subject

ME = Actor("member", "m1")
READ = 137
FACTS = {
    "nature": "An API key was read by somebody else and used.",
    "consequences": "Strangers may know what you asked.",
    "measures": "The key was revoked. Beware of mails that pretend to be us.",
    "contact": "Ann, privacy@shop.example",
}


async def people(desk, count, domain=None):
    """Visitors, each with a conversation with one message and an address to answer to."""
    scope = (domain or desk.domain).scope
    subjects = [Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor") for _ in range(count)]
    async with desk.runtime.database.session(scope) as session:
        session.add_all(subjects)
        talks = [
            Conversation(
                domain_id=scope.domain_id, subject_id=s.id, channel="post", reply_to=seal(f"p{n}@mail.example")
            )
            for n, s in enumerate(subjects)
        ]
        session.add_all(talks)
        await session.flush()
        session.add_all(
            Message(
                domain_id=scope.domain_id, subject_id=t.subject_id, conversation_id=t.id, seq=1, author="visitor",
                text=seal("Where is my parcel?"),
            )
            for t in talks
        )  # fmt: skip
        await session.commit()
    return talks


async def stolen_key(desk, talks, domain=None):
    """Reads conversations as a key that was stolen. Gives the actor."""
    scope = (domain or desk.domain).scope
    key = Actor("key", str(uuid4()))
    for talk in talks:
        await desk.runtime.inbox.read(scope, talk.id, actor=key)
    return key


def declaration(desk, **more):
    return NewBreach(**{"aware_at": desk.clock.now(), "facts": FACTS, **more})


@pytest.fixture
def breaches(desk):
    return desk.runtime.privacy.breaches


def until(desk, moment):
    desk.clock.forward(seconds=(moment - desk.clock.now()).total_seconds())


async def jurisdiction(desk, country, domain=None):
    await desk.runtime.accounts.configure(
        (domain or desk.domain).scope, {"settings": {"jurisdiction": country}}, actor=OPERATOR
    )


async def test_a_stolen_key_that_read_137_people_gives_a_case_about_exactly_those(desk, breaches):
    talks = await people(desk, READ + 20)
    read, others = talks[:READ], talks[READ:]
    key = await stolen_key(desk, read)
    await stolen_key(desk, read[:3])  # another one
    for talk in others:
        await desk.runtime.inbox.read(desk.domain.scope, talk.id, actor=ME)
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    assert case.affected["persons"] == READ
    assert case.affected["categories"] == {"user.content.chat": READ}
    assert case.affected["records"] == READ
    assert (case.affected["keys"], case.affected["intelligible"]) == (READ, True)
    log = await breaches.persons(account, case.id, after=None, limit=1000)
    assert {row.subject_id for row in log} == {talk.subject_id for talk in read}
    await desk.runtime.privacy.erasure.erase(desk.domain.scope, read[0].subject_id, actor=OPERATOR)
    again = await breaches.scope(account, case.id, actor=ME)
    assert (again.affected["persons"], again.affected["untraceable"]) == (READ, 1)
    assert len(await breaches.persons(account, case.id, after=None, limit=1000)) == READ - 1


async def test_what_the_door_refused_was_not_read(desk, breaches):
    talks = await people(desk, 4)
    restricted = talks[0].subject_id
    desk.rows("update omniops.subject set restricted_at = now() where id = %s", restricted)
    key = await stolen_key(desk, talks)
    case = await breaches.declare(desk.domain.scope.account_id, declaration(desk, actors=[str(key)]), actor=ME)
    log = await breaches.persons(desk.domain.scope.account_id, case.id, after=None, limit=10)
    assert {row.subject_id for row in log} == {talk.subject_id for talk in talks[1:]}
    assert case.affected["persons"] == 3


async def test_only_the_stretch_of_time_counts(desk, breaches):
    talks = await people(desk, 5)
    key = Actor("key", str(uuid4()))
    for talk in talks:
        desk.clock.forward(hours=1)
        await desk.runtime.inbox.read(desk.domain.scope, talk.id, actor=key)
    end = desk.clock.now()
    new = declaration(
        desk, actors=[str(key)], since=end - timedelta(hours=2, minutes=5), until=end - timedelta(minutes=5)
    )
    case = await breaches.declare(desk.domain.scope.account_id, new, actor=ME)
    assert case.affected["persons"] == 2


async def test_a_copy_without_keys_cannot_be_read_and_with_keys_it_can(desk, breaches):
    await people(desk, 6)
    account = desk.domain.scope.account_id
    shut = await breaches.declare(account, declaration(desk, copied=True), actor=ME)
    assert (shut.affected["persons"], shut.affected["intelligible"]) == (6, False)
    assert shut.affected["categories"] == {"contact.email": 6, "user.content.chat": 6}
    case = await breaches.assess(account, shut.id, "high", "Much of it.", exception="a", actor=ME)
    assert case.exception == "a"
    wide = await breaches.declare(
        account, declaration(desk, copied=True, tables=["message"], keys_exposed=True), actor=ME
    )
    assert (wide.affected["keys"], wide.affected["intelligible"]) == (6, True)
    assert wide.affected["categories"] == {"user.content.chat": 6}
    with pytest.raises(Rejected, match="could be read"):
        await breaches.assess(account, wide.id, "high", "Much of it.", exception="a", actor=ME)


async def test_the_clock_calls_at_24_48_and_60_hours_each_once(desk, breaches):
    key = await stolen_key(desk, await people(desk, 1))
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    seen = []
    for hours in (23.9, 24, 25, 47.9, 48, 59.9, 60, 60.1, 71, 72.1):
        until(desk, case.aware_at + timedelta(hours=hours))
        await breaches.look_at_clocks()
        seen.append((hours, (await breaches.register.case(account, case.id)).timers[:]))
    assert [hours for hours, timers in seen if len(timers) == 1] == [24, 25, 47.9]
    assert [hours for hours, timers in seen if len(timers) == 2] == [48, 59.9]
    assert [hours for hours, timers in seen if len(timers) == 3] == [60, 60.1, 71]
    assert seen[-1][1] == [24, 48, 60, 72]


async def test_a_call_that_fails_keeps_no_other_case_waiting_and_is_made_again(desk, breaches, monkeypatch):
    account, other = desk.domain.scope.account_id, desk.other.scope.account_id
    first, second = [await breaches.declare(one, declaration(desk, copied=True), actor=ME) for one in (account, other)]
    until(desk, first.aware_at + timedelta(hours=24))
    warn, called = breaches._telling.warn, []

    async def away(account_id, breach_id, *given):
        called.append(breach_id)
        if breach_id == first.id and called.count(breach_id) == 1:
            raise NotReady("The database is away.")
        return await warn(account_id, breach_id, *given)

    monkeypatch.setattr(breaches._telling, "warn", away)
    with pytest.raises(NotReady):
        await breaches.look_at_clocks()
    assert (await breaches.register.case(other, second.id)).timers == [24]
    assert (await breaches.register.case(account, first.id)).timers == []
    for _ in range(2):
        await breaches.look_at_clocks()
    assert (await breaches.register.case(account, first.id)).timers == [24]
    assert (called.count(first.id), called.count(second.id)) == (2, 1)


async def test_a_case_of_which_a_step_was_changed_is_still_shown_and_still_calls(desk, breaches):
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, copied=True), actor=ME)
    desk.rows("update omniops.breach_event set body = body || '\\x00' where breach_id = %s and seq = 1", case.id)
    assert "Step 1" in " ".join(await breaches.register.problems(account))
    until(desk, case.aware_at + timedelta(hours=24))
    await breaches.look_at_clocks()
    (shown,) = await breaches.register.cases(account)
    assert (shown.id, shown.timers, shown.affected is not None) == (case.id, [24], True)


async def test_after_72_hours_a_notification_needs_a_reason_and_a_blank_item_stops_it(desk, breaches):
    await jurisdiction(desk, "DE")
    key = await stolen_key(desk, await people(desk, 2))
    account = desk.domain.scope.account_id
    without = {name: text for name, text in FACTS.items() if name != "contact"}
    case = await breaches.declare(account, declaration(desk, actors=[str(key)], facts=without), actor=ME)
    (authority,) = case.authorities()
    with pytest.raises(Rejected, match="still blank: contact"):
        await breaches.notify(account, case.id, Notification(authority.key, "form 7", "gdpr.33.3"), actor=ME)
    await breaches.note(account, case.id, {"contact": "Ann"}, actor=ME)
    until(desk, case.due_at + timedelta(minutes=1))
    with pytest.raises(Rejected, match="asks for the reasons"):
        await breaches.notify(account, case.id, Notification(authority.key, "form 7", "gdpr.33.3"), actor=ME)
    late = Notification(authority.key, "form 7", "gdpr.33.3", late_reason="The extent was not known.")
    case = await breaches.notify(account, case.id, late, actor=ME)
    (sent,) = case.notified
    assert "The extent was not known." in sent["words"]
    for item in ("the data protection authority of DE", "Chat messages (2)", "Persons concerned: 2", "Ann"):
        assert item in sent["words"]
    assert "Phase: 2" in next(d for d in await breaches.drafts(account, case.id) if d.key == "gdpr.33.3").body


@pytest.mark.parametrize(
    ("countries", "establishment", "keys"),
    [
        ({"GB": 3}, None, ["uk:GB"]),
        ({"DE": 3, "FR": 1}, None, ["gdpr:DE", "gdpr:FR"]),
        ({"DE": 3, "FR": 1}, "IE", ["gdpr:IE"]),
        ({"DE": 3, "GB": 1}, None, ["gdpr:DE", "uk:GB"]),
        ({"DE": 3, "GB": 1}, "AT", ["gdpr:AT", "uk:GB"]),
        ({"DE": 3, "FR": 2}, "GB", ["gdpr:DE", "gdpr:FR", "uk:GB"]),
        ({"": 4}, "NL", ["gdpr:NL"]),
        ({"US": 500}, None, []),
        ({"US": 501}, None, ["us-ca:US"]),
        ({"": 4}, None, []),
    ],
)
def test_the_competent_authorities_are_those_of_the_rule(countries, establishment, keys):
    assert [one.key for one in competent(countries, establishment)] == keys


async def test_no_case_closes_without_effects_measures_notice_and_the_persons_told(desk, breaches):
    await jurisdiction(desk, "GB")
    key = await stolen_key(desk, await people(desk, 3))
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    for said, act in (
        ("no effects", lambda: breaches.note(account, case.id, {"effects": "Nobody complained."}, actor=ME)),
        ("no remedial", lambda: breaches.note(account, case.id, {"remedial": "Keys expire now."}, actor=ME)),
        ("risk was not assessed", lambda: breaches.assess(account, case.id, "high", "Chats.", actor=ME)),
        (
            "Not notified: Information Commissioner's Office",
            lambda: breaches.notify(account, case.id, Notification("uk:GB", "online", "uk.33.3"), actor=ME),
        ),
        ("persons were not told", lambda: breaches.tell(account, case.id, "uk.34.2", actor=ME)),
    ):
        with pytest.raises(Rejected, match=said):
            await breaches.close(account, case.id, actor=ME)
        await act()
    await desk.work("breach")
    await desk.work("mail")
    assert sorted(mail.to for mail in desk.mailer.sent) == [f"p{n}@mail.example" for n in range(3)]
    assert "Strangers may know" in desk.mailer.sent[0].text
    closed = await breaches.close(account, case.id, actor=ME)
    assert closed.closed_at is not None
    with pytest.raises(Rejected, match="closed"):
        await breaches.note(account, case.id, {"effects": "Another."}, actor=ME)


async def test_who_was_told_is_not_told_again_and_who_has_no_address_stays_open(desk, breaches):
    talks = await people(desk, 2)
    desk.rows("update omniops.conversation set reply_to = null where id = %s", talks[0].id)
    key = await stolen_key(desk, talks)
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    for _ in range(2):
        await breaches.tell(account, case.id, "gdpr.34.2", actor=ME)
        await desk.work("breach")
        await desk.work("mail")
    assert len(desk.mailer.sent) == 1
    case = await breaches.register.case(account, case.id)
    assert case.told == {"told": 1, "no_address": 1}
    case = await breaches.assess(account, case.id, "high", "Chats.", actor=ME)
    assert any("persons were not told" in one for one in case.missing())


async def test_a_drill_runs_like_a_case_and_mails_nobody(desk, breaches):
    key = await stolen_key(desk, await people(desk, 2))
    account = desk.domain.scope.account_id
    token = await desk.runtime.members.setup_link(account)
    await desk.runtime.members.finish_setup(
        token, email=f"{uuid4().hex}@x.example", name="O", password="long enough 12"
    )
    case = await breaches.declare(account, declaration(desk, actors=[str(key)], drill=True), actor=ME)
    await breaches.tell(account, case.id, "gdpr.34.2", actor=ME)
    until(desk, case.aware_at + timedelta(hours=61))
    await breaches.look_at_clocks()
    await desk.work("breach")
    await desk.work("mail")
    assert desk.mailer.asked == []
    case = await breaches.register.case(account, case.id)
    assert (case.told, case.timers) == ({"drill": 2}, [24, 48, 60])
    real = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    desk.clock.forward(hours=25)
    await breaches.look_at_clocks()
    await desk.work("mail")
    assert [mail.subject for mail in desk.mailer.sent] == ["A breach case has been open for 24 hours"]
    assert real.due_at - real.aware_at == timedelta(hours=72)


async def test_a_risk_is_unlikely_only_with_an_approver(desk, breaches):
    key = await stolen_key(desk, await people(desk, 1))
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    with pytest.raises(Rejected, match="who approves it"):
        await breaches.assess(account, case.id, "unlikely", "It was our own tester.", actor=ME)
    await breaches.assess(account, case.id, "unlikely", "It was our own tester.", approver="Ann", actor=ME)
    await breaches.note(account, case.id, {"effects": "None.", "remedial": "Testers get test keys."}, actor=ME)
    assert (await breaches.close(account, case.id, actor=ME)).closed_at is not None


async def test_a_processor_tells_the_controller(desk, breaches):
    key = await stolen_key(desk, await people(desk, 1))
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)], role="processor"), actor=ME)
    await breaches.note(account, case.id, {"effects": "None.", "remedial": "Revoked."}, actor=ME)
    await breaches.assess(account, case.id, "risk", "Chats.", actor=ME)
    with pytest.raises(Rejected, match="controller was not told"):
        await breaches.close(account, case.id, actor=ME)
    with pytest.raises(Rejected, match="is not for"):
        await breaches.notify(account, case.id, Notification("controller", "mail", "gdpr.33.3"), actor=ME)
    await breaches.notify(account, case.id, Notification("controller", "mail", "gdpr.33.2"), actor=ME)
    await breaches.close(account, case.id, actor=ME)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        ("update omniops.breach_event set kind = 'noted' where breach_id = %s and seq = 2", "was changed"),
        ("update omniops.breach_event set at = at + interval '1 h' where breach_id = %s and seq = 2", "was changed"),
        ("delete from omniops.breach_event where breach_id = %s and seq = 2", "was taken away"),
        (
            "insert into omniops.breach_event select account_id, gen_random_uuid(), breach_id, 9, kind, actor,"
            " aware_at, body, hash, at from omniops.breach_event where breach_id = %s and seq = 2",
            "is not in the chain",
        ),
    ],
)
async def test_an_edit_of_the_register_is_seen(desk, breaches, tamper, said):
    key = await stolen_key(desk, await people(desk, 1))
    account = desk.domain.scope.account_id
    case = await breaches.declare(account, declaration(desk, actors=[str(key)]), actor=ME)
    assert await breaches.register.problems(account) == []
    desk.rows(tamper, case.id)
    assert said in " ".join(await breaches.register.problems(account))


async def test_another_account_sees_none_of_it(desk, breaches):
    key = await stolen_key(desk, await people(desk, 1))
    case = await breaches.declare(desk.domain.scope.account_id, declaration(desk, actors=[str(key)]), actor=ME)
    other = desk.other.scope.account_id
    with pytest.raises(NotFound):
        await breaches.register.case(other, case.id)
    assert case.id not in [one.id for one in await breaches.register.cases(other)]
    theirs = await breaches.declare(other, declaration(desk, actors=[str(key)]), actor=ME)
    assert theirs.affected["persons"] == 0
    assert json.dumps(theirs.affected["categories"]) == "{}"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "one of the two"),
        ({"actors": ["key:x"], "copied": True}, "one of the two"),
        ({"copied": True, "tables": ["account"]}, "no table of personal data 'account'"),
        ({"actors": ["0198f2a4-0000-7000-8000-000000000000"]}, "nobody whom the audit could name"),
        ({"actors": ["apikey:1"]}, "nobody whom the audit could name"),
        ({"actors": ["key:"]}, "nobody whom the audit could name"),
        ({"copied": True, "establishment": "Germany"}, "no country"),
        ({"copied": True, "facts": {"colour": "red"}}, "no fact 'colour'"),
    ],
)
async def test_what_makes_no_sense_is_refused(desk, breaches, more, said):
    with pytest.raises(Rejected, match=said):
        await breaches.declare(desk.domain.scope.account_id, declaration(desk, **more), actor=ME)
