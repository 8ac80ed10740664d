"""Messenger and Instagram from end to end."""

from dataclasses import replace

import pytest
from connected import MEMBER
from graph import APP, FIELDS
from omniops.contracts.channel import Media, MediaLink, Outgoing, ReplyButton
from omniops.errors import NotFound, Permanent, Reconnect
from telling import message

KINDS = {"meta-messenger": "page", "meta-instagram": "instagram"}
BOTH = pytest.mark.parametrize("kind", KINDS)
PERSON = "5555000000000001"


def place_of(app, kind):
    return app.business.page if kind == "meta-messenger" else app.business.instagram


async def told(app, kind, *events, **entry):
    """Meta tells of a page or account, and everything that follows happens."""
    answer = await app.deliver(kind, app.meta.page_event(KINDS[kind], place_of(app, kind), *events, **entry))
    assert answer.status_code == 200
    await app.work()
    return int(answer.headers["x-messages"])


def wrote(app, kind, text="Hello", **more):
    return app.meta.event(PERSON, place_of(app, kind), **message(text, **more))


@BOTH
async def test_from_connecting_to_the_end(app, kind):
    connection_id = await app.connect(kind)
    assert app.meta.subscribed == {app.business.page: FIELDS}
    await app.page("How long do parcels take? Parcels take four working days to arrive.")
    assert await told(app, kind, wrote(app, kind, "How long do parcels take?")) == 1
    ((page, sent, reference),) = app.meta.sent
    assert (page, sent["recipient"], sent["messaging_type"]) == (app.business.page, {"id": PERSON}, "RESPONSE")
    text = sent["message"]["text"]
    assert text.index("You are writing to an AI") < text.index("four working days")
    await told(app, kind, app.meta.event(PERSON, place_of(app, kind), delivery={"mids": [reference], "watermark": 1}))
    await told(app, kind, app.meta.event(PERSON, place_of(app, kind), read={"mid": reference, "watermark": 1}))
    assert app.outbox() == [("read", None)]
    (conversation,) = app.conversations()
    await app.runtime.inbox.take_over(app.scope, conversation, actor=MEMBER)
    await app.runtime.inbox.reply(app.scope, conversation, "Five, at the moment.", actor=MEMBER)
    await app.work()
    assert app.meta.sent[-1][1]["message"]["text"] == "Five, at the moment."
    await app.runtime.connections.disconnect(app.scope, connection_id, actor=MEMBER)
    assert app.meta.subscribed == {}
    (scopes,) = [found for _, found in app.meta.tokens.values()]
    assert set(scopes) == {"pages_manage_metadata", "pages_show_list"}
    assert await told(app, kind, wrote(app, kind, "Hello?")) == 0


@BOTH
async def test_our_own_words_come_back_and_are_nobodys(app, kind):
    await app.connect(kind)
    await told(app, kind, wrote(app, kind, "Hello"))
    ((_, sent, reference),) = app.meta.sent
    own = {"mid": reference, "is_echo": True, "text": sent["message"]["text"]}
    own |= {"app_id": int(APP)} if kind == "meta-messenger" else {}
    place = place_of(app, kind)
    await told(app, kind, app.meta.event(place, PERSON, message=own))
    assert [author for author, _ in await app.texts()] == ["visitor", "ai"]
    theirs = app.meta.event(place, PERSON, **message("This is Bob.", is_echo=True, app_id=263902037430900))
    await told(app, kind, theirs)
    assert (await app.texts())[-1] == ("person", "This is Bob.")
    before = len(app.meta.sent)
    await told(app, kind, wrote(app, kind, "Thanks"))
    assert len(app.meta.sent) == before, "nothing is sent twice, and the AI is silent"


