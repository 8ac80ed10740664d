"""A member signs in, sees who waits, takes over, answers and closes; the visitor reads it. In a real browser."""

from urllib.parse import urlsplit

import pytest
from members import ASKS, looked_at, sign_in, waiting
from playwright.sync_api import expect


def test_sign_in_take_over_answer_and_close(show, stage, office):
    domain, email = office
    chat = waiting(show, domain)
    visit = sign_in(show, stage, email)
    page = visit.page
    expect(page.locator(".statement")).to_contain_text("One person is waiting")
    page.locator("a.row").first.click()
    expect(page.locator(".messages .visitor .words").first).to_have_text(ASKS)
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#whom")).to_contain_text("Yours")
    page.get_by_label("Your reply").fill("They do. Shall I put a pair aside?")
    page.get_by_role("button", name="Send").click()
    expect(chat.part("article.entry").last).to_contain_text("Shall I put a pair aside?")
    chat.part("textarea").fill("Yes please, until Friday.")
    chat.part("textarea").press("Enter")
    expect(page.locator(".messages .visitor").last).to_contain_text("until Friday")  # by itself, without a reload
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".composer")).to_contain_text("This conversation is closed")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desktop", (1440, 900)), ("phone", (390, 844))])
def test_every_page_can_be_used_by_everybody(show, stage, office, scheme, name, size):
    domain, email = office
    kind = f"{name}-{scheme}"
    door = show.go(f"{stage.api}/app/{domain.id}/inbox", scheme=scheme, size=size)
    looked_at(door.page, f"sign-in-{kind}")
    first = sign_in(show, stage, email, scheme=scheme, size=size).page
    looked_at(first, f"home-first-{kind}")
    waiting(show, domain)
    waiting(show, domain)
    first.reload()
    looked_at(first, f"home-{kind}")
    first.get_by_role("link", name="Inbox").first.click()
    expect(first).to_have_url(f"{stage.api}/app/{domain.id}/inbox")
    looked_at(first, f"inbox-{kind}")
    first.locator("a.talk").first.click()
    expect(first.locator("#messages")).to_be_visible()
    looked_at(first, f"conversation-{kind}")
    assert first.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"


def test_without_scripts_everything_works(show, stage, office):
    domain, email = office
    waiting(show, domain)
    page = sign_in(show, stage, email, java_script_enabled=False).page
    page.locator("a.row").first.click()
    page.get_by_label("Your reply").fill("By hand.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".messages .person")).to_contain_text("By hand.")
    page.get_by_role("button", name="Give back").click()
    expect(page.locator("#whom")).to_contain_text("answers")
    assert urlsplit(page.url).path.startswith(f"/app/{domain.id}/inbox/")
