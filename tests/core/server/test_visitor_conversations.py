"""A visitor's own conversations over HTTP: begun, closed, read in pages, reviewed by a person, kept as a transcript."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from desk_plugins import ANSWER, HOLD
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor

ME = "/v1/visitor/conversation"
ALL = "/v1/visitor/conversations"


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def answer_of(page):
    """The newest answer of the AI."""
    messages = (await page.get(ME)).json()["messages"]
    return next(message for message in reversed(messages) if message["author"] == "ai")


async def test_a_new_conversation_is_begun_and_the_old_one_stays_readable(front, asked):
    page = await front.page()
    first = (await page.get(ME)).json()["id"]
    same = await page.post(ALL, json={})
    assert same.json()["id"] == first, "an empty one is not left behind"
    await asked(page, "The first?")
    second = (await page.post(ALL, json={"language": "de"})).json()
    assert second["id"] != first
    assert second["current"] is True
    await asked(page, "The second?")
    listed = (await page.get(ALL)).json()
    assert [(c["id"], c["current"], c["messages"]) for c in listed["data"]] == [
        (second["id"], True, 2),
        (first, False, 2),
    ]
    assert (await page.get(f"{ALL}/{first}")).json()["messages"][0]["text"] == "The first?"
    assert (await page.get(ME)).json()["messages"][0]["text"] == "The second?"
    one = (await page.get(ALL, params={"limit": 1})).json()
    rest = (await page.get(ALL, params={"limit": 1, "after": one["next"]})).json()
    assert [c["id"] for c in one["data"] + rest["data"]] == [second["id"], first]


async def test_a_closed_conversation_takes_no_message(desk, front, asked):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    page = await front.page()
    conversation = (await page.get(ME)).json()["id"]
    async with page.stream("POST", "/v1/visitor/messages", json={"text": "How long?"}) as stream:
        await desk.provider.reached.wait()
        for _ in range(2):
            closed = await page.post(f"{ALL}/{conversation}/close")
            assert closed.json()["state"] == "closed"
        text = "".join([line async for line in stream.aiter_text()])
        assert 'event: none\ndata: {"state": "closed"}' in text
    assert desk.provider.open == 0, "the answer was stopped"
    for path, body in (
        ("/v1/visitor/messages", {"text": "And?"}),
        ("/v1/visitor/person", {}),
        ("/v1/visitor/ai", None),
    ):
        assert code(await page.post(path, json=body)) == (409, "conversation_closed"), path
    events = [message["event"] for message in (await page.get(ME)).json()["messages"]]
    assert events.count("closed") == 1
    desk.provider.begin()
    await page.post(ALL, json={})
    assert (await asked(page))[-1][0] == "done"


async def test_what_is_anothers_is_not_there(front, asked):
    page, other = await front.page(), await front.page()
    await asked(page)
    conversation, message = (await page.get(ME)).json()["id"], (await answer_of(page))["id"]
    sent = await page.post("/v1/visitor/attachments", params={"name": "a.txt"}, content=b"words")
    tries = [
        ("GET", f"{ALL}/{conversation}", None),
        ("POST", f"{ALL}/{conversation}/close", None),
        ("GET", f"{ALL}/{conversation}/transcript", None),
        ("POST", f"{ALL}/{conversation}/transcript", {"email": "eve@example.com"}),
        ("POST", f"/v1/visitor/messages/{message}/review", {}),
        ("GET", f"/v1/visitor/attachments/{sent.json()['id']}", None),
    ]
    for method, path, body in tries:
        assert code(await other.request(method, path, json=body)) == (404, "not_found"), path
    assert conversation not in (await other.get(ALL)).text


async def test_ten_thousand_messages_are_read_a_page_at_a_time(desk, front):
    page = await front.page()
    visitor = await desk.runtime.visitors.recognise(page.headers["Authorization"].split()[1])
    from omniops.contracts.sealed import seal
    from omniops.conversation.models import Conversation, Message

    async with desk.runtime.database.session(visitor.scope) as session:
        rows = [
            {
                "domain_id": visitor.scope.domain_id,
                "id": uuid4(),
                "subject_id": visitor.subject_id,
                "conversation_id": visitor.conversation_id,
                "seq": number,
                "author": "visitor",
                "language": "en",
                "interrupted": False,
                "text": seal(f"Message {number}"),
                "created_at": desk.clock.now(),
            }
            for number in range(1, 10_001)
        ]
        await desk.runtime.vault.seal_rows(session, Message, rows)
        await (await session.connection()).execute(Message.__table__.insert(), rows)
        conversation = await session.get(Conversation, (visitor.scope.domain_id, visitor.conversation_id))
        conversation.last_seq = 10_000
        session.add(conversation)
        await session.commit()
    shown = (await page.get(ME)).json()["messages"]
    assert [shown[0]["seq"], shown[-1]["seq"], len(shown)] == [9801, 10_000, 200]
    path, before, numbers = f"{ALL}/{visitor.conversation_id}", None, []
    for _ in range(3):
        part = (await page.get(path, params={"limit": 100} | ({"before": before} if before else {}))).json()
        numbers = [message["seq"] for message in part["messages"]] + numbers
        before = part["next"]
    assert numbers == list(range(9701, 10_001))
    first = (await page.get(path, params={"before": 3})).json()
    assert [message["text"] for message in first["messages"]] == ["Message 1", "Message 2"]
    assert first["next"] is None
    assert code(await page.get(path, params={"limit": 10_000})) == (422, "invalid")
    whole = (await page.get(f"{path}/transcript")).text
    assert whole.count("Message ") == 10_000


async def test_feedback_carries_a_reason_and_words_that_are_sealed(desk, front, asked):
    page = await front.page()
    await asked(page)
    message = (await answer_of(page))["id"]
    body = {"message": message, "helpful": False, "reason": "outdated", "comment": "unmistakable words"}
    assert (await page.post("/v1/visitor/feedback", json=body)).status_code == 204
    ((helpful, reason, comment),) = desk.rows(
        "select helpful, reason, comment from omniops.feedback where message_id = %s", message
    )
    assert (helpful, reason) == (False, "outdated")
    assert b"unmistakable" not in bytes(comment)
    for wrong in ({"reason": "because"}, {"comment": "x" * 501}):
        assert code(await page.post("/v1/visitor/feedback", json=body | wrong)) == (422, "invalid")
    await page.post("/v1/visitor/feedback", json={"message": message, "helpful": True})
    assert desk.rows("select helpful, reason, comment from omniops.feedback where message_id = %s", message) == [
        (True, None, None)
    ]


async def test_a_person_reviews_an_answer_and_its_visitor_reads_the_outcome(desk, front, asked):
    await front.configure(review_days=7)
    page, office = await front.page(), await front.office(role="agent")
    await asked(page)
    message = (await answer_of(page))["id"]
    path = f"/v1/visitor/messages/{message}/review"
    asking = await page.post(path, json={"note": "It took nine days."})
    assert asking.status_code == 201
    assert datetime.fromisoformat(asking.json()["due_at"]) == desk.clock.now() + timedelta(days=7)
    assert (await page.post(path, json={})).json()["id"] == asking.json()["id"], "one task, however often asked"
    (task,) = (await office.get("reviews")).json()["data"]
    assert (task["note"], task["message_id"], task["state"]) == ("It took nine days.", message, "open")
    resolve = f"reviews/{task['id']}/resolve"
    assert code(await office.post(resolve, json={"outcome": "corrected"})) == (422, "empty")
    done = await office.post(resolve, json={"outcome": "corrected", "text": "It takes up to ten."})
    assert (done.json()["state"], done.json()["outcome"]) == ("resolved", "corrected")
    assert code(await office.post(resolve, json={"outcome": "confirmed"})) == (409, "review_resolved")
    assert (await office.get("reviews")).json()["data"] == []
    assert len((await office.get("reviews", params={"state": "resolved"})).json()["data"]) == 1
    told = (await page.get(ME)).json()["messages"]
    assert [(m["author"], m["event"]) for m in told[2:]] == [("system", "review_asked"), ("system", "review_done")]
    assert "It takes up to ten." in told[3]["text"]
    own = (await page.get(ME)).json()["messages"][0]["id"]
    assert code(await page.post(f"/v1/visitor/messages/{own}/review", json={})) == (404, "not_found")
    viewer = await front.office(role="viewer")
    assert (await viewer.get("reviews")).status_code == 403


async def test_after_the_opt_out_nothing_of_the_ai_answers(desk, front, asked):
    page, office = await front.page(), await front.office(role="agent")
    await asked(page)
    assert (await page.post("/v1/visitor/ai-opt-out")).json() == {"ai_opt_out": True}
    me = (await page.get(ME)).json()
    assert (me["state"], me["ai_opt_out"]) == ("waiting", True)
    assert me["messages"][0]["text"] == "How long does it take?", "one's own words stay readable"
    requests = len(desk.provider.requests)
    assert (await asked(page))[-1] == ("none", {"state": "waiting"})
    assert code(await page.post("/v1/visitor/ai")) == (409, "ai_opted_out")
    await page.post(ALL, json={})
    assert (await asked(page))[-1] == ("none", {"state": "waiting"}), "in a new conversation neither"
    assert len(desk.provider.requests) == requests
    conversation = (await page.get(ME)).json()["id"]
    read = (await office.get(f"conversations/{conversation}/messages")).json()["data"]
    assert read[0]["text"] == "How long does it take?", "people read it"
    visitor = await desk.runtime.visitors.recognise(page.headers["Authorization"].split()[1])
    shut = await desk.runtime.visiting.own.read(visitor, visitor.conversation_id)
    from omniops.conversation.models import Message

    async with desk.runtime.database.session(visitor.scope) as session:
        row = await session.get(Message, (visitor.scope.domain_id, shut.messages[0].id))
    opened = await desk.runtime.vault.open([row], purpose="chat.respond", actor=Actor.system("conversation.answer"))
    assert opened(row.text, otherwise="shut") == "shut", "the vault's door shuts the AI out as well"
    assert (await page.request("DELETE", "/v1/visitor/ai-opt-out")).json() == {"ai_opt_out": False}
    assert (await page.post("/v1/visitor/ai")).json()["state"] == "ai"
    assert (await asked(page))[-1][0] == "done"


async def test_an_opt_out_in_the_middle_of_an_answer_stops_it(desk, front):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    page = await front.page()
    async with page.stream("POST", "/v1/visitor/messages", json={"text": "How long?"}) as stream:
        await desk.provider.reached.wait()
        await page.post("/v1/visitor/ai-opt-out")
        text = "".join([piece async for piece in stream.aiter_text()])
    assert 'event: none\ndata: {"state": "waiting"}' in text
    assert "days." not in text
    assert desk.provider.open == 0


async def test_a_letter_of_one_who_opted_out_waits_for_a_person(desk):
    connection = await desk.connection()
    from desk_plugins import letter

    await desk.take(connection, letter("First?"))
    await desk.work()
    assert len(desk.channel.sent) == 1
    ((subject,),) = desk.rows("select subject_id from omniops.conversation where domain_id = %s", desk.domain.id)
    desk.rows("update omniops.subject set opt_outs = '[\"chat.respond\"]' where id = %s", subject)
    await desk.take(connection, letter("Second?"))
    await desk.work()
    assert [sent.ai for sent in desk.channel.sent] == [True, False], "that a person answers is told"
    ((state, talk),) = desk.rows("select state, id from omniops.conversation where domain_id = %s", desk.domain.id)
    assert state == "waiting"
    await desk.runtime.inbox.reply(desk.domain.scope, talk, "Hello, this is Mara.", actor=Actor("member", "m"))
    await desk.work()
    assert desk.channel.sent[-1].text == "Hello, this is Mara.", "a person's reply still arrives"


async def test_a_transcript_keeps_sources_marks_and_disclosure(desk, front, asked):
    desk.provider.begin(*ANSWER)
    page = await front.page()
    await asked(page)
    conversation = (await page.get(ME)).json()["id"]
    text = await page.get(f"{ALL}/{conversation}/transcript")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.headers["content-disposition"].startswith("attachment")
    assert "You are writing to an AI." in text.text
    assert "UTC You\nHow long does it take?" in text.text
    assert "UTC AI\nFour working days." in text.text
    data = (await page.get(f"{ALL}/{conversation}/transcript", params={"format": "json"})).json()
    assert [message["author"] for message in data["messages"]] == ["visitor", "ai"]
    assert "AI" in data["disclosure"]
    assert (await page.get(f"{ALL}/{conversation}/transcript", params={"format": "exe"})).status_code == 422


async def test_a_transcript_is_mailed_once_and_only_where_mail_is_set_up(desk, front, asked):
    page = await front.page()
    await asked(page)
    path = f"{ALL}/{(await page.get(ME)).json()['id']}/transcript"
    key = {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        sent = await page.post(path, json={"email": "tom@customer.example"}, headers=key)
        assert sent.status_code == 202, sent.text
    await desk.work("mail")
    (mail,) = desk.mailer.sent
    assert (mail.to, mail.ai) == ("tom@customer.example", True)
    assert "Four working days." in mail.text
    assert "You are writing to an AI." in mail.text
    assert code(await page.post(path, json={"email": "tom@x\r\nBcc: eve@x"})) == (422, "bad_address")
    desk.mailer.offered = False
    try:
        answer = await page.post(path, json={"email": "tom@customer.example"})
    finally:
        desk.mailer.offered = True
    assert code(answer) == (503, "not_ready")
    assert "mail" in answer.json()["detail"]
    for _ in range(3):
        answer = await page.post(path, json={"email": f"{uuid4().hex}@customer.example"})
    assert code(answer) == (429, "throttled"), "nobody uses it to write to the world"
    assert int(answer.headers["retry-after"]) > 60


def test_citations_stand_behind_their_sentences():
    from omniops.conversation.messages import MessageView
    from omniops.conversation.transcript import written

    parts = [
        {"type": "text", "text": "Four days."},
        {"type": "cite", "n": 1},
        {"type": "text", "text": " Nine pounds."},
        {"type": "cite", "n": 2},
    ]
    sources = [{"n": n, "title": t, "url": f"https://one.example/{t}"} for n, t in ((1, "Delivery"), (2, "Prices"))]
    at = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
    said = "Four days. Nine pounds."
    message = MessageView(uuid4(), 2, "ai", at, "en", said, parts, sources, "answer", None, True)
    assert written(message, "en") == [
        "2027-01-02 03:04 UTC AI (cut short)",
        "Four days. [1] Nine pounds. [2]",
        "Sources:",
        "  [1] Delivery https://one.example/Delivery",
        "  [2] Prices https://one.example/Prices",
    ]
    assert json.dumps(message.to_json())


@pytest.mark.parametrize("phase", ["begun", "message", "text", "done"])
async def test_a_visitor_leaves_in_any_phase_and_the_chat_goes_on(desk, front, asked, phase):
    desk.provider.begin(Level("answer"), Text("Four "), HOLD, Text("days."), Done("end"))
    page = await front.page()
    async with page.stream("POST", "/v1/visitor/messages", json={"text": "How long?"}) as stream:
        if phase == "done":
            desk.provider.go.set()
        if phase != "begun":
            async for line in stream.aiter_lines():
                if line == f"event: {phase}":
                    break
    visitor = await desk.runtime.visitors.recognise(page.headers["Authorization"].split()[1])
    while await desk.runtime.conversations._turns.running(visitor.scope, visitor.conversation_id):
        continue
    messages = (await page.get(ME)).json()["messages"]
    assert [message["author"] for message in messages] == ["visitor", "ai"]
    assert messages[1]["interrupted"] is (phase != "done")
    desk.provider.begin()
    assert (await asked(page, "And now?"))[-1][0] == "done"
