"""Access of an hour: renewed, sealed, and missed by people once it is refused."""

import pytest
from in_clear import tables_with
from omniops.errors import Reconnect
from shopify_stock import SECRET
from shopify_world import DOMAIN, SHOP


async def test_access_is_renewed_lies_sealed_and_is_asked_for_once_it_is_refused(shopping, caplog, capsys):
    desk, connections = shopping.desk, shopping.desk.runtime.connections
    number = (await shopping.connect())["id"]
    first = (await connections.settings(shopping.scope, number)).tokens
    desk.clock.forward(minutes=61)
    second = (await connections.settings(shopping.scope, number)).tokens
    assert second.access != first.access
    assert second.refresh != first.refresh

    shopping.shopify.uninstall(f"{SHOP}.{DOMAIN}")
    desk.clock.forward(minutes=61)
    with pytest.raises(Reconnect):
        await connections.settings(shopping.scope, number)
    assert (await shopping.view())["state"] == "needs_reauth"
    events = (await shopping.browser.get(f"{shopping.at}/connections/{number}/events")).json()["data"]
    assert events[-1]["event"] == "needs_reauth"
    await desk.work("connections")
    await desk.work("mail")
    assert any("Shopify" in f"{mail.subject} {mail.text}" for mail in desk.mailer.sent), "people are told"

    secrets = [one.get_secret_value() for each in (first, second) for one in (each.access, each.refresh)] + [SECRET]
    assert tables_with(desk.rows, *secrets) == []
    logged = caplog.text + capsys.readouterr().out
    assert [one for one in secrets if one in logged] == []
