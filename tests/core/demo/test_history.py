"""The months behind the demo shop: written on the dates that they claim, by the product's own path, and all of it kept
by the product's own rules."""

from datetime import UTC, datetime, timedelta

import pytest
from desk import opened
from omniops.contracts.ids import ShiftedClock
from omniops.contracts.scope import Actor
from omniops.defaults.quoting import QuotingPlugin
from omniops.inbox.queue import Wanted
from omniops.operations.demo_history import OWNER, History, SignIn
from omniops.operations.firsts import OPERATOR

DAYS = 4
READER = Actor("member", "test")


@pytest.fixture(scope="module")
async def played(postgres, links, tmp_path_factory):
    clock = ShiftedClock()
    folder = tmp_path_factory.mktemp("history")
    async with opened(links, postgres.root, folder, clock, {"quoting": QuotingPlugin}) as desk:
        account = await desk.runtime.accounts.create("Tarn & Tor", actor=OPERATOR)
        desk.domain = await desk.runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        await desk.page("The Ridge 2 was tested in wind of up to 80 km/h.", "Ridge 2")
        seen = []
        desk.entry = await History(desk.runtime, clock, desk.domain).play(lambda *at: seen.append(at), days=DAYS)
        desk.progress = seen
        yield desk


async def test_every_conversation_is_of_its_day(played):
    dated = played.rows(
        "select m.created_at, c.created_at, s.created_at, t.created_at from omniops.message m"
        " join omniops.conversation c using (domain_id) join omniops.subject s on s.id = c.subject_id"
        " left join omniops.turn t on t.domain_id = m.domain_id and t.id = m.turn_id"
        " where c.id = m.conversation_id and m.domain_id = %s order by m.created_at",
        played.domain.id,
    )
    days = {at.date() for at, *_ in dated}
    today = datetime.now(UTC).date()
    assert {today - timedelta(days=ago) for ago in range(1, DAYS + 1)} <= days
    for message, conversation, subject, turn in dated:
        assert message <= datetime.now(UTC)
        for other in (conversation, subject, turn):
            assert other is None or abs(message - other) < timedelta(hours=9), (message, other)


async def test_somebody_waits_and_a_draft_is_to_be_approved(played):
    waiting = await played.runtime.inbox.queue.page(played.domain.scope, Wanted(waiting=True))
    assert sorted(view.state for view in waiting) == ["draft", "human", "waiting", "waiting", "waiting"]
    assert all(datetime.now(UTC) - view.waiting_since < timedelta(hours=1, minutes=5) for view in waiting)


async def test_what_the_site_lacks_is_a_gap_and_a_right_waits_for_a_person(played):
    assert await played.runtime.gaps.all(played.domain.scope, actor=READER)
    (case,) = await played.runtime.privacy.cases.all(played.domain.scope, state="open", limit=10)
    assert (case.case.right, case.case.identity) == ("objection", "person")


async def test_the_dashboard_can_be_entered_as_it_says(played, tmp_path):
    assert await played.runtime.members.sign_in(OWNER, played.entry.password, network="203.0.113.1")
    assert SignIn.kept(tmp_path) is None
    played.entry.keep(tmp_path)
    assert SignIn.kept(tmp_path) == played.entry
    assert (tmp_path / "sign-in.txt").stat().st_mode & 0o077 == 0


async def test_nothing_of_it_is_over_its_time_and_its_audit_holds(played):
    run = await played.runtime.privacy.retention.plan(played.domain.scope, actor=READER)
    assert run.rows == 0
    assert (await played.runtime.audit.verify(played.domain.scope.account_id)).broken is None
    assert played.progress[-1][1:] == (DAYS, DAYS)
