"""Members of a business and their visitors, in browsers of their own."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PICTURES = Path(__file__).parent.parent / "output"
PASSWORD = "a sentence that nobody guesses"
ASKS = "Do the boots come in size 46? <b>Mara</b>"


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
