"""A member makes a key and a receiver, tries it, and finds in Repairs what is to be done. In a real browser."""

import pytest
from members import looked_at, sign_in
from playwright.sync_api import expect


def part(page, name):
    page.get_by_role("navigation", name="Parts for developers").get_by_role("link", name=name).click()


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_a_key_and_a_receiver_are_made_and_looked_after(show, stage, office, name, scheme, size):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/developers/keys", scheme=scheme, size=size).page
    page.get_by_label("What it is for").fill("Warehouse")
    page.get_by_role("checkbox", name="knowledge.read").check()
    page.get_by_role("button", name="Make this key").click()
    expect(page.locator("#secret")).to_contain_text("oo_key_")
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    looked_at(page, f"developers-key-{name}")
    part(page, "Webhooks")
    looked_at(page, f"developers-webhooks-{name}")
    page.get_by_label("Address").fill("https://hooks.shop.example/omniops")
    page.get_by_role("checkbox", name="conversation.handed_off").check()
    page.get_by_role("button", name="Add this receiver").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("tbody code").first).to_have_text("webhook.test")
    looked_at(page, f"developers-webhook-{name}")
    part(page, "Your website")
    page.get_by_role("button", name="Make a").click()
    expect(page.locator("#secret")).to_contain_text("oo_identity_")
    looked_at(page, f"developers-website-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Repairs").click()
    expect(page.get_by_role("heading", name="To do")).to_be_visible()
    expect(page.get_by_text("as the server was told")).to_be_visible()
    looked_at(page, f"repairs-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Developers").click()
    page.get_by_text("Revoke", exact=True).click()
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.locator(".statement")).to_have_text("No program reaches this account.")
