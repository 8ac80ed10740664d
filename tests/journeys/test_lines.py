"""Bad lines, several tabs and reloads: no word is lost, none is said twice."""

import re

import pytest
from desk_plugins import HOLD
from omniops.contracts.provider import Done, Level, Text
from playwright.sync_api import expect

ANSWER = (Level("answer"), Text("Four working days, "), Text("and it is free above sixty pounds."), Done("end"))
WHOLE = re.compile("Four working days, and it is free above sixty pounds.")
NOISE = ("ERR_", "Failed to load", "CORS")


@pytest.fixture(scope="module")
def domain(stage):
    return stage.domain()


def authors(stage, domain):
    """Who wrote, in order, over all conversations of the domain."""
    rows = stage.desk.rows(
        "select author from omniops.message where domain_id = %s order by conversation_id, seq", domain.id
    )
    return [author for (author,) in rows]


def one_answer(chat):
    expect(chat.part("article.entry").last).to_have_text(WHOLE, timeout=20_000)
    expect(chat.part("article.visitor")).to_have_count(1)
    expect(chat.part(".proof")).to_have_count(1)
    expect(chat.part(".growing")).to_have_count(0)


def ask_over(stage, show, domain, **fault):
    chat = show(domain, via=stage.proxy, script=ANSWER)
    chat.expected = NOISE
    chat.open()
    chat.part(".suggestions").wait_for()
    stage.line.only = b"POST /v1/visitor/messages"
    for name, value in fault.items():
        setattr(stage.line, name, value)
    chat.part("textarea").fill("How long does delivery take?")
    chat.part("textarea").press("Enter")
    return chat


@pytest.mark.parametrize("fault", [{"latency": 1.5}, {"drip": 0.0004}], ids=["slow", "drip"])
def test_a_slow_line_shows_a_sign_of_life_and_brings_the_answer_once(stage, show, fault):
    domain = stage.domain()
    chat = ask_over(stage, show, domain, **fault)
    expect(chat.part(".growing")).to_be_visible(timeout=1_000)
    one_answer(chat)
    assert stage.line.struck
    assert authors(stage, domain) == ["visitor", "ai"]


@pytest.mark.parametrize("fault", [{"cut": 0}, {"cut": 900}, {"half": 300}], ids=["refused", "cut", "half closed"])
def test_after_a_cut_the_question_stands_once_and_the_answer_can_be_had(stage, show, fault):
    """The server stops an answer that nobody reads any more. Where it was faster than the cut, it is there."""
    domain = stage.domain()
    chat = ask_over(stage, show, domain, **fault)
    while not stage.line.struck:
        chat.page.wait_for_timeout(10)
    stage.line.only = b"none"
    expect(chat.part("article.visitor")).to_have_count(1, timeout=20_000)
    ended = chat.part(".proof, .notices .button")
    expect(ended.first).to_be_visible(timeout=20_000)
    expect(chat.part(".growing")).to_have_count(0)
    before = authors(stage, domain)
    assert before[:1] == ["visitor"]
    assert before.count("visitor") == 1
    if not WHOLE.search(chat.part("article.entry").last.inner_text()):
        chat.part("button", has_text="Ask again").first.click()
        expect(chat.part("article.entry").last).to_have_text(WHOLE)
    expect(chat.part("textarea")).to_have_value("")


def test_what_is_written_without_a_line_is_sent_once_when_it_is_back(stage, show):
    domain = stage.domain()
    chat = show(domain, via=stage.proxy, script=ANSWER)
    chat.expected = NOISE
    chat.open()
    chat.part(".suggestions").wait_for()
    chat.page.context.set_offline(True)
    chat.part("textarea").fill("How long does delivery take?")
    chat.part("textarea").press("Enter")
    expect(chat.part(".notices")).to_contain_text("Nothing is lost")
    expect(chat.part("textarea")).to_have_value("How long does delivery take?")
    assert [name for name in chat.stored()[1] if name.endswith(":unsent")]
    chat.page.context.set_offline(False)
    one_answer(chat)
    assert not [name for name in chat.stored()[1] if name.endswith(":unsent")]
    assert authors(stage, domain) == ["visitor", "ai"]


