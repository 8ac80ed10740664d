"""WhatsApp from end to end: connected, written to, answered, handed over, failed, disconnected."""

from datetime import timedelta

import pytest
from connected import MEMBER
from graph import VERIFY, signed
from instagram_graph import INSTAGRAM_SECRET
from omniops.contracts.channel import Media, Outgoing, ReplyButton
from omniops.errors import NotFound, NotReady, Permanent, Reconnect
from omniops.testing.upstream import Answer

KIND = "meta-whatsapp"


async def test_from_connecting_to_the_end(app):
    connection_id = await app.connect()
    assert app.meta.subscribed == {app.business.account: "all"}
    await app.page("How long do parcels take? Parcels take four working days to arrive.")
    first = await app.wrote("How long do parcels take?")
    ((phone, sent, reference),) = app.meta.sent
    assert phone == app.business.phone
    assert (sent["recipient"], "to" in sent) == ("DE.111", False)
    said = sent["text"]["body"]
    assert said.index("You are writing to an AI") < said.index("four working days") < said.index(app.domain.origins[0])
    await app.deliver(KIND, app.meta.status(app.business, reference, "read"))
    await app.deliver(KIND, app.meta.status(app.business, reference, "delivered"))
    await app.work()
    assert app.outbox() == [("read", None)], "what is told late takes nothing back"
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    await app.wrote("And to Norway?")
    await app.runtime.inbox.reply(app.scope, conversation, "Six days.", actor=MEMBER)
    await app.work()
    told = [one["text"]["body"] for _, one, _ in app.meta.sent[1:]]
    assert told == ["A person took over. The AI is silent.", "Six days."]
    outcome = await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert outcome
    assert app.meta.subscribed == {}
    (scopes,) = [found for _, found in app.meta.tokens.values()]
    assert scopes == [], "the access is taken back"
    assert app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id) == [(0,)]
    assert app.rows("select count(*) from omniops.connection where domain_id = %s", app.domain.id) == [(0,)]
    gone = await app.deliver(KIND, app.meta.wrote(app.business, "Hello?", person="DE.111"))
    assert (gone.status_code, gone.headers["x-messages"]) == (200, "0")
    assert first


async def test_the_handshake_is_said_back_as_plain_text_to_who_knows_the_token(app):
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "<script>alert(1)</script>"}
    said = await app.http.get(f"/webhooks/{KIND}", params=query)
    assert (said.status_code, said.text) == (200, "<script>alert(1)</script>")
    assert said.headers["content-type"].startswith("text/plain")
    wrong = await app.http.get(f"/webhooks/{KIND}", params={**query, "hub.verify_token": "guess"})
    assert wrong.status_code in (401, 403)
    assert (await app.http.get(f"/webhooks/{KIND}")).status_code in (401, 403)


async def test_only_what_meta_signed_is_taken(app):
    await app.connect()
    told = app.meta.wrote(app.business, "Größe? 🚲", person="DE.1")
    body, headers = signed(told)
    for what in (
        {"content-type": "application/json"},
        {**headers, "x-hub-signature-256": ""},
        {**headers, "x-hub-signature-256": headers["x-hub-signature-256"][:-1] + "0"},
        signed(told, secret="of-another-app")[1],
        signed(told, secret="")[1],
    ):
        refused = await app.http.post(f"/webhooks/{KIND}", content=body, headers=what)
        assert refused.status_code == 401
    unescaped = signed(told, ascii_only=False)[0]
    assert (await app.http.post(f"/webhooks/{KIND}", content=unescaped, headers=headers)).status_code == 401
    assert app.rows("select count(*) from omniops.arrival where domain_id = %s", app.domain.id) == [(0,)]
    assert (await app.http.post(f"/webhooks/{KIND}", content=body, headers=headers)).headers["x-messages"] == "1"
    other = await app.deliver(KIND, app.meta.wrote(app.business, "Again", person="DE.1"), secret=INSTAGRAM_SECRET)
    assert other.headers["x-messages"] == "1", "an app may sign with the secret of its Instagram product"
    large = await app.http.post(f"/webhooks/{KIND}", content=b"x" * (10 << 20), headers=headers)
    assert large.status_code == 413


