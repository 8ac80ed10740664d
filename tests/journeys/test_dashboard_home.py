"""From an empty website to its first answer, counted in clicks, and the Home of every day. In a real browser."""

import pytest
from members import looked_at, sign_in
from playwright.sync_api import expect

QUESTION = "How long does delivery take?"


class Person:
    """Counts what a person does: links and buttons that are pressed, fields that are filled."""

    def __init__(self):
        self.clicks = self.fields = 0

    def click(self, what):
        self.clicks += 1
        what.click()

    def fill(self, what, text):
        self.fields += 1
        what.fill(text)


def box(page, title):
    expect(page.locator("li.next h3")).to_have_text(title)
    assert page.locator(".primary").count() == 1


@pytest.fixture
def owned(stage, office):
    """The operator said whose the website is, which a first start does for the address it is given."""
    domain, email = office

    async def claim():
        from omniops.operations.firsts import OPERATOR

        await stage.desk.runtime.knowledge.ownership.claim(domain.scope, "127.0.0.1", actor=OPERATOR)

    stage.run(claim())
    return domain, email


@pytest.mark.parametrize(
    ("name", "scheme", "size"), [("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844))]
)
def test_from_the_first_run_to_the_first_answer(show, stage, owned, monkeypatch, name, scheme, size):
    (domain, email), person = owned, Person()
    visit = sign_in(show, stage, email, scheme=scheme, size=size)
    page = visit.page
    person.clicks, person.fields = 1, 2  # the sign-in
    box(page, "Read the website")
    looked_at(page, f"home-way-1-{name}")
    person.click(page.get_by_role("button", name="Read it now"))
    expect(page.locator(".way")).to_contain_text("Read the website")
    assert len(stage.run(stage.desk.runtime.knowledge.sources(domain.scope))) == 1
    stage.desk.domain = domain
    stage.run(stage.desk.page("Delivery takes two days."))  # what the reading brings
    page.reload()
    box(page, "Ask it something")
    person.click(page.get_by_role("link", name="Ask it something"))
    visit.part(".panel").wait_for()
    person.fill(visit.part("textarea"), QUESTION)
    visit.part("textarea").press("Enter")
    person.clicks += 1
    visit.part(".proof").first.wait_for()
    print(f"First run to first answer: {person.clicks} clicks, {person.fields} fields filled.")
    assert (person.clicks, person.fields) == (4, 3)

    page.goto(f"{stage.api}/app/{domain.id}")
    box(page, "Put the chat on your site")
    looked_at(page, f"home-way-3-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shop = show(domain)
    shop.open()
    person.click(page.get_by_role("link", name="Check my site now"))
    box(page, "Say when people are there")
    person.click(page.get_by_role("link", name="Set the hours"))
    person.fill(page.get_by_label("Time zone"), "Europe/Dublin")
    person.fill(page.get_by_label("Monday"), "09:00-17:00")
    with page.expect_navigation():
        person.click(page.locator("button.primary"))
    page.goto(f"{stage.api}/app/{domain.id}")
    box(page, "Name who is responsible")
    for setting, value in (("legal_name", "Harbour & Sons"), ("privacy_email", "privacy@harbour.example")):
        monkeypatch.setitem(stage.desk.runtime.settings.__dict__, setting, value)
    page.reload()
    expect(page.locator(".way")).to_have_count(0)
    expect(page.locator(".statement")).to_contain_text("Nobody is waiting for a person.")
    expect(page.get_by_role("heading", name="Last answers by the AI")).to_be_visible()
    looked_at(page, f"home-day-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
