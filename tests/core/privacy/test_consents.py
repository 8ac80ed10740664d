"""The ledger: a consent that ages, vetoes, signals, one person of many subjects, an entry that is never half there."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from consenting import answer, joined, refusal, say
from desk import opened
from omniops import Info, Plugin, hookimpl
from omniops.analytics.service import Seen, Visit
from omniops.contracts.consent import Verdict
from omniops.errors import NotReady, Rejected
from omniops.hookspecs import HOOKS
from omniops.operations.firsts import OPERATOR
from omniops.privacy.catalog import CHOICE_DAYS
from omniops.privacy.service import Circumstances

VISIT = Visit("Mozilla/5.0", "203.0.113.7", "none")


class GuardianPlugin(Plugin):
    """Says what `says` holds to each yes, and keeps what it was told."""

    info = Info("Guardian", "1.0", ">=0.1,<0.2")

    def __init__(self, context):
        super().__init__(context)
        self.says, self.asked, self.told = Verdict(True, "fine"), [], []

    @hookimpl
    async def consent_veto(self, change):
        self.asked.append(change)
        if isinstance(self.says, Exception):
            raise self.says
        if self.says == "hang":
            await asyncio.Event().wait()
        return self.says

    @hookimpl
    async def consent_changed(self, change):
        self.told.append(change)
        raise ValueError("whoever is told changes nothing")


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    async with opened(links, postgres.root, tmp_path_factory.mktemp("a"), beside={"guardian": GuardianPlugin}) as desk:
        desk.other = await desk.new_domain()
        desk.guardian = desk.runtime.plugins.get("guardian")
        yield desk


@pytest.fixture
async def guardian(desk):
    """On for the domain, and content."""
    await desk.runtime.accounts.switch(desk.domain.scope, "guardian", on=True, actor=OPERATOR)
    desk.guardian.says, desk.guardian.asked, desk.guardian.told = Verdict(True, "fine"), [], []
    return desk.guardian


async def entered(desk, subject_id):
    found = await desk.runtime.consents.history(desk.domain.scope, subject_id)
    return [(event.purpose, event.answer, event.method) for event in found]


async def in_audit(desk):
    await desk.runtime.audit.chain_now()
    return [
        action
        for (action,) in desk.rows(
            "select action from omniops.audit_entry where account_id = %s and action like 'consent.%%' order by seq",
            desk.domain.scope.account_id,
        )
    ]


def counted(desk):
    return desk.rows("select count(*) from omniops.analytics_event where domain_id = %s", desk.domain.id)[0][0]


async def see(desk, subject_id, signal="none"):
    await desk.runtime.analytics.write(
        desk.domain.scope, subject_id, [Seen("page", "/")], replace(VISIT, signal=signal)
    )


# A consent has an age


async def test_a_yes_ends_at_its_second_in_every_process_and_the_entry_follows(desk, links, postgres, tmp_path):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    await see(desk, visitor.subject_id)
    (given,) = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert given.valid_until == desk.clock.now() + timedelta(days=CHOICE_DAYS)
    async with opened(links, postgres.root, tmp_path, clock=desk.clock) as elsewhere:
        elsewhere.domain = desk.domain
        desk.clock.forward(days=CHOICE_DAYS, seconds=-1)
        await see(elsewhere, visitor.subject_id)
        desk.clock.forward(seconds=1)
        assert await refusal(see(elsewhere, visitor.subject_id)) == "no_consent"
        assert await refusal(see(desk, visitor.subject_id)) == "no_consent"
        assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {"analytics": "expired"}
    assert await entered(desk, visitor.subject_id) == [("analytics", "given", "api")], "nobody waited for the job"
    assert counted(desk) == 2
    await desk.runtime.privacy.consent_jobs.expire()
    await desk.runtime.privacy.consent_jobs.expire()
    assert await entered(desk, visitor.subject_id) == [("analytics", "given", "api"), ("analytics", "expired", "age")]
    assert counted(desk) == 0, "what hung on the yes goes with it"
    assert await in_audit(desk) == ["consent.given", "consent.expired"]


async def test_a_renewal_lasts_anew_and_a_yes_after_the_end_is_no_renewal(desk):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    desk.clock.forward(days=100)
    await say(desk, visitor.subject_id, True)
    desk.clock.forward(days=100)
    await see(desk, visitor.subject_id)
    desk.clock.forward(days=80)
    await say(desk, visitor.subject_id, True)
    assert [event for _, event, _ in await entered(desk, visitor.subject_id)] == [
        "given",
        "renewed",
        "expired",
        "given",
    ]


async def test_a_state_that_no_ledger_wrote_is_no_yes(desk):
    visitor = await desk.visitor()
    desk.rows('update omniops.subject set consents = \'{"analytics": "given"}\' where id = %s', visitor.subject_id)
    assert await refusal(see(desk, visitor.subject_id)) == "no_consent"


async def test_consents_of_an_earlier_build_end_180_days_after_their_newest_yes(desk):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    await say(desk, visitor.subject_id, True, "chat.remember")
    desk.clock.forward(days=10)
    await say(desk, visitor.subject_id, True)
    await say(desk, visitor.subject_id, False, "advertising")
    ends = "select consents_until, date_trunc('second', consents_end) from omniops.subject where id = %s"
    ((until, first),) = desk.rows(ends, visitor.subject_id)
    none = "update omniops.subject set consents_until = '{}', consents_end = null where id = %s"
    desk.rows(none, visitor.subject_id)
    desk.rows(import_module("omniops.database.migrations.versions.0016_consent").ENDS)
    ((after, first_after),) = desk.rows(ends, visitor.subject_id)
    assert {purpose: end[:19] for purpose, end in after.items()} == {p: end[:19] for p, end in until.items()}
    assert first_after == first
    await see(desk, visitor.subject_id)


# An answer and its entry in the audit


async def test_an_answer_is_not_there_without_its_entry_in_the_audit(desk, monkeypatch):
    visitor = await desk.visitor()

    def away(connection, entry):
        raise NotReady("The disk is full.")

    monkeypatch.setattr(desk.runtime.audit, "note", away)
    with pytest.raises(NotReady):
        await say(desk, visitor.subject_id, True)
    monkeypatch.undo()
    assert await entered(desk, visitor.subject_id) == []
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {}
    await say(desk, visitor.subject_id, True)
    assert await in_audit(desk) == ["consent.given"]
    assert (await desk.runtime.audit.verify(desk.domain.scope.account_id)).broken is None


# One person of many subjects


async def test_a_no_ends_it_everywhere_and_a_yes_counts_where_it_was_said(desk):
    phone, desktop, never = await joined(desk, 3)
    await say(desk, phone, True)
    assert await refusal(see(desk, desktop)) == "no_consent"
    await say(desk, desktop, True)
    for subject in (phone, desktop):
        await see(desk, subject)
    await say(desk, desktop, False)
    assert counted(desk) == 0, "the effects of a no run over all that is this person"
    assert await refusal(see(desk, phone)) == "no_consent"
    assert [event for _, event, _ in await entered(desk, phone)] == ["given", "withdrawn"]
    assert await entered(desk, never) == [], "where nothing stood, nothing ended"


async def test_two_answers_of_one_person_at_the_same_time_do_not_wait_for_each_other_in_a_ring(desk):
    subjects = await joined(desk, 3)
    for given in (True, False) * 3:
        await asyncio.wait_for(asyncio.gather(*(say(desk, subject, given) for subject in subjects)), 30)
    assert {(await desk.runtime.consents.of(desk.domain.scope, s))["analytics"] for s in subjects} == {"withdrawn"}


# Signals


async def test_a_signal_takes_back_what_stands_and_leaves_what_one_asks_for_by_hand(desk):
    visitor = await desk.visitor()
    for purpose in ("analytics", "advertising", "chat.remember"):
        await say(desk, visitor.subject_id, True, purpose)
    assert await refusal(see(desk, visitor.subject_id, signal="gpc")) == "signal_forbids"
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {
        "analytics": "withdrawn",
        "advertising": "withdrawn",
        "chat.remember": "given",
    }
    (event,) = [
        e for e in await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id) if e.signal == "gpc"
    ][:1]
    assert (event.method, event.notice_id) == ("signal", "choice.analytics")
    with pytest.raises(Rejected, match="signal"):
        await say(desk, visitor.subject_id, True, signal="gpc")
    assert (await entered(desk, visitor.subject_id))[-1] == ("analytics", "withdrawn", "signal")


async def test_a_no_beside_a_forbidden_yes_is_kept(desk):
    scope, how = desk.domain.scope, Circumstances("banner", "en")
    browser = await desk.runtime.consents.choose(scope, None, [answer(desk, True, "advertising")], how)
    subject = await desk.runtime.consents.bearer(scope, browser.token)
    both = [answer(desk, True), answer(desk, False, "advertising"), answer(desk, True, "chat.remember")]
    with pytest.raises(Rejected, match="signal"):
        await desk.runtime.consents.choose(scope, browser.token, both, replace(how, signal="gpc"))
    assert await entered(desk, subject) == [
        ("advertising", "given", "banner"),
        ("analytics", "refused", "signal"),
        ("advertising", "withdrawn", "banner"),
    ]


async def test_a_yes_from_before_the_ledger_ends_as_well(desk):
    visitor = await desk.visitor()
    desk.rows(
        'update omniops.subject set consents = \'{"analytics": "given"}\','
        " consents_until = '{\"analytics\": \"2026-01-01T00:00:00+00:00\"}', consents_end = '2026-01-01' where id = %s",
        visitor.subject_id,
    )
    await desk.runtime.privacy.consent_jobs.expire()
    assert await entered(desk, visitor.subject_id) == [("analytics", "expired", "age")]


# Vetoes, and who is told


async def test_what_a_plugin_said_to_a_yes_is_kept_with_it(desk, guardian):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    await say(desk, visitor.subject_id, False)
    first, second = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert (first.vetoes, second.vetoes) == ([["guardian", True, "fine"]], [])
    (change,) = guardian.asked
    assert (change.purpose, change.before, change.subject_id) == ("analytics", None, visitor.subject_id)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (Verdict(False, "blocked_country"), "blocked_country"),
        (ValueError("boom"), "failed"),
        ("hang", "no_answer_in_time"),
        (None, "no_answer"),
        ("yes", "failed"),
    ],
)
async def test_a_veto_that_says_no_fails_hangs_or_says_nothing_is_no_consent(desk, guardian, monkeypatch, says, reason):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    monkeypatch.setitem(HOOKS, "consent_veto", replace(HOOKS["consent_veto"], deadline=0.05))
    guardian.says = says
    assert await refusal(say(desk, visitor.subject_id, True)) == "vetoed"
    assert await refusal(see(desk, visitor.subject_id)) == "no_consent"
    *_, event = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert (event.answer, event.vetoes) == ("withdrawn", [["guardian", False, reason]])
    shop = await desk.runtime.consents.choose(
        desk.domain.scope, None, [answer(desk, True)], Circumstances("banner", "en")
    )
    assert (shop.token, shop.answers) == (None, {"analytics": "refused"})


async def test_a_no_needs_nobodys_leave_and_a_plugin_that_is_off_is_not_asked(desk):
    desk.guardian.says, desk.guardian.asked = Verdict(False, "never"), []
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    await desk.runtime.accounts.switch(desk.domain.scope, "guardian", on=True, actor=OPERATOR)
    await say(desk, visitor.subject_id, False)
    assert desk.guardian.asked == []


async def test_who_is_told_is_told_afterwards_once_it_is_there(desk, guardian):
    visitor = await desk.visitor()
    await say(desk, visitor.subject_id, True)
    await say(desk, visitor.subject_id, False)
    assert guardian.told == []
    await desk.work("privacy")
    told = [change for change in guardian.told if change.scope == desk.domain.scope]
    assert [(change.event, change.before) for change in told] == [("given", None), ("withdrawn", "given")]
