"""The consent banner on a website, in a real browser: what each answer stores, sends, and leaves on the server."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from shopfront import visit

__all__ = ["visit"]

GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"


def test_before_an_answer_nothing_is_stored_and_nobody_is_told(visit, website):
    shop = visit()
    shop.part(".all").wait_for()
    assert shop.stored() == ([], {}, [])
    to_us = [(method, url.removeprefix(website.base)) for method, url in shop.sent if url.startswith(website.base)]
    assert {method for method, _ in to_us} == {"GET"}
    assert [re.sub(r"-[0-9a-f]{12}", "", url) for _, url in sorted(to_us)] == [
        "/consent.js",
        "/consent/words-en.js",
        "/widget.js",
    ]
    assert website.ledger() == website.counted() == []
    assert shop.google() == [
        [
            "consent",
            "default",
            {
                "wait_for_update": 500,
                "analytics_storage": "denied",
                "ad_storage": "denied",
                "ad_user_data": "denied",
                "ad_personalization": "denied",
            },
        ]
    ]
    assert shop.page.evaluate("[window.tags, omniopsConsent.state()]") == [
        None,
        {"analytics": False, "advertising": False},
    ]
    no, yes = (shop.part(".all button").nth(n).bounding_box() for n in (0, 1))
    assert (no["width"], no["height"]) == (yes["width"], yes["height"])
    style = "e => ['color', 'backgroundColor', 'fontWeight', 'fontSize'].map(p => getComputedStyle(e)[p]).join()"
    assert shop.part(".all button").first.evaluate(style) == shop.part(".all button").last.evaluate(style)
    assert shop.page.locator("h1").bounding_box()["y"] < 90, "the page lies where it lay"


def test_a_no_is_kept_without_any_number_and_is_not_asked_again(visit, website):
    shop = visit()
    shop.no()
    expect(shop.part(".card")).to_be_hidden()
    ((kept,), session, cookies) = shop.stored()
    assert (kept["answers"], session, cookies) == ({"analytics": False, "advertising": False}, {}, [])
    assert set(kept) == {"answers", "at"}
    assert website.ledger() == [("analytics", "refused", "none"), ("advertising", "refused", "none")]
    shop.page.reload()
    expect(shop.part(".pill button")).to_have_text("Privacy choices")
    expect(shop.part(".card")).to_be_hidden()
    assert website.counted() == []
    assert shop.page.evaluate("window.tags") is None
    assert not any("collect" in url or "analytics" in url for _, url in shop.sent)


def test_a_yes_counts_the_visit_and_lets_waiting_tags_run(visit, website):
    shop = visit()
    shop.yes()
    ((kept,), _, cookies) = shop.stored()
    assert kept["answers"] == {"analytics": True, "advertising": True}
    assert kept["id"].startswith("oo_consent_")
    assert cookies == []
    assert website.ledger() == [("analytics", "given", "none"), ("advertising", "given", "none")]
    assert shop.page.evaluate("window.tags") == 1, "a tag that waited runs, under trusted types too"
    command, what, state = shop.google()[-1]
    assert (command, what, set(state.values())) == ("consent", "update", {"granted"})
    shop.seen(lambda: shop.page.locator("omniops-chat >> button.launcher").click())
    assert website.counted() == [("page",), ("chat_opened",)]
    shop.seen(lambda: shop.page.evaluate("history.pushState(null, '', '/tents/ridge'); void 0"))
    shop.seen(lambda: shop.page.reload())
    assert [kind for (kind,) in website.counted()] == ["page", "chat_opened", "page", "page"]
    assert shop.page.evaluate("window.tags") == 1
    pages = website.rows("select value, count from omniops.analytics_count where what = 'page' order by value")
    assert pages == [("/", 1), ("/tents/ridge", 2)]
    assert website.rows("select distinct value from omniops.analytics_count where what in ('browser', 'system')") != []


def test_one_click_takes_a_yes_back_and_nothing_of_it_is_left(visit, website):
    shop = visit()
    shop.yes()
    expect(shop.part(".card")).to_be_hidden()
    stop = shop.part(".pill button").last
    expect(stop).to_have_text("Take back my yes")
    shop.answered(lambda: stop.press("Enter"))
    expect(stop).to_have_text("Privacy choices")
    expect(stop).to_be_focused()
    assert website.counted() == []
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "withdrawn", "none")]
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert shop.google()[-1][2]["analytics_storage"] == "denied"
    sent = len(shop.sent)
    shop.page.locator("omniops-chat >> button.launcher").click()
    shop.page.reload()
    shop.part(".pill button").wait_for()
    assert not any("analytics" in url for _, url in shop.sent[sent:])
    assert shop.page.evaluate("window.tags") is None
    assert website.counted() == []


def test_a_browser_that_asks_not_to_be_tracked_is_not_asked_and_sees_that_it_counts(visit, website):
    shop = visit(before=GPC)
    expect(shop.part(".pill")).to_contain_text("Off: your browser asks not to be tracked")
    expect(shop.part(".card")).to_be_hidden()
    shop.part(".pill button").click()
    expect(shop.part(".choice").first).to_contain_text("Off: your browser asks not to be tracked")
    expect(shop.part(".choice button, .all button")).to_have_count(0)
    assert shop.violations() == []
    assert shop.stored() == ([], {}, [])
    assert website.ledger() == []


def test_a_signal_that_comes_later_takes_an_earlier_yes_back(visit, website):
    first = visit()
    first.yes()
    storage = first.page.context.storage_state()
    with_signal = visit(before=GPC, storage=storage)
    expect(with_signal.part(".pill")).to_contain_text("Off")
    with_signal.until(lambda kept: "oo_consent_" not in kept)
    assert website.ledger()[2:] == [("analytics", "withdrawn", "gpc"), ("advertising", "withdrawn", "gpc")]
    assert website.counted() == []
    assert with_signal.page.evaluate("window.tags") is None


def test_a_yes_that_does_not_reach_the_server_is_no_yes_and_a_no_is_told_later(visit, website):
    shop = visit()
    shop.expected = ("Failed to load", "Failed to fetch")
    shop.page.route("**/v1/visitor/choices", lambda route: route.abort())
    shop.part(".pair button").nth(1).click()
    expect(shop.part(".said")).to_contain_text("Not saved")
    assert shop.stored()[0] == []
    assert shop.page.evaluate("[window.tags, omniopsConsent.state().analytics]") == [None, False]
    shop.page.unroute("**/v1/visitor/choices")
    shop.yes()
    shop.page.route("**/v1/visitor/choices", lambda route: route.abort())
    shop.part(".pill button").last.click()
    shop.until(lambda kept: "late" in kept)
    assert shop.page.evaluate("omniopsConsent.state().analytics") is False, "here a no counts at once"
    shop.page.unroute("**/v1/visitor/choices")
    shop.answered(shop.page.reload)
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert website.counted() == []


def test_it_works_with_the_keyboard_and_from_the_pages_own_link(visit):
    shop = visit("purposes=analytics")
    shop.part(".pair").wait_for()
    expect(shop.part(".all")).to_have_count(0)
    shop.page.keyboard.press("Tab")
    expect(shop.part(".close")).to_be_focused()
    shop.page.keyboard.press("Tab")
    expect(shop.part(".pair button").first).to_be_focused()
    shop.page.evaluate("window.told = []; omniopsConsent.on((state) => told.push(state.analytics)); void 0")
    shop.page.evaluate("document.addEventListener('omniops:consent', (e) => told.push(e.detail.analytics))")
    shop.answered(lambda: shop.page.keyboard.press("Enter"))
    expect(shop.part(".card")).to_be_hidden()
    expect(shop.part(".pill button")).to_be_focused()
    assert set(shop.page.evaluate("told")) == {False}
    shop.page.evaluate("omniopsConsent.open()")
    expect(shop.part(".close")).to_be_focused()
    expect(shop.part(".pair button").first).to_have_attribute("aria-pressed", "true")
    shop.part(".pair button").last.focus()
    shop.seen(lambda: shop.page.keyboard.press("Space"))
    expect(shop.part(".said")).to_have_text("Saved")
    expect(shop.part(".pair button").last).to_be_focused()
    assert True in shop.page.evaluate("told")
    shop.page.keyboard.press("Escape")
    expect(shop.part(".card")).to_be_hidden()


@pytest.mark.parametrize(
    ("query", "scheme", "size"),
    [("", "light", (1280, 800)), ("lang=de-AT", "dark", (390, 844)), ("lang=ar", "dark", (320, 640))],
    ids=["light", "phone", "right-to-left"],
)
def test_every_state_is_accessible(visit, query, scheme, size):
    shop = visit(query, scheme=scheme, size=size)
    shop.part(".all").wait_for()
    assert shop.violations() == []
    assert shop.part(".card").evaluate("e => e.scrollWidth <= e.clientWidth")
    shop.yes()
    shop.part(".pill button").last.wait_for()
    assert shop.violations() == []
    shop.part(".pill button").first.click()
    assert shop.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_what_can_be_stored_is_accessible(visit, website, scheme):
    shop = visit(scheme=scheme, size=(390, 844))
    with shop.page.context.expect_page() as opened:
        shop.part("a").first.click()
    listed = opened.value
    listed.wait_for_load_state()
    assert listed.url == f"{website.base}/cookies"
    found = Axe().run(listed).response["violations"]
    assert [violation["id"] for violation in found] == []
    assert listed.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(listed.locator("li")).to_have_count(6)
