"""WhatsApp from the first click to the last row by an operator's commands; people write on their telephones."""

from commanding import Operator
from connected import MEMBER
from omniops.connections.granting import Browser

KIND = "meta-whatsapp"


async def test_a_number_is_connected_answers_is_looked_after_and_ended_by_commands(app, monkeypatch):
    omniops = Operator(app.runtime, app.domain, monkeypatch)
    begun = await omniops.json("connection", "begin", "meta", "--kind", KIND)
    browser = Browser(app.scope.account_id, True, "session")
    await app.runtime.granting.returned(list(app.meta.browse(begun["url"], app.business).items()), browser)
    (number,) = await omniops.json("connection", "choices", KIND, "number")
    changed = await omniops.json("connection", "change", KIND, "--set", f"number={number['value']}")
    assert changed["state"] == "connected"
    await app.work()
    assert app.meta.subscribed == {app.business.account: "all"}
    assert (await omniops.json("connection", "check", KIND))["said"] == f"Connected to {number['title']}."
    assert [one["key"] for one in await omniops.json("connection", "features", KIND) if one["on"]] == ["messages"]

    # Somebody writes and is answered with a source, then by a person
    url = await app.page("How long do parcels take? Parcels take four working days to arrive.")
    await app.wrote("How long do parcels take?")
    said = app.meta.sent[0][1]["text"]["body"]
    assert said.index("You are writing to an AI") < said.index("four working days") < said.index(url)
    (told,) = await omniops.json("connection", "log", KIND)
    assert (told["what"], told["state"]) == ("message", "done")
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    await app.work()
    app.meta.away = app.meta.error(131026, status=400)
    await app.runtime.inbox.reply(app.scope, conversation, "It left this morning.", actor=MEMBER)
    await app.work()
    (kept,) = await omniops.json("undelivered", "list")
    assert (kept["author"], kept["problem"]) == ("person", "permanent")
    app.meta.away = None
    await omniops("undelivered", "resend", kept["id"])
    await app.work()
    assert app.meta.sent[-1][1]["text"]["body"] == "It left this morning."
    assert await omniops.json("undelivered", "list") == []

    ended = await omniops.json("connection", "disconnect", KIND)
    assert ended["outcome"] == "revoked"
    assert (app.meta.subscribed, [scopes for _, scopes in app.meta.tokens.values()]) == ({}, [[]])
    assert await omniops.json("connection", "list") == []
    for table in ("arrival", "connection", "connection_task"):
        assert app.rows(f"select * from omniops.{table} where domain_id = %s", app.domain.id) == []
    gone = await app.deliver(KIND, app.meta.wrote(app.business, "Hello?", person="DE.111"))
    assert (gone.status_code, gone.headers["x-messages"]) == (200, "0")
