"""Access that stays good: refreshed by one process for all, ended with a word to the business, and given back."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from omniops import DomainModel, not_personal
from omniops.contracts.scope import Actor
from omniops.database.policies import scope_statements
from omniops.errors import NotFound, NotReady, Reconnect, Rejected
from omniops.operations.firsts import OPERATOR
from psycopg import connect
from trade import both

MEMBER = Actor("member", "mara")


class Order(DomainModel, table=True):
    """What a plugin mirrors through a connection."""

    __tablename__ = "vaulttest_order"
    connection_id: UUID = not_personal("the connection that it came by")
    number: str = not_personal("number of the order")


@pytest.fixture
async def view(trading, mara):
    await trading.connected(mara)
    return await trading.only()


async def token(trading, view, process=None):
    process = process or trading.desk
    return (await process.runtime.connections.settings(trading.scope, view.id)).access_token


async def events(trading, view):
    return [one.event for one in await trading.connections.events(trading.scope, view.id)]


async def test_a_token_that_ends_soon_is_refreshed_before_it_is_handed_out(trading, view):
    first = await token(trading, view)
    trading.desk.clock.forward(minutes=54)
    assert await token(trading, view) == first
    trading.desk.clock.forward(minutes=2)
    second = await token(trading, view)
    assert second != first
    assert second in trading.market.living
    trading.desk.clock.forward(minutes=58)
    assert await token(trading, view) in trading.market.living, "the new refresh token was kept too"


async def test_two_processes_refresh_once(trading, view):
    trading.desk.clock.forward(minutes=59)
    waits = asyncio.Event()

    async def slow():
        await asyncio.to_thread(trading.desk.until_somebody_waits)  # the other process, for its turn
        waits.set()

    trading.market.slow = slow
    asked = [token(trading, view, process) for process in (trading.desk, trading.second) * 4]
    got = await both(*asked)
    assert waits.is_set()
    assert len(set(got)) == 1, "all have the one new token"
    assert trading.market.count("refresh_token") == 1
    assert (await trading.only()).state == "connected"


async def test_a_token_that_came_is_kept_although_who_asked_for_it_stopped_to_wait(trading, view):
    """A refresh token is good for one use: with the answer lost, the connection would be."""
    trading.desk.clock.forward(minutes=59)
    came, go = asyncio.Event(), asyncio.Event()

    async def late():
        came.set()
        await go.wait()

    trading.market.late = late
    asked = asyncio.create_task(token(trading, view))
    await came.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    go.set()
    assert await token(trading, view) in trading.market.living
    assert trading.market.count("refresh_token") == 1
    assert (await trading.only()).state == "connected"


async def test_access_taken_back_there_waits_for_a_person_and_is_told(trading, mara, view):
    trading.market.refuse_all()
    trading.desk.clock.forward(minutes=59)
    with pytest.raises(Reconnect):
        await token(trading, view)
    assert (await trading.only()).state == "needs_reauth"
    assert await events(trading, view) == ["connected", "needs_reauth"]
    await trading.desk.work("connections")
    await trading.desk.work("mail")
    (mail,) = [one for one in trading.desk.mailer.sent if one.to == mara.email]
    assert mail.subject == "Trade must be connected again"
    assert "What to do" in mail.text
    asked = trading.market.count("refresh_token")
    with pytest.raises(Reconnect):
        await trading.connections.link(trading.scope, view.id)
    assert trading.market.count("refresh_token") == asked, "a dead token is not sent again and again"
    begun = (await trading.begin(mara, f"connections/{view.id}/begin")).json()
    await trading.back(mara, trading.market.browse(begun["url"]))
    assert ((await trading.only()).id, (await trading.only()).state) == (view.id, "connected")
    assert await events(trading, view) == ["connected", "needs_reauth", "connected_again"]


async def test_a_refusal_is_believed_only_of_what_stands(trading, mara, view):
    """While the market is asked, a person connects again: the old refresh token's end is not the connection's."""
    trading.desk.clock.forward(minutes=59)
    old = await trading.connections.row(trading.scope, view.id)
    settings, _ = await trading.connections.opened(old)
    begun = (await trading.begin(mara, f"connections/{view.id}/begin")).json()
    await trading.back(mara, trading.market.browse(begun["url"]))
    fresh = await trading.connections.fresh(trading.scope, old, settings)
    assert fresh.access_token in trading.market.living
    assert (await trading.only()).state == "connected"


async def test_a_token_refused_in_use_is_refreshed_once(trading, view):
    used = []

    async def work(link):
        used.append(link.connection.access_token)
        if link.connection.access_token not in trading.market.living:
            raise Reconnect("401")
        return "done"

    link = await trading.connections.link(trading.scope, view.id)
    trading.market.living.clear()
    assert await trading.connections.used(trading.scope, link, work) == "done"
    assert len(set(used)) == 2
    assert await trading.connections.refused(trading.scope, view.id, link.connection), "a new one is there already"
    assert trading.market.count("refresh_token") == 1
    trading.market.living.clear()
    link = await trading.connections.link(trading.scope, view.id)
    with pytest.raises(Reconnect):
        await trading.connections.used(trading.scope, link, work)
    assert (await trading.only()).state == "needs_reauth", "a second one right after would not help"


async def test_one_that_ended_takes_no_other_one_along(trading, mara, view):
    trading.market.refreshing.clear()
    trading.market.shop = "shop-elsewhere"
    await trading.connected(mara)
    trading.desk.clock.forward(minutes=59)
    (link,) = await trading.connections.links(trading.scope, "trade")
    assert link.id != view.id
    assert link.connection.access_token in trading.market.living
    states = {one.id: one.state for one in await trading.connections.all(trading.scope)}
    assert states == {view.id: "needs_reauth", link.id: "connected"}


async def test_while_the_market_is_away_what_is_good_is_used(trading, view):
    first = await token(trading, view)
    trading.market.away = True
    trading.desk.clock.forward(minutes=58)
    assert await token(trading, view) == first
    trading.desk.clock.forward(minutes=5)
    with pytest.raises(NotReady):
        await token(trading, view)
    assert (await trading.only()).state == "connected", "away is no refusal"
    trading.market.away = False
    assert await token(trading, view) in trading.market.living


async def test_the_schedule_refreshes_before_anybody_asks(trading, view):
    before = (await trading.connections.settings(trading.scope, view.id)).tokens.refresh.get_secret_value()
    trading.desk.clock.forward(minutes=50)
    await trading.desk.runtime.keeping.look()
    await trading.desk.runtime.keeping.look()
    await trading.desk.work("connections")
    sent = [form.get("refresh_token") for _, form in trading.market.asked]
    assert sent.count(before) == 1
    assert await token(trading, view) in trading.market.living


async def test_whose_access_ends_for_good_is_told_once_in_time(trading, mara, view):
    trading.desk.rows("update omniops.connection set ends_at = %s where id = %s", trading.desk.clock.now(), view.id)
    trading.desk.rows("update omniops.connection set ends_at = ends_at + interval '6 days' where id = %s", view.id)
    for _ in range(2):
        await trading.desk.runtime.keeping.look()
    await trading.desk.work("connections")
    await trading.desk.work("mail")
    (mail,) = [one for one in trading.desk.mailer.sent if one.to == mara.email]
    assert mail.subject.startswith("The access to Trade ends on ")
    assert (await events(trading, view)).count("expiring") == 1


async def test_disconnecting_gives_back_and_leaves_nothing_but_the_record(trading, mara, view, monkeypatch):
    desk = trading.desk
    with connect(desk.runtime.database.links.admin.conninfo()) as admin:
        admin.execute("set search_path to omniops")
        admin.execute(
            "create table if not exists vaulttest_order (domain_id uuid, id uuid, connection_id uuid, number text,"
            " primary key (domain_id, id))"
        )
        for statement in scope_statements("vaulttest_order", "domain"):
            admin.execute(statement)
    found = desk.runtime.connections._kinds()
    monkeypatch.setattr(desk.runtime.connections, "_kinds", lambda: replace(found, mirrors={"trade": (Order,)}))
    other = UUID(int=7)
    async with desk.runtime.database.session(trading.scope) as session:
        for owner in (view.id, other):
            session.add(Order(domain_id=desk.domain.id, connection_id=owner, number="1001"))
        await session.commit()
    await desk.work("connections")
    assert trading.market.set_up == [(frozenset({"products", "stock"}), {})]
    said = await mara.browser.delete(f"/v1/domains/{desk.domain.id}/connections/{view.id}")
    assert said.status_code == 204
    assert trading.market.left == [{"hook": "hook-1"}], "the plugin knows what it made there"
    assert len(trading.market.revoked) == 1
    assert desk.rows("select connection_id from omniops.vaulttest_order") == [(other,)]
    assert await trading.connections.all(trading.scope) == []
    with pytest.raises(NotFound):
        await trading.connections.settings(trading.scope, view.id)
    assert await trading.connections.found("trade", trading.market.shop) is None
    assert (await events(trading, view))[-1] == "disconnected"
    last = (await trading.connections.consents(trading.scope))[-1]
    assert (last.event, last.connection_id) == ("withdrawn", view.id)
    await trading.connected(mara)  # and can be connected again


async def test_only_what_may_be_changed_is(trading, view):
    changed = await trading.connections.change(trading.scope, view.id, {"shelf": "left"}, actor=MEMBER)
    assert changed.state == "connected"
    settings = await trading.connections.settings(trading.scope, view.id)
    assert (settings.shelf, settings.shop) == ("left", "shop-1")
    for name in ("shop", "tokens", "unknown"):
        with pytest.raises(Rejected, match="cannot be changed"):
            await trading.connections.change(trading.scope, view.id, {name: "evil"}, actor=MEMBER)
    choices = await trading.connections.choices(trading.scope, view.id, "shelf")
    assert [one.value for one in choices] == ["left", "right"]


async def test_a_change_is_tried_with_its_own_values_and_a_token_that_is_good(trading, view):
    trading.market.closed.add("left")
    trading.desk.clock.forward(minutes=59)
    with pytest.raises(Rejected, match="closed"):
        await trading.connections.change(trading.scope, view.id, {"shelf": "left"}, actor=MEMBER)
    trading.desk.clock.forward(minutes=59)
    await trading.connections.change(trading.scope, view.id, {"shelf": "right"}, actor=MEMBER)
    settings = await trading.connections.settings(trading.scope, view.id)
    assert (settings.shelf, settings.access_token in trading.market.living) == ("right", True)
    assert trading.market.count("refresh_token") == 2


async def test_memory_is_sealed_kept_and_bounded(trading, view):
    link = await trading.connections.link(trading.scope, view.id)
    await link.remember({"hook": "hook-2", "secret": "whsec-of-the-hook"})
    await link.remember({"hook": None})
    assert (await trading.connections.link(trading.scope, view.id)).memory == {"secret": "whsec-of-the-hook"}
    assert b"whsec-of-the-hook".hex() not in trading.kept()
    with pytest.raises(Rejected):
        await link.remember({"much": "x" * 20_000})
    async with trading.desk.runtime.database.session(trading.scope) as session:
        await link.remember({"later": "1"}, session=session)  # not committed
    assert "later" not in (await trading.connections.link(trading.scope, view.id)).memory


async def test_other_domains_see_nothing_of_it(trading, view):
    other = await trading.desk.new_domain()
    for act in (
        trading.connections.one(other.scope, view.id),
        trading.connections.link(other.scope, view.id),
        trading.connections.disconnect(other.scope, view.id, actor=OPERATOR),
        trading.connections.switch(other.scope, view.id, "stock", on=False, actor=OPERATOR),
    ):
        with pytest.raises(NotFound):
            await act
