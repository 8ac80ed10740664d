"""A member writes an answer, finds it as a visitor would, and takes it back. In a real browser."""

import pytest
from members import looked_at, sign_in
from playwright.sync_api import expect


def part(page, name):
    page.get_by_role("navigation", name="Parts of knowledge").get_by_role("link", name=name).click()


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_an_answer_is_written_and_found(show, stage, office, name, scheme, size):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/knowledge", scheme=scheme, size=size).page
    expect(page.locator(".statement")).to_contain_text("nothing to answer from yet")
    looked_at(page, f"knowledge-first-{name}")
    part(page, "Own answers")
    page.get_by_label("Questions").fill("Do you sell vouchers?\nCan I give one as a present?")
    page.get_by_label("Answer").fill("Yes, from 20 euros, by mail within a minute.")
    page.get_by_role("button", name="Keep this answer").click()
    expect(page.locator(".own b")).to_have_text("Do you sell vouchers?")
    looked_at(page, f"knowledge-answers-{name}")
    part(page, "Try a question")
    page.get_by_role("searchbox").fill("Do you sell vouchers?")
    page.get_by_role("button", name="Look").click()
    expect(page.locator(".tried li").first).to_contain_text("from 20 euros")
    looked_at(page, f"knowledge-try-{name}")
    part(page, "Gaps")
    expect(page.locator(".statement")).to_contain_text("Nothing was asked in vain")
    looked_at(page, f"knowledge-gaps-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    part(page, "Own answers")
    page.get_by_role("link", name="Change").click()
    page.get_by_text("Delete it").click()
    page.get_by_role("button", name="Delete this answer").click()
    expect(page.locator(".own")).to_have_count(0)
