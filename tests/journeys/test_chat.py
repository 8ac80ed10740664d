"""What a visitor does with the chat on a shop's page, under the strictest policy that the page can have."""

import re
import signal
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from waiting import until

WIND = "Will the Ridge 2 hold up in strong wind?"


def test_a_question_is_answered_with_its_source_and_is_there_after_a_reload(visit):
    chat = visit()
    policy = chat.page.request.get(chat.page.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    chat.open()
    expect(chat.part(".entries > *").first).to_contain_text("You are writing to an AI")
    assert chat.stored() == [{}, {}, ""]
    answer = chat.ask(WIND)
    expect(answer).to_contain_text("80 km/h")
    chip = answer.locator("a.chip.filled").first
    assert chip.get_attribute("href") == f"{chat.demo.shop}/tents/ridge-2"
    assert "noopener" in chip.get_attribute("rel")
    expect(answer.locator(".sources li")).to_have_count(1)
    local, session, cookie = chat.stored()
    assert (local, cookie) == ({}, "")
    assert len(session) == 1
    chat.picture("answer-1440")
    words = answer.inner_text()
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_text(WIND)
    expect(chat.part("article.entry").last).to_have_text(re.compile("80 km/h"))
    assert chat.part("article.entry").last.inner_text() == words


def test_what_the_site_does_not_say_is_not_guessed(visit):
    chat = visit()
    chat.open()
    answer = chat.ask("Do you have a student discount?")
    expect(answer).to_contain_text("I found nothing about that on this site, so I will not guess.")
    expect(answer.locator(".chip")).to_have_count(0)
    expect(answer.locator("input[type=email]")).to_be_visible()


def test_a_person_is_asked_with_an_address(visit):
    chat = visit()
    chat.open()
    chat.part(".below button").click()
    chat.part("input[type=email]").fill("not an address")
    chat.part(".to-person .strong").click()
    expect(chat.part(".to-person .fail")).to_contain_text("no e-mail address")
    chat.part("input[type=email]").fill("tom@example.com")
    chat.part(".to-person .strong").click()
    expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")
    expect(chat.part(".head")).to_contain_text("A person will answer")
    chat.part(".below button").click()
    expect(chat.part(".head")).to_contain_text("AI now")
    expect(chat.ask(WIND)).to_contain_text("80 km/h")


def test_a_person_is_asked_for_before_the_panel_knows_its_business(visit):
    chat = visit()
    held = []
    chat.page.route("**/config?*", lambda route: held.append(route))  # a builtin cannot be a handler
    with chat.page.expect_request("**/config?*"):
        chat.open()
    chat.part(".below button").click()
    expect(chat.part("input[type=email]")).to_have_count(0)
    held[0].continue_()
    expect(chat.part("input[type=email]")).to_be_focused()


def test_a_chat_is_remembered_after_a_yes_and_forgotten_on_demand(visit):
    chat = visit()
    chat.open()
    chat.part(
        ".pair button",
    ).last.click()
    assert chat.stored() == [{}, {}, ""]
    chat.ask(WIND)
    local, _, cookie = chat.stored()
    assert len(local) == 1
    assert cookie == ""
    chat.part(".head button").first.click()
    chat.part(".forget").click()
    expect(chat.part(".notices")).to_contain_text("Nothing of this chat is left on this device")
    assert chat.stored() == [{}, {}, ""]
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_count(0)


def test_a_browser_that_asks_not_to_be_tracked_is_not_asked(visit):
    chat = visit(before="Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    chat.open()
    expect(chat.part(".suggestions")).to_be_visible()
    expect(chat.part(".choices")).to_be_hidden()
    chat.ask(WIND)
    local, session, _ = chat.stored()
    assert local == {}
    assert len(session) == 1


def test_a_browser_without_storage_can_still_ask(visit):
    refuse = (
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, {get() {throw new Error('no')}})"
    )
    chat = visit(before=refuse)
    chat.open()
    expect(chat.ask(WIND)).to_contain_text("80 km/h")


def test_it_works_with_the_keyboard_alone(visit):
    chat = visit()
    chat.part("button.launcher").focus()
    chat.page.keyboard.press("Enter")
    expect(chat.part("textarea")).to_be_focused()
    chat.part(".suggestions").wait_for()
    chat.page.keyboard.type(WIND)
    chat.page.keyboard.press("Enter")
    chat.part(".proof").first.wait_for()
    chat.page.keyboard.press("Escape")
    expect(chat.part(".panel")).to_be_hidden()
    expect(chat.part("button.launcher")).to_be_focused()


def test_on_a_phone_the_focus_stays_in_the_panel(visit):
    chat = visit(size=(390, 844), has_touch=True)
    chat.open()
    expect(chat.part(".panel")).to_have_attribute("aria-modal", "true")
    chat.part(".suggestions").wait_for()
    for _ in range(30):
        chat.page.keyboard.press("Tab")
        assert chat.page.evaluate("document.activeElement.localName") == "omniops-chat"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_every_state_is_accessible(visit, scheme, size):
    chat = visit(scheme=scheme, size=size)
    assert chat.violations() == []
    chat.open()
    chat.part(".suggestions").wait_for()
    assert chat.violations() == []
    for question in (WIND, "Can I pay with Klarna?", "Do you have a student discount?"):
        chat.ask(question)
        assert chat.violations() == []
    chat.part(".head button").first.click()
    assert chat.violations() == []
    chat.part(".to-person .strong").click()
    chat.part(".callout.entry").wait_for()
    assert chat.violations() == []


def test_a_violation_would_be_seen(visit):
    chat = visit()
    chat.open()
    chat.part(".suggestions").wait_for()  # until then the panel still names its parts
    chat.page.evaluate(
        "document.querySelector('omniops-chat').shadowRoot.querySelector('textarea').removeAttribute('aria-label')"
    )
    chat.page.evaluate(
        "document.querySelector('omniops-chat').shadowRoot.querySelector('textarea').removeAttribute('placeholder')"
    )
    assert any("label" in violation for violation in chat.violations())


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_scrolls_sideways(visit, width):
    chat = visit(size=(width, 640))
    chat.open()
    chat.ask(WIND)
    assert chat.part(".log").evaluate("e => e.scrollWidth <= e.clientWidth")


def test_it_speaks_the_language_of_the_page(visit):
    chat = visit("/de/versand")
    expect(chat.part("button.launcher")).to_contain_text("Fragen Sie uns")


def test_a_server_that_is_away_loses_nothing_and_answers_once(visit):
    chat = visit()
    chat.expected = ("ERR_", "Failed to load")
    chat.open()
    chat.ask(WIND)
    web = chat.demo.web()
    web.send_signal(signal.SIGKILL)
    chat.part("textarea").fill("Do I have to pay for delivery?")
    chat.part("textarea").press("Enter")
    expect(chat.part("article.visitor")).to_have_count(2, timeout=60_000)
    expect(chat.part(".proof")).to_have_count(2, timeout=60_000)
    expect(chat.part("article.entry").last).to_contain_text("£60")
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_count(2)
    expect(chat.part(".proof")).to_have_count(2)


def test_a_session_that_is_over_begins_anew(visit):
    chat = visit()
    chat.expected = ("401",)
    chat.open()
    chat.ask(WIND)
    chat.page.evaluate("for (const k of Object.keys(sessionStorage)) sessionStorage[k] = 'oo_visitor_gone'")
    chat.page.reload()
    chat.open()
    expect(chat.part(".notices")).to_contain_text("session is over")
    expect(chat.ask(WIND)).to_contain_text("80 km/h")


def test_a_session_is_renewed_before_it_ends_and_keeps_its_history(visit):
    chat = visit()
    chat.open()
    chat.ask(WIND)
    (token,) = chat.stored()[1].values()
    chat.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=13))
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_count(1)
    until(chat.page, lambda: token not in chat.stored()[1].values())
    expect(chat.ask(WIND)).to_contain_text("80 km/h")


def test_what_answers_are_not_can_be_read_before_and_during_a_chat(visit):
    chat = visit()
    chat.open()
    expect(chat.part(".entries [data-notice]")).to_have_count(3)
    chat.ask(WIND)
    chat.part(".head button").first.click()
    notices = chat.part(".choices [data-notice]")
    expect(notices).to_have_count(3)
    expect(notices.filter(has_text="no medical, legal or financial advice")).to_be_visible()
    assert chat.violations() == []