@BOTH
async def test_what_is_changed_or_taken_back_there_is_so_here(app, kind):
    await app.connect(kind)
    first = wrote(app, kind, "My card is lost")
    mid = first["message"]["mid"]
    await told(app, kind, first)
    place = place_of(app, kind)
    await told(
        app, kind, app.meta.event(PERSON, place, message_edit={"mid": mid, "text": "My key is lost", "num_edit": 1})
    )
    assert (await app.texts())[0] == ("visitor", "My key is lost")
    await told(app, kind, app.meta.event(PERSON, place, message={"mid": mid, "is_deleted": True}))
    assert (await app.texts())[0] == ("visitor", "")


@BOTH
async def test_what_is_not_for_us_is_taken_and_passed_over(app, kind):
    await app.connect(kind)
    place = place_of(app, kind)
    for what in (
        {"message": {"mid": "m_1", "is_unsupported": True}},
        {"message": {"mid": "m_2", "attachments": [{"type": "story_mention", "payload": {"url": "https://x"}}]}},
        {"reaction": {"mid": "m_3", "emoji": "x"}},
        {"referral": {"ref": "ad"}},
        {"hologram": {}},
        {"message": {"text": "no id"}},
        {"message": 7},
    ):
        assert await told(app, kind, app.meta.event(PERSON, place, **what)) == 0
    assert await told(app, kind, app.meta.event("1", "2", **message("between others"))) == 0
    assert await told(app, kind, standby=[wrote(app, kind, "Another app answers")]) == 0
    test = {"field": "messages", "value": {"sender": {"id": "12334"}, "recipient": {"id": "23245"}, **message("test")}}
    dashboard = {"object": KINDS[kind], "entry": [{"id": "0", "time": 1, "changes": [test]}]}
    assert (await app.deliver(kind, dashboard)).headers["x-messages"] == "0"
    assert app.conversations() == []


@BOTH
async def test_stickers_and_files_are_fetched_from_meta_and_from_nowhere_else(app, kind):
    connection_id = await app.connect(kind)
    app.meta.media["a.png"] = ("image/png", b"png", "")
    sticker = {"type": "sticker", "payload": {"url": f"{app.upstream.url}/files/a.png", "sticker_id": 369239263222822}}
    event = wrote(app, kind, "", attachments=[sticker])
    plugin = app.runtime.loaded("meta").plugin
    integration = next(one for one in plugin.integrations() if one.name == kind)
    payload = app.meta.page_event(KINDS[kind], place_of(app, kind), event)
    (arrived,) = integration._read(payload["entry"][0])
    assert [one.id for one in arrived.what.media] == [f"{app.upstream.url}/files/a.png"]
    channel = next(one for one in plugin.channels() if one.name == integration.channels[0])
    connection = await app.runtime.connections.settings(app.scope, connection_id)
    fetched = [chunk async for chunk in channel.fetch(arrived.what.media[0], connection)]
    assert b"".join(fetched) == b"png"
    for url in ("https://169.254.169.254/latest", "http://upstream.test/a", ""):
        with pytest.raises(NotFound):
            [chunk async for chunk in channel.fetch(MediaLink(url), connection)]


@BOTH
async def test_buttons_come_back_as_what_was_pressed(app, kind):
    await app.connect(kind)
    await told(app, kind, wrote(app, kind, "Yes", quick_reply={"payload": "yes"}))
    postback = {"mid": "m_pb", "title": "Talk to a person", "payload": "person"}
    await told(app, kind, app.meta.event(PERSON, place_of(app, kind), postback=postback))
    words = [text for author, text in await app.texts() if author == "visitor"]
    assert words == ["Yes", "Talk to a person"]
    opened = await app.opened_arrivals()
    assert "yes" in opened
    assert "person" in opened


@BOTH
async def test_nothing_of_a_profile_is_stored(app, kind):
    await app.connect(kind)
    event = wrote(app, kind, "How long?", referral={"ref": "CANARY-1"}, nlp={"x": "CANARY-2"})
    event["sender"] |= {"name": "CANARY-3", "email": "CANARY-4@x.example", "user_ref": "CANARY-5"}
    assert await told(app, kind, event, hop_context=[{"metadata": "CANARY-6"}]) == 1
    assert "CANARY" not in app.everything()
    opened = await app.opened_arrivals()
    assert "How long?" in opened
    assert "CANARY" not in opened