async def test_a_batch_of_several_businesses_reaches_each_of_them_once(app):
    await app.connect()
    first, first_domain = app.business, app.domain
    app.business, app.domain = app.meta.business(), await app.new_domain()
    await app.connect()
    one, two = app.meta.wrote(first, "To the first", person="DE.1"), app.meta.wrote(app.business, "Two", person="DE.1")
    stranger = app.meta.wrote(app.business, "Nobody's", person="DE.1", phone="999")
    broken = {"id": "1", "changes": [{"field": "messages", "value": {"metadata": 7}}, 7, {"value": None}]}
    batch = {**one, "entry": [*one["entry"], broken, 5, *two["entry"], *stranger["entry"]]}
    assert (await app.deliver(KIND, batch)).headers["x-messages"] == "2"
    assert (await app.deliver(KIND, batch)).headers["x-messages"] == "0", "a second telling is no second message"
    await app.work()
    assert (await app.texts())[0] == ("visitor", "Two")
    app.domain = first_domain
    assert (await app.texts())[0] == ("visitor", "To the first")


@pytest.mark.parametrize("code", [131047, 130472, 131042])
async def test_a_failure_that_is_told_later_is_shown(app, code):
    await app.connect()
    await app.wrote()
    ((_, _, reference),) = app.meta.sent
    await app.deliver(KIND, app.meta.status(app.business, reference, "sent"))
    await app.deliver(KIND, app.meta.status(app.business, reference, "failed", code))
    await app.deliver(KIND, app.meta.status(app.business, reference, "delivered"))
    await app.work()
    assert app.outbox() == [("failed", f"meta_{code}")]


async def test_somebody_without_a_number_is_answered_by_their_id_and_somebody_without_an_id_by_their_number(app):
    await app.connect()
    await app.wrote("Hello", person="DE.7", phone_number="")
    await app.wrote("Hello", person=None, phone_number="4915112345678")
    (_, first, _), (_, second, _) = app.meta.sent
    assert (first["recipient"], second["to"]) == ("DE.7", "4915112345678")
    await app.wrote("It is me again", person="DE.7", phone_number="4917000000000")
    assert len(app.conversations()) == 2, "the id is the person, whatever number is told with it"


async def test_what_is_changed_or_taken_back_there_is_so_here(app):
    await app.connect()
    first = await app.wrote("My card is lost")
    edit = {"original_message_id": first, "message": {"type": "text", "text": {"body": "My key is lost"}}}
    await app.wrote(type="edit", edit=edit)
    assert (await app.texts())[0] == ("visitor", "My key is lost")
    await app.wrote(type="revoke", revoke={"original_message_id": first})
    assert (await app.texts())[0] == ("visitor", "")
    assert "lost" not in await app.opened_arrivals()


async def test_a_reply_from_the_businesss_own_telephone_takes_over(app):
    await app.connect()
    await app.wrote("Are you there?")
    echo = {"from": "4930901820", "to": "4915112345678", "id": "wamid.own", "timestamp": "1790000000", "type": "text"}
    told = app.meta.whatsapp(
        app.business,
        field_name="smb_message_echoes",
        contacts=[{"wa_id": "4915112345678", "user_id": "DE.111"}],
        message_echoes=[{**echo, "text": {"body": "Yes, this is Bob."}}],
    )
    await app.deliver(KIND, told)
    await app.work()
    assert (await app.texts())[-1] == ("person", "Yes, this is Bob.")
    before = len(app.meta.sent)
    await app.wrote("Great")
    assert len(app.meta.sent) == before, "nothing is sent twice, and the AI is silent"


