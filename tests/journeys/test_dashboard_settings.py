"""An owner changes how the chat looks and when people are there, and the visitor sees it. In a real browser."""

import pytest
from members import looked_at, sign_in
from playwright.sync_api import expect

PARTS = ("Website", "Chat", "Hours", "Answers", "Models")


def test_what_is_kept_is_what_the_visitor_sees(show, stage, office):
    domain, email = office
    visit = sign_in(show, stage, email, f"/app/{domain.id}/settings/chat")
    page = visit.page
    visit.expected = ("422",)
    page.get_by_label("Colour").fill("#7c7c7c")
    page.get_by_label("Words in the empty field").fill("Ask us about tents")
    page.get_by_role("button", name="Keep these settings").click()
    expect(page.get_by_role("alert")).to_contain_text("another look")
    expect(page.get_by_text("Neither white nor ink is readable")).to_be_visible()
    expect(page.get_by_label("Words in the empty field")).to_have_value("Ask us about tents")
    looked_at(page, "settings-refused-desktop-light")
    page.get_by_label("Colour").fill("#7a4018")
    page.get_by_role("button", name="Keep these settings").click()
    expect(page.get_by_role("status")).to_contain_text("Kept.")
    chat = show(domain)
    chat.open()
    expect(chat.part("textarea")).to_have_attribute("placeholder", "Ask us about tents")


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_every_part_can_be_used_by_everybody(show, stage, office, name, scheme, size):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/settings", scheme=scheme, size=size).page
    for part in PARTS:
        page.get_by_role("navigation", name="Parts of the settings").get_by_role("link", name=part).click()
        expect(page.get_by_role("heading", level=2)).to_have_text(part)
        looked_at(page, f"settings-{part.lower()}-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
