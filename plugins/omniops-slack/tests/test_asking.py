"""Colleagues ask in Slack: answered where they asked, from the business's own pages, by an AI that says so."""

from omniops.contracts.channel import SourceLink
from omniops.testing.upstream import Answer
from omniops_slack.mapping import answer, read_text, write_text
from workspace import BOT, PERSON

QUESTION = "What does shipping to Norway cost?"


async def answers(app, channel, ts):
    return [m["text"] for m in app.team.thread(channel, ts) if m["user"] == BOT]


async def test_a_mention_is_answered_once_in_its_thread_and_the_ai_disclosed_once(app):
    _, channel = await app.connect()
    mention = app.slack.write(app.team, channel, f"<@{BOT}> {QUESTION}")[1]
    await app.deliver(mention, mention)
    await app.work()
    ts = mention["event"]["ts"]
    (said,) = await answers(app, channel, ts)
    assert said.startswith("You are writing to an AI.")
    await app.deliver(app.slack.write(app.team, channel, f"<@{BOT}> {QUESTION}", thread_ts=ts)[1])
    await app.work()
    _, second = await answers(app, channel, ts)
    assert "You are writing to an AI." not in second
    for call, form in app.slack.asked:
        if call == "chat.postMessage":
            assert (form["unfurl_links"], form["unfurl_media"]) == ("false", "false")


def test_what_is_written_works_as_nothing_but_text():
    sources = [
        SourceLink(1, "Shipping <b>\n| abroad", "https://shop.example/a|b>c d"),
        SourceLink(2, "Bad", "javascript:alert(1)"),
        SourceLink(3, "", "https://shop.example/"),
    ]
    said = answer("5 < 6 & <!channel> <@U1>", "An AI writes.", sources)
    assert said == (
        "An AI writes.\n\n5 &lt; 6 &amp; &lt;!channel&gt; &lt;@U1&gt;\n\n"
        "[1] <https://shop.example/a%7Cb%3Ec%20d|Shipping &lt;b&gt; | abroad>\n[2] Bad\n[3] <https://shop.example/|Source>"
    )
    assert read_text(write_text("5 < 6 & <!channel>")) == "5 < 6 & <!channel>"


async def test_a_command_is_answered_to_who_gave_it_alone(app):
    await app.connect()
    answer = await app.deliver(app.slack.command(app.team, QUESTION, app.upstream.url))
    assert (answer.status_code, answer.content) == (200, b"")
    await app.work()
    ((path, said),) = app.slack.responses
    assert path.startswith(f"/commands/{app.team.id}/")
    assert said["response_type"] == "ephemeral"
    assert said["text"].startswith("You are writing to an AI.")
    assert app.slack.count("chat.postMessage") == 0


async def test_an_address_that_is_used_up_fails_for_good(app):
    await app.connect()
    app.slack.faults["hook"].append(Answer([b"used_url"], 404, {"Content-Type": "text/plain"}))
    await app.deliver(app.slack.command(app.team, "how long?", app.upstream.url))
    await app.work()
    failed = app.rows("select state, problem from omniops.outbox where domain_id = %s", app.domain.id)
    assert failed == [("failed", "permanent")]


async def test_a_question_that_was_taken_back_is_erased(app):
    await app.connect()
    (asked,) = app.slack.write(app.team, "D0ANNA", "My password is hunter2")
    ts = asked["event"]["ts"]
    await app.deliver(asked)
    await app.work()
    ((conversation,),) = app.rows("select id from omniops.conversation where domain_id = %s", app.domain.id)
    await app.deliver(app.slack.edit(app.team, "D0ANNA", ts, "My password is secret"))
    await app.work()
    assert (await app.texts(conversation))[0] == ("visitor", "My password is secret")
    await app.deliver(app.slack.delete(app.team, "D0ANNA", ts))
    await app.work()
    assert (await app.texts(conversation))[0] == ("visitor", "")
    assert (await answers(app, "D0ANNA", ts)) == [], "a direct message is answered beside it, in no thread"
    assert [(m["user"], m.get("thread_ts")) for m in app.team.messages["D0ANNA"]] == [(PERSON, None), (BOT, None)]


async def test_a_busy_slack_gets_the_answer_later(app):
    _, channel = await app.connect()
    app.slack.faults["chat.postMessage"].append(
        Answer.json({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"})
    )
    mention = app.slack.write(app.team, channel, f"<@{BOT}> how long?", user=PERSON)[1]
    await app.deliver(mention)
    await app.work()
    assert await answers(app, channel, mention["event"]["ts"]) == []
    await app.again()
    assert len(await answers(app, channel, mention["event"]["ts"])) == 1