async def test_kinds_that_are_not_known_are_taken_and_passed_over(app):
    await app.connect()
    for kind in ("reaction", "system", "order", "unsupported", "hologram"):
        told = app.meta.wrote(app.business, person="DE.1", type=kind, **{kind: {"emoji": "x"}})
        assert (await app.deliver(KIND, told)).headers["x-messages"] == "0"
    for field in ("message_template_status_update", "account_update", "flows"):
        told = app.meta.whatsapp(app.business, field_name=field, event="APPROVED")
        assert (await app.deliver(KIND, told)).status_code == 200
    elsewhere = {**app.meta.wrote(app.business, "Hi", person="DE.1"), "object": "page"}
    assert (await app.deliver(KIND, elsewhere)).headers["x-messages"] == "0"


async def test_nothing_of_a_profile_is_stored(app):
    await app.connect()
    told = app.meta.wrote(
        app.business,
        "How long?",
        person="DE.1",
        context={"from": "CANARY-1", "id": "CANARY-2", "forwarded": True},
        referral={"headline": "CANARY-3", "source_url": "https://CANARY-4.example"},
        identity={"hash": "CANARY-5"},
    )
    value = told["entry"][0]["changes"][0]["value"]
    value["contacts"][0] |= {"profile": {"name": "CANARY-6", "username": "CANARY-7", "picture": "CANARY-8"}}
    value["contacts"][0]["parent_user_id"] = "CANARY-9"
    value["metadata"]["display_phone_number"] = "CANARY-10"
    assert (await app.deliver(KIND, told)).headers["x-messages"] == "1"
    await app.work()
    await app.deliver(KIND, app.meta.status(app.business, app.meta.sent[0][2], "failed", 131000))
    await app.work()
    assert "CANARY" not in app.everything()
    opened = await app.opened_arrivals()
    assert "How long?" in opened, "the test sees what is sealed"
    assert "CANARY" not in opened
    assert "4915112345678" not in opened, "there is an id, so the number is not kept"


async def test_places_cards_and_buttons_are_words(app):
    await app.connect()
    place = {"latitude": 52.5, "longitude": 13.4, "name": "Depot", "address": "Hauptstr. 1"}
    await app.wrote(type="location", location=place)
    card = {
        "name": {"formatted_name": "Bob Builder", "first_name": "Bob"},
        "phones": [{"phone": "+1 555", "wa_id": "1"}],
    }
    await app.wrote(type="contacts", contacts=[card])
    reply = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes, please"}}
    await app.wrote(type="interactive", interactive=reply)
    await app.wrote(type="button", button={"payload": "no", "text": "No, thanks"})
    words = [text for author, text in await app.texts() if author == "visitor"]
    assert words == ["Depot, Hauptstr. 1 (52.5, 13.4)", "Bob Builder +1 555", "Yes, please", "No, thanks"]
    assert "'yes'" in (opened := await app.opened_arrivals()) or '"yes"' in opened


def outgoing(connection, **more):
    given = {"text": "Hello", "ai": False, "recipient": "DE.1", "thread": "DE.1", **more}
    return Outgoing(idempotency_key="key", connection=connection, **given)


@pytest.fixture
async def channel(app):
    """The channel with the credentials of a connection, as core has them."""
    connection_id = await app.connect()
    connection = await app.runtime.connections.settings(app.scope, connection_id)
    plugin = app.runtime.loaded("meta").plugin
    found = next(one for one in plugin.channels() if one.name == "whatsapp")
    return found, connection


