"""What is kept of access and of what people wrote: nothing in clear, nowhere for longer, and no list without an end."""

import pytest
from graph import SECRET
from omniops.errors import NotReady, Reconnect
from omniops.testing.upstream import Answer

AGED = ("message", "conversation", "turn", "conversation_event", "arrival", "subject")


async def test_a_list_that_turns_in_a_circle_ends(app):
    connection_id = await app.connect()
    link = await app.link(connection_id)
    integration = next(one for one in app.runtime.loaded("meta").plugin.integrations() if one.name == "meta-whatsapp")
    paging = {"cursors": {"after": "1"}, "next": "https://elsewhere.example/next"}
    page = Answer.json({"data": [], "paging": paging})
    app.meta.faults["GET phone_numbers"] += [page, page, page]
    with pytest.raises(NotReady, match="same page"):
        await integration.choices(link, "number")


async def test_tokens_lie_sealed_and_stand_in_no_log(app, caplog, capsys):
    connection_id = await app.connect()
    connections = app.runtime.connections
    token = (await connections.settings(app.scope, connection_id)).access_token
    for code, status, error in ((2, 500, NotReady), (190, 401, Reconnect)):
        app.clock.forward(minutes=5)
        app.meta.faults["GET phone_numbers"].append(app.meta.error(code, status=status))
        with pytest.raises(error):
            await connections.check(app.scope, connection_id)
    assert (await app.view(connection_id)).state == "needs_reauth"
    everything = app.everything() + caplog.text + capsys.readouterr().out
    assert token not in everything
    assert SECRET not in everything


async def test_what_was_written_in_a_channel_goes_after_its_time(app):
    await app.connect()
    await app.page("How long do parcels take? Parcels take four working days to arrive.")
    await app.wrote("How long do parcels take?", person="DE.1")
    assert app.outbox() == [("sent", None)]
    for table in AGED:
        home = "home_id" if table == "subject" else "domain_id"
        app.rows(
            f"update omniops.{table} set created_at = created_at - interval '91 days' where {home} = %s", app.domain.id
        )
    run = await app.runtime.privacy.retention.sweep(app.scope)
    assert (run.state, run.problems) == ("done", [])
    assert (app.conversations(), app.outbox()) == ([], [])
    for table in ("message", "turn", "arrival"):
        assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", app.domain.id) == [(0,)], table
