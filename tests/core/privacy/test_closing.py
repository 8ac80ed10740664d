"""A closed account is restricted at once and gone two years later, but for what the law and a court keep."""

from datetime import timedelta
from uuid import uuid4

import pytest
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Rejected
from omniops.operations.firsts import OPERATOR


@pytest.fixture
async def shop(desk):
    """An account with a member, a key, a page, and a visitor who wrote."""
    account = desk.domain.scope.account_id
    members = desk.runtime.members
    token = await members.setup_link(account)
    cookie = await members.finish_setup(
        token, email=f"{uuid4().hex}@shop.example", name="Mara", password="correct horse battery"
    )
    _, desk.secret = await desk.runtime.keys.create(account, "k", ["domain.read"], actor=OPERATOR)
    await desk.page("We deliver within four days.")
    desk.seen = await desk.visitor()
    async for _ in await desk.ask(desk.seen):
        pass
    desk.cookie = cookie
    owner = await members.principal(cookie)
    desk.invited = (await desk.runtime.team.changes.invite(owner, "agent")).token
    return account


def rows(desk, table, column="account_id"):
    home = desk.domain.scope.account_id if column == "account_id" else desk.domain.id
    return desk.rows(f"select count(*) from {table} where {column} = %s", home)[0][0]


@pytest.fixture
def night(desk):
    """Runs what a worker does at night for the account alone: the other accounts of the module have nights enough."""

    async def run():
        engine = desk.runtime.privacy.retention
        desk.clock.forward(seconds=1)
        await engine.sweep(desk.domain.scope)
        await engine._sweep_account(str(desk.domain.scope.account_id))

    return run


async def test_closing_ends_every_use_but_not_the_data(desk, shop, night):
    runtime = desk.runtime
    assert await runtime.members.principal(desk.cookie) is not None
    await runtime.privacy.retention.closing.close(shop, actor=OPERATOR)
    assert await runtime.members.principal(desk.cookie) is None
    assert await runtime.keys.principal(desk.secret) is None
    with pytest.raises(NotFound):
        await runtime.members.setup_open(desk.invited)
    assert not (await runtime.accounts.domain(desk.domain.scope)).settings.enabled
    (message, *_) = await desk.messages(desk.seen.conversation_id)
    assert message.text is None or "How long" not in message.text, "restricted: no product purpose opens it"
    await night()
    assert rows(desk, "omniops.passage", "domain_id") == 0, "website content goes with the account"
    assert rows(desk, "omniops.page", "domain_id") == 0
    assert rows(desk, "omniops.message", "domain_id") == 2
    assert rows(desk, "omniops.member") == 1
    with pytest.raises(Rejected, match="closed"):
        await runtime.privacy.retention.closing.close(shop, actor=OPERATOR)


async def test_after_two_years_nothing_is_left_but_the_audit(desk, shop, night):
    await desk.runtime.privacy.retention.closing.close(shop, actor=OPERATOR)
    at = desk.clock.now()
    desk.rows("update omniops.account set closed_at = %s where account_id = %s", at - timedelta(days=729), shop)
    await night()
    assert rows(desk, "omniops.member") == 1
    desk.rows("update omniops.account set closed_at = %s where account_id = %s", at - timedelta(days=731), shop)
    await night()
    tables = desk.rows(
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " where table_schema in ('omniops', 'vault') and column_name in ('account_id', 'domain_id')"
    )
    stays = {"omniops.audit_entry", "omniops.audit_head", "omniops.audit_segment", "vault.shred", "vault.subject_key"}
    left = {table for table, column in tables if rows(desk, table, column)} - stays
    assert left == set()
    living = desk.rows("select count(*) from vault.subject_key where account_id = %s and wrapped is not null", shop)
    assert living == [(0,)]
    assert (await desk.runtime.audit.verify(shop)).broken is None
    assert await desk.runtime.database.resolve("domain", desk.domain.id.bytes) is None
    assert rows(desk, "omniops.audit_entry") > 0
    (other,) = desk.rows("select count(*) from omniops.account where account_id = %s", desk.other.scope.account_id)
    assert other == (1,)


async def test_a_legal_hold_keeps_a_closed_account(desk, shop, night):
    (member,) = await desk.runtime.members.list(shop, actor=OPERATOR)
    actor = Actor("member", str(member.id))
    day = desk.clock.now().date() + timedelta(days=90)
    await desk.runtime.privacy.holds.place(desk.domain.scope, None, "Court", "Claim", day, actor=actor)
    await desk.runtime.privacy.retention.closing.close(shop, actor=OPERATOR)
    desk.rows(
        "update omniops.account set closed_at = %s where account_id = %s", desk.clock.now() - timedelta(days=800), shop
    )
    await night()
    assert rows(desk, "omniops.message", "domain_id") == 2
    assert rows(desk, "omniops.page", "domain_id") == 1
    assert not await desk.runtime.privacy.retention.closing.end(shop)


async def test_an_open_account_does_not_end(desk, shop):
    assert not await desk.runtime.privacy.retention.closing.end(shop)
    assert not await desk.runtime.privacy.retention.closing.end(uuid4())
    assert rows(desk, "omniops.member") == 1
