"""A member sorts the work: a label, a colleague, a conversation that is put off and comes back. In a real browser."""

import pytest
from members import looked_at, sign_in, waiting
from playwright.sync_api import expect


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_a_members_work(show, stage, office, name, scheme, size):
    domain, email = office
    chat = waiting(show, domain)
    page = sign_in(show, stage, email, f"/app/{domain.id}/labels", scheme=scheme, size=size).page
    expect(page.locator(".statement")).to_contain_text("Sort conversations by words of your own")
    for label in ("Sizes", "Bulk order"):
        page.get_by_label("Name").fill(label)
        page.get_by_role("button", name="Add it").click()
        expect(page.locator("td .label", has_text=label)).to_be_visible()
    looked_at(page, f"labels-{name}")
    page.goto(f"{stage.api}/app/{domain.id}/inbox")
    page.locator(".talk").first.click()
    handling = page.locator("#handling")
    handling.locator("summary", has_text="Labels").click()
    handling.get_by_label("Put on").select_option("Sizes")
    handling.get_by_role("button", name="Put it on").click()
    expect(handling.locator(".label")).to_have_text("Sizes")
    handling.locator("summary", has_text="Nobody's").click()
    handling.get_by_label("Who takes care of it").select_option(index=1)
    handling.get_by_role("button", name="Assign").click()
    expect(handling).to_contain_text("Yours")
    expect(page.locator("#whom")).to_contain_text("Waiting for you")
    page.get_by_label("A note for colleagues").fill("Size 46 comes on Friday.")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.locator(".note")).to_contain_text("Friday")
    handling.locator("summary", has_text="Snooze").click()
    looked_at(page, f"handling-{name}")
    handling.get_by_role("button", name="Tomorrow").click()
    expect(handling).to_contain_text("Snoozed until")
    page.goto(f"{stage.api}/app/{domain.id}/inbox")
    expect(page.locator(".list .empty")).to_contain_text("Nobody waits for a person")
    page.get_by_role("link", name="Snoozed 1").click()
    expect(page.locator(".talk .label")).to_have_text("Sizes")
    page.get_by_text("Only some of them").click()
    page.get_by_label("Label").select_option("Bulk order")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".list .empty")).to_contain_text("None of these")
    page.get_by_role("link", name="All under Snoozed").click()
    looked_at(page, f"snoozed-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    chat.part("textarea").fill("Are you there?")
    chat.part("textarea").press("Enter")
    page.locator(".tabs").get_by_role("link", name="Waiting").click()
    expect(page.locator(".talk")).to_have_count(1)
