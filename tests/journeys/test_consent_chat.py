"""What the chat asks for and takes back, alone and beside a banner, in a real browser."""

import re

from playwright.sync_api import expect
from shopfront import visit
from waiting import until

__all__ = ["visit"]


def test_the_chat_alone_asks_as_well_and_counts_after_a_yes_only(visit, website):
    shop = visit("purposes=")
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    expect(chat.locator(".choice")).to_have_count(2)
    yes = chat.locator(".choice").last.locator("button").last
    yes.click()
    assert website.ledger() == website.counted() == [], "nobody is told before the visitor writes"
    chat.locator("textarea").fill("Do you have tents?")
    shop.seen(lambda: chat.locator("textarea").press("Enter"))
    assert website.ledger() == [("analytics", "given", "none")]
    assert ("page",) in website.counted()
    chat.locator(".head button").first.click()
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/consent") and r.ok):
        chat.locator(".choice").last.locator("button").first.click()
    assert website.counted() == []
    assert website.ledger()[1:] == [("analytics", "withdrawn", "none")]


def test_everything_that_is_kept_stands_on_the_page_of_what_can_be_stored(visit, website):
    shop = visit()
    shop.yes()
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    chat.locator(".choice button").last.click()
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/consent") and r.ok):
        chat.locator("textarea").press_sequentially("Tents?")
        chat.locator("textarea").press("Enter")
    shop.until(lambda kept: "oo_visitor_" in kept)
    until(shop.page, lambda: shop.page.evaluate("Object.keys(sessionStorage).length") == 1)
    local, session = shop.page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage)]")
    assert (len(local), len(session), shop.page.context.cookies()) == (2, 1, [])
    listed = shop.page.request.get(f"{website.base}/cookies").text().replace("&lt;", "<").replace("&gt;", ">")
    for name, place in [*((name, "this browser") for name in local), (session[0], "this tab")]:
        assert re.search(rf"<code>{re.escape(name.replace(website.key, '<key>'))}</code> · storage of {place}", listed)


def test_where_a_banner_asks_the_chat_does_not(visit):
    shop = visit()
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    expect(chat.locator(".choice")).to_have_count(1)


def test_words_in_the_chat_take_back_what_the_banner_was_told(visit, website):
    """Accepted in the banner, withdrawn in the chat, on one page that is not loaded anew."""
    shop = visit()
    shop.expected = ("403",)  # that a message was sent may be told when the yes is gone already: then nobody counts it
    shop.yes()
    expect(shop.part(".pill button").last).to_have_text("Take back my yes")
    chat = shop.page.locator("omniops-chat")
    chat.locator("button.launcher").click()
    chat.locator(".choice button").last.click()
    chat.locator("textarea").fill("Do you have tents?")
    chat.locator("textarea").press("Enter")
    shop.until(lambda kept: "oo_visitor_" in kept)
    chat.locator("article.entry .proof").first.wait_for()
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": True, "advertising": True}
    chat.locator("textarea").fill("I withdraw my consent.")
    chat.locator("textarea").press("Enter")
    expect(shop.part(".pill button")).to_have_text(["Privacy choices"], timeout=5000)
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}
    shop.until(lambda kept: "oo_" not in kept)  # neither the browser's number nor the chat's stay in this browser
    assert shop.google()[-1][2]["analytics_storage"] == "denied"
    assert website.counted() == []
    answers = dict(website.rows("select purpose, answer from omniops.consent_event order by id"))
    assert answers == {"analytics": "withdrawn", "advertising": "withdrawn", "chat.remember": "withdrawn"}
    sent = len(shop.sent)
    shop.page.reload()
    shop.part(".pill button").wait_for()
    assert shop.page.evaluate("[window.tags, omniopsConsent.state().analytics]") == [None, False]
    assert not any("analytics" in url for _, url in shop.sent[sent:])


def test_the_same_in_a_frame_which_cannot_see_what_the_website_keeps(visit, website):
    shop = visit("mode=frame")
    shop.expected = ("403",)
    shop.yes()
    shop.page.locator("omniops-chat >> button.launcher").click()
    chat = shop.page.frame_locator("iframe").locator("omniops-frame")
    chat.locator("textarea").fill("I withdraw my consent.")
    chat.locator("textarea").press("Enter")
    expect(shop.part(".pill button")).to_have_text(["Privacy choices"])
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}
    assert website.counted() == []
