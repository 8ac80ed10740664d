"""A member signs in, sees who waits, takes over, answers and closes; the visitor reads it. In a real browser."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PICTURES = Path(__file__).parent.parent / "output"
PASSWORD = "a sentence that nobody guesses"
ASKS = "Do the boots come in size 46? <b>Mara</b>"


@pytest.fixture
def office(stage, monkeypatch):
    """A website with a member: gives the domain and the member's address."""
    monkeypatch.setitem(stage.desk.runtime.settings.__dict__, "public_url", stage.api)
    domain, email = stage.domain(), f"{uuid4().hex[:8]}@shop.example"

    async def join():
        members = stage.desk.runtime.members
        link = await members.setup_link(domain.scope.account_id)
        await members.finish_setup(link, email=email, name="Mara", password=PASSWORD)

    stage.run(join())
    return domain, email


def waiting(show, domain):
    """A visitor who asked, and asked for a person."""
    chat = show(domain)
    chat.open()
    chat.part("textarea").fill(ASKS)
    chat.part("textarea").press("Enter")
    chat.part(".proof").first.wait_for()
    chat.part(".below button").click()
    chat.part("input[type=email]").fill("tom@mail.example")
    chat.part(".to-person .strong").click()
    expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")
    return chat


def sign_in(show, stage, email, place="/app", **options):
    visit = show.go(stage.api + place, **options)
    visit.page.get_by_label("E-mail address").fill(email)
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page.get_by_role("button", name="Sign out")).to_be_attached()
    return visit


def looked_at(page, name):
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"dashboard-{name}.png")
    found = Axe().run(page).response["violations"]
    assert [f"{v['id']}: {[n['html'] for n in v['nodes']][:3]}" for v in found] == []


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
