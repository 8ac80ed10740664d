"""A member works by keys alone, asks why an answer says what it says, finds all in the palette. In a real browser."""

import pytest
from members import looked_at, sign_in, waiting
from omniops.operations.firsts import OPERATOR
from playwright.sync_api import expect

PAGES = {
    "Ridge 2: specifications": "Tested in a wind tunnel: stable in gusts up to 80 km/h with all eight guy lines set. "
    "Two people sleep in it, and it weighs 2.1 kg.",
    "Delivery and returns": "Before 15:00: sent the same day. UK mainland 1–2 working days, in wind and weather.",
    "Ridge 1: specifications": "Our lightest tent holds in wind of 50 km/h and weighs 1.4 kg.",
}
SAYS = (
    "Yes: it is rated for gusts up to 80 km/h when all eight guy lines are set. [S1] "
    "Orders placed before 15:00 are sent the same day. [S2] Ask us whatever else you want to know."
)
ASKS = "Will the Ridge 2 hold up in strong wind, and when is it sent? I am tom@mail.example."


@pytest.fixture
def answered(stage, office):
    """A website with pages and a model, and a visitor whom it answered. Gives what `office` gives and the address of
    the conversation."""
    domain, email = office
    desk = stage.desk

    async def talk():
        desk.domain = domain
        for title, text in PAGES.items():
            await desk.runtime.documents.paste(
                domain.scope, text, title, f"{domain.origins[0]}/{title[:5].strip()}", actor=OPERATOR
            )
        await desk.with_model(SAYS)
        visitor = await desk.visitor(domain)
        async for _ in await desk.runtime.conversations.ask(visitor, domain, ASKS, "key-of-the-question", "en"):
            pass
        return visitor.conversation_id

    return domain, email, f"/app/{domain.id}/inbox/{stage.run(talk())}"


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)), ("tablet-light", "light", (1024, 768)),
])  # fmt: skip
def test_an_answer_says_why(show, stage, answered, name, scheme, size):
    _, email, place = answered
    page = sign_in(show, stage, email, f"{place}?show=ai", scheme=scheme, size=size).page
    looked_at(page, f"contact-{name}")
    page.get_by_role("link", name="source 1").click()
    expect(page.locator(".finding").last).to_contain_text("carry 2 of 3 sentences")
    expect(page.locator("#source-1")).to_contain_text("gusts up to 80 km/h")
    if size[0] > 899:
        expect(page.locator(".said")).to_have_text(
            "Yes: it is rated for gusts up to 80 km/h when all eight guy lines are set. "
        )
    looked_at(page, f"why-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    page.get_by_label("Why, in few words").fill("The wind is right; delivery changed.")
    page.get_by_role("button", name="This was not").click()
    expect(page.locator("#verdict")).to_contain_text("Not right, says you")
    page.get_by_role("link", name="Visitor").last.click()
    expect(page.locator("#context")).to_contain_text("nobody vouched for it")


def test_everything_by_keys(show, stage, office):
    domain, email = office
    for _ in range(2):
        waiting(show, domain)
    page = sign_in(show, stage, email, f"/app/{domain.id}").page
    press = page.keyboard.press
    press("g")
    press("i")
    expect(page).to_have_url(f"{stage.api}/app/{domain.id}/inbox")
    press("j")
    press("j")
    expect(page.locator(".talk").nth(1)).to_be_focused()
    press("k")
    expect(page.locator(".talk").first).to_be_focused()
    press("Enter")
    expect(page.locator("#messages")).to_be_visible()
    press("n")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("ejt?/g")  # letters in a field are letters
    expect(page.locator("#note")).to_have_value("ejt?/g")
    page.locator("#note").fill("")
    press("Escape")
    press("t")
    expect(page.locator("#whom")).to_contain_text("Yours")
    press("r")
    expect(page.locator("#reply")).to_be_focused()
    page.keyboard.type("We have it.")
    press("Control+Enter")
    expect(page.locator(".messages .person")).to_contain_text("We have it.")
    press("i")
    expect(page.locator("#about")).to_be_focused()
    press("Control+k")
    expect(page.get_by_role("option", name="Close e")).to_be_visible()
    looked_at(page, "palette-desktop-light")
    page.keyboard.type("know")
    expect(page.get_by_role("option")).to_have_count(1)
    press("Enter")
    expect(page).to_have_url(f"{stage.api}/app/{domain.id}/knowledge")
    page.go_back()
    press("e")
    expect(page.locator(".composer")).to_contain_text("This conversation is closed")
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    looked_at(page, "keys-desktop-light")
    page.get_by_label("Shortcuts work in this browser").uncheck()
    press("Escape")
    press("g")
    press("k")
    page.reload()
    press("g")
    press("k")
    press("Control+k")
    expect(page.locator(".composer")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_label("Shortcuts work in this browser").check()
    press("Escape")
    press("g")
    press("k")
    expect(page).to_have_url(f"{stage.api}/app/{domain.id}/knowledge")


def test_a_draft_is_compared_and_approved_by_keys(show, stage, answered):
    domain, email, place = answered
    desk = stage.desk

    async def drafted():
        conversation = place.rpartition("/")[2]
        desk.domain = domain
        await desk.runtime.inbox.set_mode(domain.scope, conversation, "draft", actor=OPERATOR)
        await desk.with_model(SAYS)
        ((subject,),) = desk.rows("select subject_id from omniops.conversation where id = %s", conversation)
        return subject

    stage.run(drafted())
    page = sign_in(show, stage, email, place).page
    expect(page.locator("#whom")).to_be_visible()
