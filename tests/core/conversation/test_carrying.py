"""What channels carry and what not: long answers in parts, times in which people may be written to, files, buttons."""

import asyncio
from datetime import timedelta

import pytest
from desk_plugins import Lost
from omniops.contracts.cards import Button, ButtonsCard, ProductCard, to_json
from omniops.contracts.channel import Incoming, MediaLink, Receipt, Removed, Template, Window
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.conversation.offering import offered
from omniops.conversation.splitting import cut
from omniops.errors import NotFound, NotReady, Permanent, Refused, Rejected
from omniops.inbox.carrying import Choice
from omniops.operations.firsts import OPERATOR

MEMBER = Actor("member", "m")
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 5000
DAY = Window(timedelta(hours=24), human=timedelta(days=7), templates=True)
LONG = "\n\n".join(f"Paragraph {n}. " + "It takes four working days to the mainland. " * 5 for n in range(6))


@pytest.fixture
async def post(desk):
    return await desk.connection()


def told(delivery_id="d-1", text="How long?", **more):
    return Incoming(delivery_id, "thread-1", "tom@post.example", text, **more)


def conversation_of(desk):
    (found,) = desk.rows("select id, state from omniops.conversation where domain_id = %s", desk.domain.id)
    return found


async def said(desk):
    return await desk.messages(conversation_of(desk)[0])


def squeezed(*texts):
    return "".join("".join(texts).split())


# Splitting


