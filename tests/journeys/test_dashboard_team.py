"""An owner invites a colleague, who joins, works, and leaves. In real browsers."""

import re

import pytest
from members import PASSWORD, looked_at, sign_in
from playwright.sync_api import expect


def test_a_colleague_is_invited_joins_and_is_removed(show, stage, office):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/team").page
    looked_at(page, "team-desktop-light")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("code.once").inner_text()
    path = re.search(r"/setup/oo_setup_[\w-]+$", link)[0]
    looked_at(page, "team-invited-desktop-light")
    new = show.go(stage.api + path, size=(390, 844), scheme="dark").page
    expect(new.get_by_role("heading", level=1)).to_contain_text("as agent")
    looked_at(new, "setup-invited-phone-dark")
    new.get_by_label("E-mail address").fill("tom@shop.example")
    new.get_by_label("Password").fill(PASSWORD)
    new.get_by_role("button", name="Finish set-up").click()
    expect(new.get_by_role("navigation", name="Rooms")).to_be_visible()
    new.goto(f"{stage.api}/app/{domain.id}/account")
    new.get_by_label("Your name").fill("Tom Fielding")
    new.get_by_role("button", name="Keep this name").click()
    expect(new.get_by_role("status")).to_contain_text("Kept.")
    looked_at(new, "account-phone-dark")
    page.goto(f"{stage.api}/app/{domain.id}/team")
    row = page.get_by_role("row", name="Tom Fielding")
    expect(row).to_contain_text("Agent")
    row.get_by_text("Remove", exact=True).click()
    row.get_by_role("button", name="Remove Tom Fielding").click()
    expect(page.get_by_role("row", name="Tom Fielding")).to_have_count(0)
    new.reload()
    expect(new.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-dark", "dark", (1440, 900)), ("phone-light", "light", (390, 844)),
])  # fmt: skip
def test_the_ways_in_can_be_used_by_everybody(show, stage, office, name, scheme, size):
    visit = show.go(stage.api + "/app/forgotten", scheme=scheme, size=size)
    page, visit.expected = visit.page, ("404",)
    looked_at(page, f"forgotten-{name}")
    page.get_by_label("E-mail address").fill("nobody@shop.example")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("a letter is on its way")
    page.goto(stage.api + "/app/new-password/oo_reset_x", wait_until="load")
    expect(page.get_by_role("heading", level=1)).to_contain_text("not valid any more")
