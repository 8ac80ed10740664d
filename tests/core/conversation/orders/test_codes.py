"""Whose an order is, shown by a code that only its own mailbox gets."""

import asyncio
import logging
import re
from dataclasses import replace

import pytest
from customers import ANN, BOB, EVE, MEMBER, call, code_of, leaks, said, told
from desk import collect
from desk_plugins import letter
from sqlmodel.ext.asyncio.session import AsyncSession


async def test_a_code_that_was_mailed_shows_one_order_in_one_conversation(desk, stock):
    visitor = await desk.visitor()
    await desk.with_model("I am a model.")
    first = await said(desk, visitor, f"Where is my order #1001? I ordered as {ANN}.")
    assert first.startswith("If this order number and this e-mail address belong together")
    code = await code_of(desk)
    answer = await said(desk, visitor, f"The code is {code}")
    assert "Thank you, the code is right" in answer
    assert "2 × Teapot of Ann" in answer
    assert "JD8209829119461545001" in answer
    assert desk.model.provider.requests == []  # neither the address nor the code went to a model

    await desk.with_model([call("order_status", number="#1001"), call("order_status", number="1002")], "Sent [T1].")
    await said(desk, visitor, "And now?")
    results = [result.text for result in desk.model.provider.requests[-1].rounds[0].results]
    assert "Teapot of Ann" in results[0]
    assert results[1] == "There is no order of this number that this customer may see."

    await desk.with_model([call("order_status", number="1001")], "Please fill in the form.")
    events = await collect(await desk.ask(await desk.visitor(), "Where is order 1001?"))
    assert [data["card"]["kind"] for kind, data in events if kind == "card"] == ["form"]
    assert not leaks(told(desk))


async def test_what_the_form_sends_is_understood(desk, stock):
    visitor = await desk.visitor()
    answer = await said(desk, visitor, f"Order number: #1001\nE-mail address: {ANN}")
    assert answer.startswith("If this order number")
    assert await code_of(desk) is not None


async def test_the_model_can_ask_for_a_code_and_never_sees_it(desk, stock):
    visitor = await desk.visitor()
    await desk.with_model(
        lambda request: [call("start_order_check", number="1001", email=re.search(r"\S*EMAIL\S*", told(desk))[0])],
        "A code is on its way [T1].",
    )
    await said(desk, visitor, f"1001, {ANN}")
    assert ANN not in told(desk)
    code = await code_of(desk)
    assert code is not None
    answer = await said(desk, visitor, code)
    assert "Teapot of Ann" in answer
    await desk.with_model("Hello.")
    await said(desk, visitor, "Thanks")
    assert code not in told(desk)
    assert code.replace(" ", "") not in told(desk)


async def test_a_code_is_stored_nowhere_in_clear(desk, stock, caplog):
    caplog.set_level(logging.DEBUG)
    visitor = await desk.visitor()
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    code = await code_of(desk)
    for written in (f"It is {code}!", code.replace(" ", ""), "-".join(code.replace(" ", ""))):
        await said(desk, visitor, written)
    plain = code.replace(" ", "")
    texts = [message.text for message in await desk.messages(visitor.conversation_id)]
    assert not [text for text in texts if plain in re.sub(r"\D", "", text)]
    assert any("•" in text for text in texts)
    (row,) = desk.rows("select t::text from omniops.order_check t where conversation_id = %s", visitor.conversation_id)
    assert plain not in row[0]
    assert plain.encode().hex() not in row[0]
    assert plain not in caplog.text
    assert code not in caplog.text


async def test_who_asks_is_told_the_same_and_it_is_the_same_work_whether_or_not_there_is_such_an_order(desk, stock):
    """Three claims: one that fits, another's address, no such order. Only the job, later, and the mail tell."""
    traces = []
    for number, email in (("#1001", ANN), ("#1001", EVE), ("#7777", EVE)):
        visitor = await desk.visitor()
        desk.shop.asked.clear()
        answer = await said(desk, visitor, f"Where is my order {number}? {email}")
        assert desk.shop.asked == []
        await desk.work()
        wrong = await said(desk, visitor, "1234 5678")
        row = desk.rows(
            "select code is null, email is null, expires_at is null, tries, ended, verified_at is null, heard_seq"
            " from omniops.order_check where conversation_id = %s",
            visitor.conversation_id,
        )
        traces.append((answer, wrong, row, len(desk.shop.asked)))
    assert traces[0] == traces[1] == traces[2]
    await desk.work("mail")
    assert [mail.to for mail in desk.mailer.sent] == [ANN]
    # A copy of the visitor's data shows no trace of the mail either.
    owners = desk.rows("select subject_id from omniops.mail where kind = 'code' and domain_id = %s", desk.domain.id)
    assert owners == [(desk.domain.scope.account_id,)]


async def test_a_code_is_good_once_for_ten_minutes_and_five_tries(desk, stock):
    visitor = await desk.visitor()

    async def asked_for():
        await said(desk, visitor, f"Where is my order #1001? {ANN}")
        return await code_of(desk)

    late = await asked_for()
    desk.clock.forward(minutes=10, seconds=1)
    assert "not right" in await said(desk, visitor, late)

    guessed = await asked_for()
    for _ in range(5):
        assert "not right" in await said(desk, visitor, "0000 0000" if guessed != "0000 0000" else "1111 1111")
    assert "not right" in await said(desk, visitor, guessed)

    older, newer = await asked_for(), await asked_for()
    assert older == newer or "not right" in await said(desk, visitor, older)
    assert "Teapot of Ann" in await said(desk, visitor, newer)
    await said(desk, visitor, "Thanks")
    desk.clock.forward(minutes=61)
    await desk.with_model([call("order_status", number="1001")], "Hm.")
    await said(desk, visitor, "Where is it now?")
    assert not leaks(desk.model.provider.requests[-1].rounds[0].results[0].text)


