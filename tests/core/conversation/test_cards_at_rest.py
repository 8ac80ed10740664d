"""Payment cards in what visitors write are masked before they are stored, whichever way they come in."""

from desk import collect
from desk_plugins import letter
from omniops.contracts.scope import Actor
from omniops.conversation import messages
from omniops.conversation.attachments import named
from omniops.conversation.models import Feedback
from sqlmodel import select

CARD = "4082 8985 7923 5482"
MASKED = "•••• •••• •••• 5482"
QUESTION = f"I paid with {CARD}, cvc 731. Where is my order?"
STORED = f"I paid with {MASKED}, cvc •••. Where is my order?"


def stored(desk):
    """Every row of every table as text, as an administrator reads it."""
    tables = desk.rows(
        "select format('%%I.%%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    return "\n".join(row for (table,) in tables for (row,) in desk.rows(f"select t::text from {table} t"))


async def test_a_card_written_in_the_chat_is_neither_stored_nor_sent(desk):
    visitor = await desk.visitor()
    events = await collect(await desk.ask(visitor, QUESTION))
    assert next(data["text"] for kind, data in events if kind == "message") == STORED
    assert next(m.text for m in await desk.messages(visitor.conversation_id)) == STORED
    (_, request) = desk.provider.requests[0]
    assert CARD not in repr(request)
    raw = stored(desk)
    assert str(visitor.conversation_id) in raw
    assert not any(card in raw for card in (CARD, CARD.replace(" ", "")))


async def test_a_card_that_another_channel_brings_is_masked_too(desk):
    connection = await desk.connection()
    assert await desk.take(connection, letter(QUESTION)) == 1
    await desk.work()
    ((conversation,),) = desk.rows("select id from omniops.conversation where domain_id = %s", desk.domain.id)
    assert next(m.text for m in await desk.messages(conversation)) == STORED
    assert CARD not in stored(desk)


async def test_what_the_comment_on_an_answer_says_of_a_card_is_masked(desk):
    visitor = await desk.visitor()
    await collect(await desk.ask(visitor))
    answer = (await desk.messages(visitor.conversation_id))[1]
    await desk.runtime.conversations.feedback(visitor, answer.id, helpful=False, comment=QUESTION)
    async with desk.runtime.database.session(desk.domain.scope) as session:
        row = (await session.exec(select(Feedback).where(Feedback.message_id == answer.id))).one()
    opened = await desk.runtime.vault.open([row], purpose="support.provide", actor=Actor("member", "test"))
    assert opened(row.comment) == STORED


async def test_the_test_sees_a_card_that_was_not_masked(desk, monkeypatch):
    monkeypatch.setattr("omniops.conversation.service.mask_cards", lambda text: text)
    monkeypatch.setattr(messages, "mask_cards", lambda text: text)
    visitor = await desk.visitor()
    await collect(await desk.ask(visitor, QUESTION))
    assert next(m.text for m in await desk.messages(visitor.conversation_id)) == QUESTION


def test_the_name_of_a_file_keeps_no_card():
    assert named(f"card {CARD}.png", "image/png") == f"card {MASKED}.png"