@pytest.fixture
async def ways(app):
    """Channel and connection of each kind."""
    plugin, found = app.runtime.loaded("meta").plugin, {}
    for kind in KINDS:
        connection_id = await app.connect(kind)
        name = kind.removeprefix("meta-")
        channel = next(one for one in plugin.channels() if one.name == name)
        found[kind] = (channel, await app.runtime.connections.settings(app.scope, connection_id))
    return found


def outgoing(connection, **more):
    given = {"text": "Hello", "ai": False, "recipient": PERSON, "thread": PERSON, **more}
    return Outgoing(idempotency_key="key", connection=connection, **given)


@BOTH
async def test_only_a_person_may_write_late(app, ways, kind):
    channel, connection = ways[kind]
    await channel.send(outgoing(connection, late=True))
    assert (app.meta.sent[-1][1]["messaging_type"], app.meta.sent[-1][1]["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    with pytest.raises(Permanent):
        await channel.send(outgoing(connection, late=True, ai=True))
    assert len(app.meta.sent) == 1
    await channel.send(outgoing(connection, ai=True))
    assert "tag" not in app.meta.sent[-1][1]
    assert channel.capabilities.window.human.days == 7


async def test_messenger_carries_files_buttons_and_long_words(app, ways):
    channel, connection = ways["meta-messenger"]
    words = " ".join(f"word{number}." for number in range(400))
    buttons = (ReplyButton("yes", "Yes, that is what I would like"),)
    await channel.send(outgoing(connection, text=words, buttons=buttons, media=(Media("a.png", "image/png", b"png"),)))
    file, *texts = (body["message"] for _, body, _ in app.meta.sent)
    assert file["attachment"]["type"] == "image"
    assert " ".join(one["text"] for one in texts).split() == words.split()
    assert ["quick_replies" in one for one in texts] == [False, True]


async def test_instagram_carries_one_message_of_a_thousand_bytes(app, ways):
    channel, connection = ways["meta-instagram"]
    from omniops.contracts.channel import SourceLink

    sources = [SourceLink(number, "A page", f"https://shop.example/{'x' * 200}") for number in range(1, 6)]
    await channel.send(outgoing(connection, text="ö" * 200, sources=sources))
    (sent,) = (body["message"]["text"] for _, body, _ in app.meta.sent)
    assert len(sent.encode()) <= 1000
    assert sent.startswith("ö" * 200)
    with pytest.raises(Permanent):
        await channel.send(outgoing(connection, text="ö" * 500, disclosure="An AI writes."))


async def test_one_page_serves_both_and_the_last_one_ends_the_deliveries(app, ways):
    first, second = await app.runtime.connections.all(app.scope)
    await app.runtime.connections.disconnect(app.scope, first.id, actor=MEMBER)
    assert app.meta.subscribed == {app.business.page: FIELDS}, "the other still needs them"
    await app.runtime.connections.disconnect(app.scope, second.id, actor=MEMBER)
    assert app.meta.subscribed == {}


async def test_pages_and_accounts_come_from_a_list(app, ways):
    plugin = app.runtime.loaded("meta").plugin
    for kind, field, value in (
        ("meta-messenger", "page", app.business.page),
        ("meta-instagram", "place", app.business.place),
    ):
        integration = next(one for one in plugin.integrations() if one.name == kind)
        (link,) = await plugin.context.links.of(app.scope, kind)
        assert [one.value for one in await integration.choices(link, field)] == [value]
        foreign = {"page": "123"} if field == "page" else {"place": f"{app.business.page}:123"}
        elsewhere = replace(link, connection=link.connection.model_copy(update=foreign))
        assert not (await integration.check(elsewhere.connection)).ok


async def test_access_that_was_taken_back_needs_a_person(app, ways):
    channel, connection = ways["meta-messenger"]
    app.meta.tokens.clear()
    with pytest.raises(Reconnect):
        await channel.send(outgoing(connection))
