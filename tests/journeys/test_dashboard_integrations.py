"""An owner connects a post office in the dashboard, sees a letter arrive, and disconnects: all of it is gone. In a real
browser."""

import pytest
from desk_plugins import SECRET, letter
from members import looked_at, sign_in
from playwright.sync_api import expect


def test_connected_seen_to_work_and_ended(show, stage, office):
    domain, email = office
    visit = sign_in(show, stage, email, f"/app/{domain.id}/integrations")
    page = visit.page
    looked_at(page, "integrations-desktop-light")
    page.get_by_role("link", name="Connect Post").click()
    looked_at(page, "integration-new-desktop-light")
    visit.expected = ("422",)
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_label("Office").evaluate("node => { node.removeAttribute('maxlength'); node.value = 'x'.repeat(50); }")
    page.get_by_role("button", name="Agree and connect").click()
    expect(page.get_by_text("at most 40 characters")).to_be_visible()
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_label("Office").fill("main")
    page.get_by_role("button", name="Agree and connect").click()
    expect(page.get_by_text("Switched off for this website")).to_be_visible()
    page.get_by_role("button", name="Switch on for this website").click()
    expect(page.get_by_text("Working.")).to_be_visible()
    desk = stage.desk
    (one,) = stage.run(desk.runtime.connections.all(domain.scope))
    stage.run(desk.take(one, letter("Where is my parcel?")))
    page.reload()
    expect(page.get_by_role("row", name="Message")).to_contain_text("done")
    looked_at(page, "connection-desktop-light")
    page.get_by_role("navigation", name="Rooms").get_by_role("link", name="Inbox").click()
    page.get_by_role("link", name="All").click()
    expect(page.get_by_text("Where is my parcel?").first).to_be_visible()
    page.goto(f"{stage.api}/app/{domain.id}/integrations/{one.id}")
    page.get_by_text("Disconnect Post").click()
    page.get_by_role("button", name="Disconnect and delete what was copied").click()
    expect(page.get_by_role("link", name="Connect Post")).to_be_visible()
    assert stage.run(desk.runtime.connections.all(domain.scope)) == []
    assert desk.rows("select count(*) from omniops.arrival where connection_id = %s", one.id) == [(0,)]


@pytest.mark.parametrize("place", ["", "/new/post"])
def test_it_can_be_read_on_a_phone_in_the_dark(show, stage, office, place):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/integrations{place}", scheme="dark", size=(390, 844)).page
    looked_at(page, f"integrations{place.replace('/', '-')}-phone-dark")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