@pytest.mark.parametrize("most", [40, 100, 333, 1000])
@pytest.mark.parametrize("text", [LONG, "word " * 400, "x" * 1500, "日本語の文です。" * 90, "e\u0301" * 700])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (30, 20), (30, 500)])
def test_parts_fit_and_nothing_is_lost_or_doubled(most, text, before, after):
    after = min(after, most // 2)
    spans = cut(text, most, before=before, after=after)
    assert squeezed(*(text[start:stop] for start, stop in spans)) == squeezed(text)
    lengths = [stop - start for start, stop in spans]
    assert max(lengths) <= most
    assert lengths[0] + before <= most
    assert lengths[-1] + after + (before if len(spans) == 1 else 0) <= most
    assert all(not text[start:stop].startswith("\u0301") for start, stop in spans), "an accent alone"


def test_a_text_is_cut_where_its_reader_pauses():
    text = "One thing. Another thing.\n\nA new paragraph is here. It goes on and on."
    assert [text[a:b] for a, b in cut(text, 40)] == [
        "One thing. Another thing.",
        "A new paragraph is here.",
        "It goes on and on.",
    ]


def test_a_disclosure_that_leaves_no_room_is_an_error():
    with pytest.raises(Refused):
        cut("Hello", 40, before=40)


async def test_a_long_answer_leaves_in_order_disclosed_first_and_once(desk, post):
    desk.channel.begin(max_length=600)
    desk.provider.begin(Level("answer"), Text(LONG), Done("end"))
    await desk.hear(post, told())
    await desk.work()
    sent = desk.channel.sent
    assert len(sent) > 2
    assert squeezed(*(message.text for message in sent)) == squeezed(LONG)
    assert [message.disclosure is not None for message in sent] == [True] + [False] * (len(sent) - 1)
    assert all(len(message.text) + len(message.disclosure or "") <= 600 for message in sent)
    assert len({message.idempotency_key for message in sent}) == len(sent)
    assert [(m.author, m.delivery) for m in await said(desk)] == [("visitor", None), ("ai", "sent")], "one message"


@pytest.mark.parametrize("trouble", [NotReady("away", retry_after=0), Lost(RuntimeError("broken pipe"))])
async def test_what_was_taken_is_not_sent_again_when_a_later_part_fails(desk, post, trouble):
    desk.channel.begin(max_length=600)
    desk.provider.begin(Level("answer"), Text(LONG), Done("end"))
    desk.channel.troubles.extend([None, trouble])
    await desk.hear(post, told())
    await desk.work()
    taken = len(desk.channel.sent)
    assert [m.delivery for m in await said(desk)][1:] == ["waiting"]
    desk.make_due()
    await desk.work()
    keys = [message.idempotency_key for message in desk.channel.sent]
    assert keys.count(keys[0]) == 1, "the first part was acknowledged"
    by_key = {message.idempotency_key: message.text for message in desk.channel.sent}
    assert squeezed(*by_key.values()) == squeezed(LONG)
    assert len(keys) - len(by_key) == taken - 1, "only what was not acknowledged came again"


async def test_of_a_long_answer_that_is_refused_nothing_more_is_sent(desk, post):
    desk.channel.begin(max_length=600)
    desk.provider.begin(Level("answer"), Text(LONG), Done("end"))
    desk.channel.troubles.extend([None, Permanent("blocked")])
    await desk.hear(post, told())
    await desk.work()
    assert len(desk.channel.sent) == 1
    assert [(m.delivery, m.problem) for m in await said(desk)][1:] == [("failed", "permanent")]


async def test_a_message_in_parts_is_read_when_all_of_it_is_and_failed_with_any(desk, post):
    desk.channel.begin(max_length=600)
    desk.provider.begin(Level("answer"), Text(LONG), Done("end"))
    await desk.hear(post, told())
    await desk.work()
    count = len(desk.channel.sent)
    for n in range(1, count + 1):
        assert [m.delivery for m in await said(desk)][1:] == ["sent"]
        await desk.hear(post, Receipt(f"post-{n}", "read"))
        await desk.hear(post, Receipt(f"post-{n}", "delivered"))
    assert [m.delivery for m in await said(desk)][1:] == ["read"]
    await desk.hear(post, Receipt("post-2", "failed", problem="131047"))
    assert [(m.delivery, m.problem) for m in await said(desk)][1:] == [("failed", "131047")]


# Windows


@pytest.mark.parametrize(("minutes", "leaves"), [(1439, True), (1441, False)])
async def test_an_answer_of_the_ai_leaves_only_in_time(desk, post, minutes, leaves):
    desk.channel.begin(window=DAY)
    await desk.hear(post, told(sent_at=desk.clock.now() - timedelta(minutes=minutes)))
    await desk.work()
    assert bool(desk.channel.sent) is leaves
    number, state = conversation_of(desk)
    assert state == ("ai" if leaves else "waiting")
    detail = await desk.runtime.inbox.detail(desk.domain.scope, number, actor=MEMBER)
    assert ("window_over" in [event.reason for event in detail.events]) is not leaves
    assert [m.problem for m in await said(desk)][1:] == [None if leaves else "window_over"]


@pytest.mark.parametrize(
    ("hours", "late", "leaves"),
    [(23.98, False, True), (24.02, True, True), (167.98, True, True), (168.02, None, False)],
)
async def test_a_person_may_write_longer_and_is_marked_as_late(desk, post, hours, late, leaves):
    desk.channel.begin(window=DAY)
    await desk.hear(post, told(past=True, sent_at=desk.clock.now() - timedelta(hours=hours - 1)))
    number, _ = conversation_of(desk)
    await desk.runtime.inbox.reply(desk.domain.scope, number, "Mara here.", actor=MEMBER)
    desk.clock.forward(hours=1)  # what counts is when it leaves
    await desk.work()
    assert [message.late for message in desk.channel.sent] == ([late] if leaves else [])
    assert [m.problem for m in await said(desk)][1:] == [None if leaves else "window_over"]


async def test_a_new_message_opens_the_time_again_and_an_older_one_does_not_shorten_it(desk, post):
    desk.channel.begin(window=DAY)
    await desk.hear(post, told(past=True, sent_at=desk.clock.now() - timedelta(days=30)))
    await desk.hear(post, told("d-2"))
    await desk.hear(post, told("d-0", past=True, sent_at=desk.clock.now() - timedelta(days=40)))
    await desk.work()
    assert [message.late for message in desk.channel.sent] == [False]


# Files that come in


async def test_a_file_with_words_is_fetched_and_the_words_are_answered(desk, post):
    desk.channel.files["f-1"] = PNG
    await desk.hear(post, told(media=[MediaLink("f-1", "application/x-msdownload", "box.exe", 5008)]))
    await desk.work()
    asked, answer = await said(desk)
    assert answer.author == "ai"
    assert asked.text == "How long?"
    words, part = asked.parts
    assert words == {"type": "text", "text": "How long?"}
    assert (part["type"], part["name"], part["media_type"], part["size"]) == (
        "file",
        "box.exe.png",
        "image/png",
        len(PNG),
    )
    number, _ = conversation_of(desk)
    files = desk.runtime.visiting.attachments
    (found,) = await files.all(desk.domain.scope, number, actor=MEMBER)
    blob = await files.read(desk.domain.scope, found.id, actor=MEMBER)
    assert await blob.whole() == PNG
    assert desk.rows("select count(*) from omniops.incoming_file where domain_id = %s", desk.domain.id) == [(0,)]


async def test_a_file_without_words_is_a_message_and_waits_for_a_person(desk, post):
    desk.channel.files["f-1"] = PNG
    await desk.hear(post, told(text="", media=[MediaLink("f-1", "image/png", "crack.png")]))
    await desk.work()
    assert conversation_of(desk)[1] == "waiting"
    assert desk.provider.requests == []
    assert [(m.author, m.event) for m in await said(desk)] == [("visitor", "attachment"), ("system", "handed_off")]
    assert [part["type"] for part in (await said(desk))[0].parts] == ["file"]


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (b"MZ\x90\x00\x03" * 100, "file_type"),
        (b"", "empty"),
        (PNG + b"x" * 11 * 2**20, "too_large"),
        (NotFound("gone"), "gone"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_told_of_in_its_message(desk, post, found, problem):
    changes = {"settings": {"attachment_bytes": 2**20}}
    desk.domain = await desk.runtime.accounts.configure(desk.domain.scope, changes, actor=OPERATOR)
    desk.channel.files["f-1"] = found
    await desk.hear(post, told(media=[MediaLink("f-1", "image/png", "crack.png")]))
    await desk.work()
    part = (await said(desk))[0].parts[-1]
    assert (part["type"], part["state"], part["problem"]) == ("incoming", "failed", problem)
    assert desk.channel.closed == ["f-1"], "the generator is closed"
    assert desk.rows("select count(*) from omniops.attachment where domain_id = %s", desk.domain.id) == [(0,)]


async def test_a_file_that_is_away_is_asked_for_again(desk, post):
    desk.channel.files["f-1"] = NotReady("away")
    await desk.hear(post, told(media=[MediaLink("f-1", name="crack.png")]))
    await desk.work()
    assert (await said(desk))[0].parts[-1]["state"] == "waiting"
    desk.channel.files["f-1"] = PNG
    assert desk.make_due("conversation:fetch")
    await desk.work()
    assert (await said(desk))[0].parts[-1]["type"] == "file"


async def test_files_of_a_message_that_was_taken_back_are_neither_kept_nor_fetched(desk, post):
    desk.channel.files |= {"f-1": PNG, "f-2": NotReady("away")}
    await desk.hear(post, told(media=[MediaLink("f-1", name="a.png"), MediaLink("f-2", name="b.png")]))
    await desk.work()
    await desk.hear(post, Removed("d-9", "d-1"))
    for table in ("attachment", "incoming_file"):
        assert desk.rows(f"select count(*) from omniops.{table} where domain_id = %s", desk.domain.id) == [(0,)], table
    fetched = list(desk.channel.closed)
    desk.make_due("conversation:fetch")
    await desk.work()
    assert desk.channel.closed == fetched


# What members send


async def bytes_of(content):
    yield content


@pytest.fixture
async def number(desk, post):
    """A conversation in which a letter was answered."""
    await desk.hear(post, told())
    await desk.work()
    return conversation_of(desk)[0]


async def uploaded(desk, number, name="label.png"):
    add = desk.runtime.visiting.attachments.add
    return (await add(desk.domain.scope, number, desk.domain, name, bytes_of(PNG))).id


async def test_a_member_sends_a_file_where_the_channel_carries_it(desk, number):
    desk.channel.begin(media=("image/*",), media_bytes=10_000)
    file = await uploaded(desk, number)
    reply = desk.runtime.inbox.reply
    for text in ("Your label.", ""):
        await reply(desk.domain.scope, number, text, files=[file], actor=MEMBER)
    await desk.work()
    assert [(m.text, [(f.name, f.media_type, f.content) for f in m.media]) for m in desk.channel.sent] == [
        (text, [("label.png", "image/png", PNG)]) for text in ("Your label.", "")
    ]


@pytest.mark.parametrize("carried", [{}, {"media": ("application/pdf",)}, {"media": ("image/png",), "media_bytes": 99}])
async def test_a_file_that_the_channel_does_not_carry_is_refused_before_anything_is_done(desk, number, carried):
    desk.channel.begin(**carried)
    file = await uploaded(desk, number)
    with pytest.raises(Rejected) as refused:
        await desk.runtime.inbox.reply(desk.domain.scope, number, "Your label.", files=[file], actor=MEMBER)
    assert refused.value.code == "file_not_carried"
    assert conversation_of(desk)[1] == "ai"
    assert [m.author for m in await said(desk)] == ["visitor", "ai"]


async def test_a_file_of_another_conversation_is_not_found(desk, post, number):
    desk.channel.begin(media=("image/*",))
    file = await uploaded(desk, number)
    await desk.hear(post, Incoming("d-7", "thread-7", "eve@post.example", "Hello?"))
    ((other,),) = desk.rows(
        "select id from omniops.conversation where domain_id = %s and id <> %s", desk.domain.id, number
    )
    with pytest.raises(NotFound):
        await desk.runtime.inbox.reply(desk.domain.scope, other, "Hm", files=[file], actor=MEMBER)


async def test_when_the_time_is_over_a_person_is_told_and_sends_an_approved_text(desk, number):
    desk.channel.begin(window=DAY)
    desk.channel.approved = [Template("hello", "en", "Hello {1}, order {2} is there. {9}", 2)]
    inbox, scope = desk.runtime.inbox, desk.domain.scope
    assert (await inbox.detail(scope, number, actor=MEMBER)).window.state == "open"
    desk.clock.forward(hours=25)
    assert (await inbox.detail(scope, number, actor=MEMBER)).window.state == "late"
    desk.clock.forward(days=7)
    assert (await inbox.detail(scope, number, actor=MEMBER)).window.state == "template"
    with pytest.raises(Rejected) as refused:
        await inbox.reply(scope, number, "Mara here.", actor=MEMBER)
    assert refused.value.code == "window_over"
    with pytest.raises(Rejected):
        await inbox.send_template(scope, number, Choice("hello", "en", ["Tom"]), actor=MEMBER)
    with pytest.raises(NotFound):
        await inbox.send_template(scope, number, Choice("hello", "de", ["Tom", "7"]), actor=MEMBER)
    assert len(await said(desk)) == 2, "nothing half done"
    await inbox.send_template(scope, number, Choice("hello", "en", ["Tom {2}", "#7"]), actor=MEMBER)
    await desk.work()
    (sent,) = desk.channel.sent
    assert sent.text == "Hello Tom {2}, order #7 is there. {9}"
    assert (sent.template.template.name, list(sent.template.values), sent.late) == ("hello", ["Tom {2}", "#7"], False)


# Dead letters


async def test_what_was_not_delivered_is_listed_and_sent_again_by_a_member_on_record(desk, post):
    desk.channel.begin(Permanent("blocked"))
    await desk.hear(post, told())
    await desk.work()
    undelivered, scope = desk.runtime.inbox.undelivered, desk.domain.scope
    (found,) = await undelivered.all(scope)
    assert (found.author, found.channel, found.problem) == ("ai", "post", "permanent")
    with pytest.raises(NotFound):
        await undelivered.resend((await desk.new_domain()).scope, found.id, actor=MEMBER)
    await undelivered.resend(scope, found.id, actor=MEMBER)
    await desk.work()
    assert [message.text for message in desk.channel.sent] == ["Four working days."]
    assert await undelivered.all(scope) == []
    with pytest.raises(Rejected):
        await undelivered.resend(scope, found.id, actor=MEMBER)
    on_record = desk.rows(
        "select actor from omniops.audit_entry where account_id = %s and action = 'message.resend'", scope.account_id
    )
    assert on_record == [(str(MEMBER),)]


async def test_what_failed_later_is_sent_again_under_a_new_key(desk, post):
    await desk.hear(post, told())
    await desk.work()
    await desk.hear(post, Receipt("post-1", "delivered"))
    await desk.hear(post, Receipt("post-1", "failed", problem="131047"))
    (found,) = await desk.runtime.inbox.undelivered.all(desk.domain.scope)
    assert found.problem == "131047"
    await desk.runtime.inbox.undelivered.resend(desk.domain.scope, found.id, actor=MEMBER)
    await desk.work()
    first, second = desk.channel.sent
    assert first.idempotency_key != second.idempotency_key
    assert [m.delivery for m in await said(desk)][1:] == ["sent"]


async def test_an_answer_withdrawn_because_a_person_took_over_is_no_dead_letter(desk, post):
    desk.channel.begin(NotReady("away"))
    await desk.hear(post, told())
    await desk.work()
    await desk.runtime.inbox.take_over(desk.domain.scope, conversation_of(desk)[0], actor=MEMBER)
    answer = next(m for m in await said(desk) if m.author == "ai")
    assert answer.problem == "taken_over"
    assert await desk.runtime.inbox.undelivered.all(desk.domain.scope) == []
    with pytest.raises(Rejected) as refused:
        await desk.runtime.inbox.undelivered.resend(desk.domain.scope, answer.id, actor=MEMBER)
    assert refused.value.code == "taken_over"
    desk.make_due()  # what waits behind the withdrawn one
    await desk.work()
    assert [message.ai for message in desk.channel.sent] == [False]


# Buttons

CHOICE = ButtonsCard("What is it about?", (Button("Returns", say="I want to return something"), Button("Shipping")))


def part(card):
    return {"type": "card", "card": to_json(card), "n": None}


def test_cards_become_buttons_where_there_are_some_and_words_where_not():
    product = ProductCard("Kettle", "https://shop.example/k", "39.00", "EUR")
    buttons, text = offered(4, [part(product), part(CHOICE)], 1)
    assert [(button.id, button.label) for button in buttons] == [("4.0", "Returns")]
    assert text.splitlines() == ["Kettle – 39.00 EUR – https://shop.example/k", "What is it about?", "– Shipping"]
    assert offered(4, [part(CHOICE)], 0) == ([], "What is it about?\n– Returns\n– Shipping")


@pytest.mark.parametrize("pressed", ["2.0", "9.9", "x", "2.7", "²."])
async def test_a_pressed_button_says_its_words_and_an_unknown_one_its_label(desk, post, pressed):
    await desk.hear(post, told())
    await desk.work()
    number, _ = conversation_of(desk)
    await desk.runtime.inbox.take_over(desk.domain.scope, number, actor=MEMBER)
    await with_parts(desk, number, 2, [part(CHOICE)])
    await desk.hear(post, told("d-2", "Returns", button=pressed))
    assert (await said(desk))[-1].text == ("I want to return something" if pressed == "2.0" else "Returns")


async def with_parts(desk, conversation_id, seq, parts):
    """Puts cards into a stored answer."""
    from omniops.contracts.sealed import seal
    from omniops.conversation.models import Message
    from sqlmodel import select

    async with desk.runtime.database.session(desk.domain.scope) as session:
        found = select(Message).where(Message.conversation_id == conversation_id, Message.seq == seq)
        message = (await session.exec(found)).one()
        message.parts = seal([parts, []])
        session.add(message)
        await session.commit()


async def test_the_same_message_with_a_file_many_times_at_once_is_taken_once(desk, post):
    desk.channel.files["f-1"] = PNG
    await asyncio.gather(*(desk.hear(post, told(media=[MediaLink("f-1", name="a.png")])) for _ in range(4)))
    await desk.work()
    assert desk.channel.closed == ["f-1"]