def test_what_no_server_took_yet_is_sent_after_a_reload(stage, show):
    domain = stage.domain()
    chat = show(domain, script=ANSWER)
    chat.expected = NOISE
    chat.open()
    chat.part(".suggestions").wait_for()
    chat.page.route("**/v1/visitor/sessions", lambda route: route.abort())
    chat.part("textarea").fill("How long does delivery take?")
    chat.part("textarea").press("Enter")
    expect(chat.part(".notices")).to_contain_text("Nothing is lost")
    chat.page.unroute_all()
    chat.page.reload()
    chat.open()
    one_answer(chat)
    assert authors(stage, domain) == ["visitor", "ai"]


def test_after_a_reload_in_mid_answer_its_words_stand_and_it_can_be_asked_again(stage, show):
    domain = stage.domain()
    chat = show(domain, script=(*ANSWER[:2], HOLD, *ANSWER[2:]))
    chat.open()
    chat.part("textarea").fill("How long does delivery take?")
    chat.part("textarea").press("Enter")
    expect(chat.part(".growing")).to_have_text("Four working days, ")
    assert chat.violations() == []
    chat.picture("streaming-1440")
    chat.page.reload()
    chat.open()
    half = chat.part("article.entry").last
    expect(half).to_contain_text("Four working days,")
    expect(half).to_contain_text("Stopped.")
    assert chat.violations() == []
    stage.script(*ANSWER)
    half.locator("button.link").click()
    expect(chat.part("article.entry").last).to_have_text(WHOLE)
    expect(chat.part(".vote")).to_have_count(1)
    assert authors(stage, domain) == ["visitor", "ai", "visitor", "ai"]


def test_two_tabs_of_one_visitor_show_one_conversation(stage, show):
    domain = stage.domain()
    first = show(domain, script=ANSWER)
    first.open()
    first.part(".pair button").last.click()
    first.ask("How long does delivery take?")
    second = show.go(stage.page(domain), context=first.page.context)
    second.open()
    one_answer(second)
    second.ask("And to the islands?")
    expect(second.part(".proof")).to_have_count(2)
    first.page.bring_to_front()
    first.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(first.part(".proof")).to_have_count(2)
    expect(first.part("article.visitor").last).to_have_text("And to the islands?")
    second.ask("And back?")
    first.ask("By train?")
    expect(first.part("article.visitor")).to_have_count(4)
    expect(first.part(".proof")).to_have_count(4)
    assert authors(stage, domain) == ["visitor", "ai"] * 4


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", (1440, 900)), ("dark", (390, 844))], ids=["desktop, light", "phone, dark"]
)
def test_a_person_answers_while_one_waits(stage, show, scheme, size):
    domain = stage.domain(people_hours="weekdays 9:00–17:00")
    chat = show(domain, script=ANSWER, browser_options={"scheme": scheme, "size": size})
    chat.open()
    chat.ask("How long does delivery take?")
    chat.part(".below button").click()
    chat.part(".to-person .strong").click()
    expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")

    async def reply(typing=False):
        from omniops.contracts.scope import Actor
        from omniops.inbox.queue import Wanted

        inbox = stage.desk.runtime.inbox
        (one,) = await inbox.queue.page(domain.scope, Wanted())
        if typing:
            await inbox.typing(domain.scope, one.id)
        else:
            await inbox.reply(domain.scope, one.id, "Hello, this is Mara.", actor=Actor("member", "mara"))

    head = chat.part(".head")
    for _ in range(100):  # nothing of it is stored: it is said again for as long as it lasts
        stage.run(reply(typing=True))
        if "…" in head.inner_text():
            break
    expect(head).to_contain_text("…")
    stage.run(reply())
    expect(chat.part(".person .bubble")).to_have_text("Hello, this is Mara.")
    expect(chat.part(".head")).to_contain_text("the AI has stopped")
    assert chat.violations() == []
    chat.picture(f"person-{scheme}-{size[0]}")
