"""The preference centre in a real browser: what is seen and taken back there, and that the website hears of it."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from shopfront import visit

__all__ = ["visit"]


def centre(shop):
    """The preference centre, from the banner's own link."""
    if shop.part(".card").is_hidden():
        shop.part(".pill button").first.click()
    with shop.page.context.expect_page() as opened:
        shop.part("a").last.click()
    page = opened.value
    page.on("console", lambda m: shop.wrong.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.locator(".choice .pair").first.wait_for()
    return page


def test_what_is_taken_back_in_the_preference_centre_is_gone_from_the_website(visit, website):
    shop = visit()
    shop.yes()
    page = centre(shop)
    assert "oo_consent_" not in page.url, "the token is out of sight"
    assert [page.locator(f"#{purpose} ~ .state").inner_text()[:13] for purpose in ("analytics", "advertising")] == [
        "You said yes."
    ] * 2
    expect(page.locator(".history li")).to_have_count(2)
    no, yes = (page.locator("[data-purpose=analytics] .pair button").nth(n).bounding_box() for n in (0, 1))
    assert (no["width"], no["height"]) == (yes["width"], yes["height"])
    with page.expect_download() as kept:
        page.locator(".history button").first.click()
    assert kept.value.suggested_filename.endswith(".jws")
    page.locator("[data-purpose=analytics] .pair button").first.click()
    expect(page.locator(".said")).to_have_text("Saved. It holds at once.")
    expect(page.locator("#analytics ~ .state")).to_have_text("You took your yes back.")
    assert website.counted() == [], "what was counted goes with the yes"
    page.reload()
    expect(page.locator("#advertising ~ .state")).to_contain_text("You said yes."), "a reload keeps who one is"
    page.locator(".all").click()
    expect(page.locator("#advertising ~ .state")).to_have_text("You took your yes back.")
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "withdrawn", "none")]
    assert page.evaluate("[Object.keys(localStorage), Object.keys(sessionStorage)]") == [[], []]
    page.close()
    shop.page.reload()
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert shop.stored()[0][0]["answers"] == {"analytics": False, "advertising": False}
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}


def test_a_tab_that_comes_back_hears_of_it_without_a_reload(visit):
    shop = visit()
    shop.yes()
    page = centre(shop)
    page.locator(".all").click()
    expect(page.locator("#analytics ~ .state")).to_have_text("You took your yes back.")
    page.close()
    shop.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    shop.until(lambda kept: "oo_consent_" not in kept)


@pytest.mark.parametrize(
    ("query", "scheme", "size"),
    [("", "light", (1280, 800)), ("lang=de-AT", "dark", (390, 844)), ("lang=ar", "light", (320, 640))],
    ids=["light", "phone", "right-to-left"],
)
def test_the_preference_centre_is_accessible(visit, query, scheme, size, tmp_path):
    shop = visit(query, scheme=scheme, size=size)
    shop.yes()
    page = centre(shop)
    found = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture = os.environ.get("OMNIOPS_PICTURES")
    if picture:
        page.screenshot(path=f"{picture}/centre-{scheme}-{size[0]}.png", full_page=True)
