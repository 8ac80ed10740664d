"""A website that has a consent manager already: it asks, and the ledger hears of it. In a real browser."""

import sys
from pathlib import Path

from omniops.contracts.ids import SystemClock
from shopfront import visit
from waiting import until

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "omniops-tcf" / "tests"))
from strings import tc

__all__ = ["visit"]

ALL = range(1, 12)
RECENT = SystemClock().now()


def decide(shop, string, status="useractioncomplete"):
    """The person decides in the website's own consent manager; waits until the server has read it."""
    with shop.page.expect_response(lambda r: r.url.endswith("/v1/visitor/choices/tcf") and r.request.method == "POST"):
        shop.page.evaluate("([string, status]) => decide(string, status)", [string, status])


def test_a_websites_own_consent_manager_is_heard_and_no_banner_asks(visit, website):
    shop = visit("source=tcf")
    until(shop.page, lambda: shop.page.evaluate("Boolean(window.decide)"))
    assert shop.part(".card").is_hidden()
    assert shop.stored() == ([], {}, [])
    shop.page.evaluate("decide('x', 'cmpuishown')")
    shop.page.evaluate("([string]) => decide(string, 'tcloaded', false)", [tc(ALL, created=RECENT)])
    assert website.ledger() == [], "before a decision, and where no law applies, nothing is said"
    decide(shop, tc((1, 8), created=RECENT))
    shop.until(lambda kept: "oo_consent_" in kept)
    assert website.ledger() == [("analytics", "given", "none"), ("advertising", "refused", "none")]
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": True, "advertising": False}
    until(shop.page, lambda: website.counted() == [("page",)])
    shop.seen(shop.page.reload)
    until(shop.page, lambda: shop.page.evaluate("Boolean(window.decide)"))
    shop.page.evaluate("([string]) => decide(string, 'tcloaded')", [tc((1, 8), created=RECENT)])
    assert len(website.ledger()) == 2, "the same string is told once"
    decide(shop, tc((), created=RECENT))
    shop.until(lambda kept: "oo_consent_" not in kept)
    assert website.ledger()[2:] == [("analytics", "withdrawn", "none"), ("advertising", "refused", "none")]
    assert website.counted() == []
    shop.expected = ("422", "was not kept")
    decide(shop, "no TC string")
    assert shop.page.evaluate("omniopsConsent.state()") == {"analytics": False, "advertising": False}


def test_another_manager_calls_one_function(visit, website):
    shop = visit("source=callback")
    until(shop.page, lambda: shop.page.evaluate("Boolean(omniopsConsent.tell)"))
    shop.page.evaluate("void omniopsConsent.tell({ stats: false, ads: true })")
    shop.until(lambda kept: "oo_consent_" in kept)
    assert website.ledger() == [("analytics", "refused", "none"), ("advertising", "given", "none")]
    assert shop.page.evaluate("window.tags") is None