async def test_files_go_out_and_come_in(app, channel):
    channel, connection = channel
    media = (Media("bill.pdf", "application/pdf", b"%PDF-1"), Media("a.png", "image/png", b"png"))
    sent = await channel.send(outgoing(connection, media=media, text="Your bill"))
    document, image, text = (body for _, body, _ in app.meta.sent)
    assert (document["document"]["filename"], set(image["image"])) == ("bill.pdf", {"id"})
    assert text["text"]["body"] == "Your bill"
    assert sent.reference == app.meta.sent[-1][2]
    assert app.meta.media[document["document"]["id"]][1] == b"%PDF-1"
    app.meta.media["70001"] = ("whatsapp:image/jpeg", b"\xff\xd8jpeg", app.business.phone)
    told = app.meta.wrote(
        app.business,
        person="DE.1",
        type="image",
        image={"id": "70001", "mime_type": "image/jpeg", "caption": "See here"},
    )
    await app.deliver(KIND, told)
    await app.work()
    assert (await app.texts())[0] == ("visitor", "See here")
    from omniops.contracts.channel import MediaLink

    assert b"".join([chunk async for chunk in channel.fetch(MediaLink("70001"), connection)]) == b"\xff\xd8jpeg"
    with pytest.raises(NotFound):
        [chunk async for chunk in channel.fetch(MediaLink("70002"), connection)]
    app.meta.faults["GET 70001"].append(Answer.json({"url": "https://evil.example/files/70001"}))
    with pytest.raises(NotFound):
        [chunk async for chunk in channel.fetch(MediaLink("70001"), connection)]


async def test_buttons_stand_below_the_last_words_and_long_words_are_several_messages(app, channel):
    channel, connection = channel
    words = " ".join(f"word{number}." for number in range(700))
    buttons = (ReplyButton("yes", "Yes, that is what I would like"), ReplyButton("no", "No"))
    await channel.send(outgoing(connection, text=words, buttons=buttons, disclosure="An AI writes."))
    *texts, last = (body for _, body, _ in app.meta.sent)
    assert texts[0]["text"]["body"].startswith("An AI writes.\n\nword0.")
    assert [one["reply"]["id"] for one in last["interactive"]["action"]["buttons"]] == ["yes", "no"]
    whole = " ".join([*(one["text"]["body"] for one in texts), last["interactive"]["body"]["text"]])
    assert whole.split() == ["An", "AI", "writes.", *words.split()]


