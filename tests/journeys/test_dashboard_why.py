"""A member works by keys alone, asks why an answer says what it says, finds all in the palette. In a real browser."""

from uuid import UUID, uuid4

import pytest
from desk import collect
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
_SCORED = (
    "update omniops.turn set record = jsonb_set(record, '{scores}', '[0.91, 0.62, 0.31]') where domain_id = %s"
    " returning id"
)
"""As an encoder would have measured them."""
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
        visitor = await desk.visitor(domain)

        async def ask():
            await desk.with_model(SAYS)
            await collect(await desk.runtime.conversations.ask(visitor, domain, ASKS, uuid4().hex, "en"))

        await ask()
        desk.rows(_SCORED, domain.id)
        stage.again = ask
        return visitor.conversation_id

    return domain, email, f"/app/{domain.id}/inbox/{stage.run(talk())}"


def keys_work(page):
    page.locator(":root[data-shortcuts]").wait_for()


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)), ("tablet-light", "light", (1024, 768)),
])  # fmt: skip
def test_an_answer_says_why(show, stage, answered, name, scheme, size):
    _, email, place = answered
    page = sign_in(show, stage, email, scheme=scheme, size=size).page
    page.goto(f"{stage.api}{place}?show=ai")
    looked_at(page, f"contact-{name}")
    page.get_by_role("link", name="source 1").click()
    expect(page.locator(".finding").last).to_contain_text("carry 2 of 3 sentences")
    expect(page.locator("#source-1")).to_contain_text("gusts up to 80 km/h")
    if size[0] > 899:
        expect(page.locator(".stands")).to_have_text(
            "Yes: it is rated for gusts up to 80 km/h when all eight guy lines are set."
        )
    looked_at(page, f"why-{name}")
    number = page.locator("#source-1 .fit > span")
    expect(number).to_be_hidden()
    page.locator("#source-1 summary").click()
    expect(number).to_be_visible()
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
    keys_work(page)
    press("g")
    press("i")
    expect(page).to_have_url(f"{stage.api}/app/{domain.id}/inbox")
    keys_work(page)
    press("j")
    press("j")
    expect(page.locator(".talk").nth(1)).to_be_focused()
    press("k")
    expect(page.locator(".talk").first).to_be_focused()
    press("Enter")
    expect(page.locator("#messages")).to_be_visible()
    keys_work(page)
    press("n")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("ejt?/g")  # letters in a field are letters
    expect(page.locator("#note")).to_have_value("ejt?/g")
    page.locator("#note").fill("")
    press("Escape")
    press("t")
    expect(page.locator("#whom")).to_contain_text("Yours")
    keys_work(page)
    press("r")
    expect(page.locator("#reply")).to_be_focused()
    page.keyboard.type("We have it.")
    press("Control+Enter")
    expect(page.locator(".messages .person")).to_contain_text("We have it.")
    keys_work(page)
    press("i")
    expect(page.locator("#about")).to_be_focused()
    press("Control+k")
    expect(page.locator(".palette").get_by_role("option", name="Close e")).to_be_visible()
    looked_at(page, "palette-desktop-light")
    page.keyboard.type("know")
    expect(page.locator(".palette").get_by_role("option")).to_have_count(1)
    press("Enter")
    expect(page).to_have_url(f"{stage.api}/app/{domain.id}/knowledge")
    page.go_back()
    keys_work(page)
    press("e")
    expect(page.locator(".composer")).to_contain_text("This conversation is closed")
    keys_work(page)
    press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    looked_at(page, "keys-desktop-light")
    page.get_by_label("Shortcuts work in this browser").uncheck()
    press("Escape")
    press("g")
    press("k")
    page.reload()
    page.locator("[data-keys]").wait_for()
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
    stage.run(stage.desk.runtime.inbox.set_mode(domain.scope, UUID(place[-36:]), "draft", actor=OPERATOR))
    stage.run(stage.again())
    page = sign_in(show, stage, email, place).page
    draft = page.locator("#draft-text")
    own = draft.input_value()
    draft.fill(own.replace("Yes: it is rated", "Hello Tom. It holds"))
    page.get_by_role("button", name="Show changes").click()
    expect(page.locator("del").first).to_contain_text("Yes:")
    expect(page.locator("ins").first).to_have_text("Hello Tom. It holds")
    looked_at(page, "draft-changes-desktop-light")
    page.locator(".draft .primary").evaluate(
        "(button) => Promise.all(button.getAnimations().map((one) => one.finished))"
    )
    keys_work(page)
    page.keyboard.press("a")
    expect(page.locator("#messages")).to_contain_text("Hello Tom. It holds")
    expect(page.locator(".draft")).to_have_count(0)


def test_who_presses_where_a_draft_just_appeared_sends_nothing(show, stage, answered):
    domain, email, place = answered
    stage.run(stage.desk.runtime.inbox.set_mode(domain.scope, UUID(place[-36:]), "draft", actor=OPERATOR))
    page = sign_in(show, stage, email, place).page
    page.evaluate("""() => new MutationObserver(() => {
      const button = document.querySelector(".draft .primary");
      if (!button || window.tried) return;
      window.tried = true;
      document.activeElement.blur();
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
      const { x, y, width, height } = button.getBoundingClientRect();
      window.hit = document.elementFromPoint(x + width / 2, y + height / 2) === button;
    }).observe(document.body, { childList: true, subtree: true })""")
    stage.run(stage.again())
    expect(page.locator(".draft")).to_be_visible()
    page.wait_for_function("window.tried")
    assert page.evaluate("window.hit") is False, "a click goes through it"
    expect(page.locator(".draft")).to_be_visible()
    expect(page.locator("#whom")).to_contain_text("Draft")
