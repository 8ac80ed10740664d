"""WhatsApp and time: what was written before the connection, and until when somebody may be written to."""

from datetime import timedelta

import pytest
from connected import MEMBER
from omniops.errors import OmniOpsError
from omniops.inbox.carrying import Choice

KIND, PHONE, OURS = "meta-whatsapp", "4915112345678", "4930901820"


def old(app, name, text, days, *, sender=PHONE, **more):
    at = str(int((app.clock.now() - timedelta(days=days)).timestamp()))
    said = {"from": sender, "id": f"wamid.{name}", "timestamp": at, "type": "text", "text": {"body": text}}
    return {**said, "history_context": {"status": "READ"}, **more}


def history(app, *messages, thread=PHONE, **more):
    """A piece of what the number's telephone app gives out."""
    told = {"id": thread, "messages": list(messages), **more}
    piece = {"metadata": {"phase": 1, "chunk_order": 1, "progress": 55}, "threads": [told]}
    return app.meta.whatsapp(app.business, field_name="history", history=[piece])


def ages(app):
    """Author, and age in days, of each message in the order in which it was written."""
    statement = (
        "select author, round(extract(epoch from %s - created_at) / 86400)::int from omniops.message"
        " where domain_id = %s order by created_at"
    )
    return app.rows(statement, app.clock.now(), app.domain.id)


async def test_without_a_yes_of_its_own_nothing_of_before_is_taken(app):
    await app.connect()
    assert app.meta.shared == []
    assert (await app.deliver(KIND, history(app, old(app, "1", "Is it open?", 40)))).headers["x-messages"] == "0"
    assert app.conversations() == []
    terms = app.runtime.connections.feature_terms("meta", KIND)
    assert [one.feature for one in terms] == ["history"]


async def test_history_is_stored_by_its_own_date_once_and_answered_by_nobody(app):
    connection_id = await app.connect(history=True)
    assert app.meta.shared == [app.business.phone]
    asked, answered = old(app, "1", "Is it open?", 40), old(app, "2", "Yes, it is.", 39, sender=OURS)
    placeholder = {**old(app, "3", "", 38), "type": "media_placeholder"}
    answer = await app.deliver(KIND, history(app, asked, answered, placeholder))
    assert answer.headers["x-messages"] == "2"
    await app.work()
    assert await app.texts() == [("visitor", "Is it open?"), ("person", "Yes, it is.")]
    assert ages(app) == [("visitor", 40), ("person", 39)]
    assert app.meta.sent == []
    assert (await app.deliver(KIND, history(app, asked, answered))).headers["x-messages"] == "0"
    live = {name: value for name, value in asked.items() if name != "history_context"}
    told = app.meta.whatsapp(app.business, contacts=[{"wa_id": PHONE}], messages=[live])
    assert (await app.deliver(KIND, told)).headers["x-messages"] == "0", "told by itself it is the same message"
    await app.wrote("And today?", person=None, phone_number=PHONE)
    assert len(app.conversations()) == 1, "who writes now goes on where they stopped"
    assert len(app.meta.sent) == 1
    for on in (False, True):
        await app.runtime.connections.switch(app.scope, connection_id, "messages", on=on, actor=MEMBER)
        await app.work()
    assert app.meta.shared == [app.business.phone], "it is asked for once"


async def test_files_of_the_last_weeks_come_later_and_a_refusal_is_passed_over(app):
    await app.connect(history=True)
    app.meta.media["80001"] = ("whatsapp:image/jpeg", b"\xff\xd8\xff\xe0jpeg", app.business.phone)
    picture = {**old(app, "9", "", 3), "type": "image", "image": {"id": "80001", "caption": "Like this"}}
    own = {**picture, "id": "wamid.10", "from": OURS}
    told = app.meta.whatsapp(app.business, field_name="history", messages=[picture, own])
    assert (await app.deliver(KIND, told)).headers["x-messages"] == "1"
    await app.work()
    assert await app.texts() == [("visitor", "Like this")]
    assert ages(app) == [("visitor", 3)]
    declined = app.meta.whatsapp(app.business, field_name="history", history=[{"errors": [{"code": 2593109}]}])
    assert (await app.deliver(KIND, declined)).headers["x-messages"] == "0"


async def test_where_history_tells_an_id_the_person_is_that_one(app):
    await app.connect(history=True)
    named = {"wa_id": PHONE, "user_id": "DE.5"}
    await app.deliver(KIND, history(app, old(app, "1", "Is it open?", 40), context=named))
    await app.work()
    await app.wrote("And today?", person="DE.5", phone_number="")
    assert [author for author, _ in await app.texts()][:2] == ["visitor", "visitor"]


async def test_a_number_without_a_telephone_app_has_no_history_and_works(app):
    app.meta.faults["POST smb_app_data"].append(app.meta.error(100, subcode=2593109))
    await app.connect(history=True)
    await app.wrote("Hello")
    assert len(app.meta.sent) == 1


async def test_one_minute_before_a_day_is_over_and_one_minute_after(app):
    await app.connect()
    await app.wrote("Hello")
    (conversation,) = app.conversations()
    inbox = app.runtime.inbox
    app.clock.forward(hours=23, minutes=59)
    await inbox.reply(app.scope, conversation, "Still in time.", actor=MEMBER)
    await app.work()
    assert app.meta.sent[-1][1]["text"]["body"] == "Still in time."
    app.clock.forward(minutes=2)
    before = len(app.meta.sent)
    with pytest.raises(OmniOpsError):
        await inbox.reply(app.scope, conversation, "Too late.", actor=MEMBER)
    body = {"type": "BODY", "text": "Order {{1}} was sent."}
    app.business.templates.append({"name": "shipped", "language": "en", "status": "APPROVED", "components": [body]})
    await inbox.send_template(app.scope, conversation, Choice("shipped", "en", ("A-1",)), actor=MEMBER)
    await app.work()
    ((_, sent, _),) = app.meta.sent[before:]
    assert (sent["type"], sent["template"]["name"]) == ("template", "shipped")
    assert (await app.texts())[-1] == ("person", "Order A-1 was sent.")