async def test_after_a_day_templates_are_what_is_left(app, channel):
    channel, connection = channel
    window = channel.capabilities.window
    assert (window.open, window.human, window.templates) == (timedelta(hours=24), None, True)
    body = {"type": "BODY", "text": "Order {{1}} was sent by {{2}}."}
    plain = {
        "name": "shipped",
        "language": "en",
        "status": "APPROVED",
        "components": [body, {"type": "FOOTER", "text": "Bye"}],
    }
    app.meta.page_size = 2
    app.business.templates += [
        plain,
        {**plain, "name": "waits", "status": "PENDING"},
        {**plain, "name": "named", "parameter_format": "NAMED"},
        {**plain, "name": "pictured", "components": [{"type": "HEADER", "format": "IMAGE"}, body]},
        {**plain, "name": "linked", "components": [body, {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}"}]}]},
        {**plain, "name": "again", "language": "de"},
    ]  # fmt: skip
    found = await channel.templates(connection)
    assert [(one.name, one.language, one.places) for one in found] == [("shipped", "en", 2), ("again", "de", 2)]
    assert found[0].text == "Order {1} was sent by {2}."
    from omniops.contracts.channel import Filled

    await channel.send(outgoing(connection, template=Filled(found[0], ("A-1", "DHL"))))
    (_, sent, _) = app.meta.sent[-1]
    assert (sent["template"]["name"], sent["template"]["language"]) == ("shipped", {"code": "en"})
    assert [one["text"] for one in sent["template"]["components"][0]["parameters"]] == ["A-1", "DHL"]
    with pytest.raises(Permanent):
        await channel.send(outgoing(connection, template=Filled(found[0], ("A-1",))))


@pytest.mark.parametrize(
    ("code", "subcode", "status", "kind"),
    [
        (190, None, 401, Reconnect),
        (190, 463, 400, Reconnect),
        (10, None, 403, Reconnect),
        (200, None, 403, Reconnect),
        (10, 2018278, 400, Permanent),
        (100, None, 400, Permanent),
        (131026, None, 400, Permanent),
        (4, None, 400, NotReady),
        (80007, None, 400, NotReady),
        (130429, None, 429, NotReady),
        (131056, None, 400, NotReady),
        (2, None, 500, NotReady),
        (131016, None, 503, NotReady),
    ],
)
async def test_each_code_means_one_thing(app, channel, code, subcode, status, kind):
    channel, connection = channel
    app.meta.faults["POST messages"].append(app.meta.error(code, subcode=subcode, status=status))
    with pytest.raises(kind) as raised:
        await channel.send(outgoing(connection, recipient=f"DE.{code}"))
    assert "Meta's words" not in str(raised.value)
    app.clock.forward(minutes=5)


async def test_where_meta_says_for_how_long_that_long_is_waited(app, channel):
    channel, connection = channel
    usage = '{"1": [{"type": "whatsapp", "call_count": 100, "estimated_time_to_regain_access": 7}]}'
    fault = app.meta.error(80007, headers={"X-Business-Use-Case-Usage": usage})
    app.meta.faults["POST messages"].append(fault)
    with pytest.raises(NotReady) as raised:
        await channel.send(outgoing(connection))
    assert raised.value.retry_after == 420
    with pytest.raises(NotReady):
        await channel.send(outgoing(connection))
    assert sum(path.endswith("/messages") for _, path, _ in app.meta.asked) == 1, "meanwhile nothing is asked"
    app.clock.forward(minutes=8)
    assert (await channel.send(outgoing(connection))).state == "sent"


async def test_a_number_belongs_to_one_connection_and_comes_from_the_list(app):
    connection_id = await app.connect()
    link = await app.runtime.connections.link(app.scope, connection_id)
    integration = next(one for one in app.runtime.loaded("meta").plugin.integrations() if one.name == KIND)
    assert [one.value for one in await integration.choices(link, "number")] == [app.business.number]
    app.domain = await app.new_domain()
    result = await app.grant(KIND)
    from omniops.errors import Rejected

    with pytest.raises(Rejected, match="connected already"):
        await app.runtime.connections.change(
            app.scope, result.connection_id, {"number": app.business.number}, actor=MEMBER
        )


async def test_the_subscription_is_looked_after(app):
    connection_id = await app.connect()
    app.meta.subscribed.clear()
    link = await app.runtime.connections.link(app.scope, connection_id)
    integration = next(one for one in app.runtime.loaded("meta").plugin.integrations() if one.name == KIND)
    assert await integration.renew("subscription", link) > app.clock.now()
    assert app.meta.subscribed == {app.business.account: "all"}


async def test_declined_partial_and_foreign_access(app):
    assert (await app.grant(KIND, declined=True)).outcome == "declined"
    app.meta.grants = ["whatsapp_business_management"]
    partial = await app.grant(KIND)
    assert partial.outcome == "partial"
    assert list(partial.missing) == ["Messages"]


async def test_a_short_token_of_a_person_is_exchanged_for_a_long_one(app):
    app.meta.lifetime, app.meta.token_type = 5400, "USER"
    result = await app.grant(KIND)
    assert result.outcome == "connected", result.said
    connection = await app.runtime.connections.settings(app.scope, result.connection_id)
    assert connection.tokens.expires_at > app.clock.now() + timedelta(days=59)
    assert connection.access_token not in app.everything()


async def test_a_system_users_token_that_ends_is_exchanged_in_time(app):
    app.meta.lifetime = 60 * 86400
    connection_id = await app.connect()
    connections = app.runtime.connections
    first = (await connections.settings(app.scope, connection_id)).access_token
    app.clock.forward(days=51)
    second = (await connections.settings(app.scope, connection_id)).access_token
    assert second != first
    assert (await connections.settings(app.scope, connection_id)).access_token == second
    (view,) = await connections.all(app.scope)
    assert view.state == "connected"
    assert view.expires_at > app.clock.now() + timedelta(days=59)
    await app.wrote("Hello")
    assert len(app.meta.sent) == 1