async def test_a_code_is_good_in_its_own_conversation_and_session_only(desk, stock):
    visitor, thief = await desk.visitor(), await desk.visitor()
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    await said(desk, thief, f"Where is my order #1002? {EVE}")
    code = await code_of(desk)
    assert "not right" in await said(desk, thief, code)
    # A session that was made to write in the conversation is not the one that asked.
    _, stranger = await desk.runtime.visitors.open(desk.domain, "en")
    desk.rows(
        "update omniops.visitor_session set conversation_id = %s where id = %s",
        visitor.conversation_id,
        stranger.session_id,
    )
    desk.rows(
        "update omniops.visitor_session set subject_id = %s where id = %s", visitor.subject_id, stranger.session_id
    )

    stranger = replace(stranger, conversation_id=visitor.conversation_id, subject_id=visitor.subject_id)
    assert "not right" in await said(desk, stranger, code)
    assert "not right" in await said(desk, visitor, code)  # it is ended: better none than the wrong one


async def test_asking_is_throttled_by_visitor_order_and_address(desk, stock):
    visitor = await desk.visitor()
    answers = [await said(desk, visitor, f"Where is my order #{9000 + n}? {n}@mail.example") for n in range(6)]
    assert [answer.startswith("If") for answer in answers] == [True] * 5 + [False]
    assert answers[-1].startswith("That was tried too often")
    for text in ("Where is my order #1002? {n}@mail.example", f"Where is my order #{{n}}? {BOB}"):
        answers = [await said(desk, await desk.visitor(), text.format(n=500 + n)) for n in range(6)]
        assert [answer.startswith("If") for answer in answers] == [True] * 5 + [False]
    await desk.work()
    await desk.work("mail")
    assert desk.mailer.sent == []


async def test_in_other_channels_the_code_is_a_message_and_only_its_writer_can_use_it(desk, stock):
    connection = await desk.connection()
    await desk.take(connection, letter(f"Where is my order #1001? {ANN}", thread="t-1"))
    code = await code_of(desk)
    await desk.take(connection, letter(code, thread="t-1", sender="mallory@post.example"))
    await desk.work()
    assert not leaks("\n".join(message.text for message in desk.channel.sent))
    await desk.take(connection, letter(f"Where is my order #1001? {ANN}", thread="t-2"))
    desk.mailer.sent.clear()
    await desk.work("mail")
    await desk.work()
    code = await code_of(desk)
    await desk.take(connection, letter(code, thread="t-2"))
    await desk.work()
    assert "Teapot of Ann" in desk.channel.sent[-1].text
    assert code not in "\n".join(message.text for message in desk.channel.sent)


async def test_where_a_person_answers_the_code_still_shows_the_order_and_the_person_sees_no_code(desk, stock):
    visitor = await desk.visitor()
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    code = await code_of(desk)
    await desk.runtime.inbox.take_over(desk.domain.scope, visitor.conversation_id, actor=MEMBER)
    await collect(await desk.ask(visitor, code))
    await desk.work()
    messages = await desk.messages(visitor.conversation_id)
    assert messages[-2].text == "•" * 9
    assert (messages[-1].author, messages[-1].event) == ("system", "order")
    assert "Teapot of Ann" in messages[-1].text


async def test_what_came_of_a_code_is_told_once_though_the_worker_dies_at_any_moment(desk, stock, monkeypatch):
    visitor = await desk.visitor()
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    code = await code_of(desk)
    scope = desk.domain.scope
    await desk.runtime.inbox.take_over(scope, visitor.conversation_id, actor=MEMBER)
    await collect(await desk.ask(visitor, code))
    seq = (await desk.messages(visitor.conversation_id))[-1].seq
    orders, commit = desk.runtime.conversations._orders, AsyncSession.commit

    class Killed(BaseException):
        """The process is gone."""

    async def before(session):
        raise Killed

    async def after(session):
        await commit(session)
        raise Killed

    for moment in (before, after):
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(AsyncSession, "commit", moment)
            await orders.heard(scope, str(visitor.conversation_id), seq)
    again = (orders.heard(scope, str(visitor.conversation_id), seq) for _ in range(3))
    await asyncio.gather(*again)
    await desk.work()
    told_of = [m for m in await desk.messages(visitor.conversation_id) if m.event == "order"]
    assert len(told_of) == 1
    assert "Teapot of Ann" in told_of[0].text


async def test_a_shop_that_is_away_is_asked_again_and_the_code_still_comes(desk, stock):
    visitor = await desk.visitor()
    desk.shop.failing = (503, b"<html>later")
    await said(desk, visitor, f"Where is my order #1001? {ANN}")
    await desk.work()
    desk.shop.failing = None
    desk.make_due("conversation:order_code")
    assert "Teapot of Ann" in await said(desk, visitor, await code_of(desk))
