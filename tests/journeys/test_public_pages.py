"""The pages about this server in a real browser: everybody can use them, with scripts off, on a phone, in the dark."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PICTURES = Path(__file__).parent.parent / "output"
PAGES = ("/", "/terms", "/terms/agreement", "/accessibility", "/licences", "/cookies", "/subprocessors", "/privacy")


@pytest.fixture
def named(stage, monkeypatch):
    values = {
        "legal_name": "Harbour & Sons Ltd",
        "postal_address": "1 Quay Street, Galway, Ireland",
        "privacy_email": "privacy@harbour.example",
        "security_contact": "mailto:security@harbour.example",
    }
    for name, value in values.items():
        monkeypatch.setitem(stage.desk.runtime.settings.__dict__, name, value)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", (1440, 900)), ("dark", (390, 844)), ("light", (320, 640))],
    ids=["desk", "phone", "narrow"],
)
def test_everybody_can_use_the_pages_about_this_server(show, stage, scheme, size):
    visit = show.go(stage.api + "/", scheme=scheme, size=size)
    page = visit.page
    PICTURES.mkdir(exist_ok=True)
    for path in PAGES:
        page.goto(stage.api + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        found = Axe().run(page).response["violations"]
        assert [f"{path} {v['id']}: {[n['html'] for n in v['nodes']][:3]}" for v in found] == []
        page.screenshot(path=PICTURES / f"public{path.replace('/', '-')}-{scheme}-{size[0]}.png", full_page=True)
    assert page.context.cookies() == []


@pytest.mark.usefixtures("named")
def test_without_scripts_one_reaches_every_page_from_the_first_by_keyboard(show, stage):
    page = show.go(stage.api + "/", java_script_enabled=False).page
    for name, title in (
        ("Terms", "These terms"),
        ("Data processing", "This agreement"),
        ("Accessibility", "Who can use this"),
        ("Licences", "Whose software"),
        ("Status", "This server runs"),
    ):
        link = page.get_by_role("contentinfo").get_by_role("link", name=name, exact=True)
        link.focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text(title)
    page.emulate_media(media="print")
    assert not page.get_by_role("contentinfo").is_visible()
