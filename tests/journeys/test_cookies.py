"""A whole journey leaves on a device exactly what `/cookies` tells: a chat with no and yes, a member's sign-in, and the
wish for no shortcuts."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest
from members import PASSWORD
from omniops.server.dashboard import door
from playwright.sync_api import expect
from waiting import until

PLACES = {"a cookie": "cookie", "storage of this tab": "sessionStorage", "storage of this browser": "localStorage"}


def told(stage, page):
    """(place, name) of all that the page for everybody lists."""
    body = unescape(page.request.get(f"{stage.api}/cookies").text())
    rows = re.findall(r"<code>([^<]*<key>[^<]*|[^<]+)</code> · ([a-z ]+) ·", body)
    return {(PLACES[place], name) for name, place in rows}


class Jar:
    """All that was ever seen on the device, by looking after each step."""

    def __init__(self, key):
        self.key, self.seen = key, set()

    def look(self, page):
        kept = page.evaluate("({localStorage: Object.keys(localStorage), sessionStorage: Object.keys(sessionStorage)})")
        now = {(place, name.replace(self.key, "<key>")) for place, names in kept.items() for name in names}
        now |= {("cookie", one["name"]) for one in page.context.cookies()}
        self.seen |= now
        return now


def answer(chat, which):
    """The choices fold away once somebody wrote; the button in the head shows them."""
    chat.part(".head button").first.click()
    with chat.page.expect_response(lambda r: r.url.endswith("/v1/visitor/consent")):
        chat.part(".choice button").nth(which).click()


def banner(stage, domain):
    """A page of the website that asks for what its own tags may do."""
    query = {"src": f"{stage.api}/consent.js", "lang": "en", "css": "friendly"}
    return f"{stage.site}/?{urlencode({**query, 'domain': domain.widget_key, 'purposes': 'analytics advertising'})}"


def journey(show, stage, domain, email, **options):
    """No, a question, one that has no line, yes, and a member's sign-in. Gives the jar."""
    jar = Jar(domain.widget_key)
    chat = show(domain, browser_options=options)
    page = chat.page
    first = jar.look(page)
    chat.open()
    jar.look(page)
    chat.ask("How long does it take?")
    answer(chat, 0)
    after_no = jar.look(page)
    page.context.set_offline(True)
    chat.expected = ("ERR_INTERNET_DISCONNECTED",)
    chat.part("textarea").fill("And to Skye?")
    chat.part("textarea").press("Enter")
    until(page, lambda: ("sessionStorage", "omniops:<key>:unsent") in jar.look(page))
    page.context.set_offline(False)
    page.reload()
    chat.open()
    expect(chat.part(".proof")).to_have_count(2)  # what was not sent is answered
    page.wait_for_load_state("networkidle")  # and the page knows all of its session again
    answer(chat, 1)
    until(page, lambda: ("localStorage", "omniops:<key>:token") in jar.look(page))
    page.goto(banner(stage, domain))
    buttons = page.locator("omniops-consent >> .all button")
    buttons.first.wait_for()
    jar.look(page)
    with page.expect_response("**/v1/visitor/choices"):
        buttons.first.click()
    jar.look(page)
    page.evaluate("omniopsConsent.open()")
    with page.expect_response("**/v1/visitor/choices"):
        buttons.last.click()
    until(page, lambda: ("localStorage", "omniops:<key>:consent") in jar.look(page))
    page.goto(stage.api + "/app/sign-in")
    jar.look(page)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_attached()
    jar.look(page)
    page.get_by_role("button", name="Keyboard").click()
    page.locator("[data-wish]").uncheck()
    until(page, lambda: ("localStorage", "omniops:keys") in jar.look(page))
    for path in ("/", "/privacy", "/preferences", f"/rights/{domain.widget_key}", f"/try?key={domain.widget_key}"):
        page.goto(stage.api + path)
        jar.look(page)
    return jar, first, after_no, told(stage, page)


def test_a_whole_journey_leaves_exactly_what_is_told(show, stage, office):
    domain, email = office
    jar, first, after_no, listed = journey(show, stage, domain, email)
    assert first == set(), "nothing is stored before one acts"
    assert ("localStorage", "omniops:<key>:token") not in after_no, "a no keeps nothing of the chat on the device"
    assert jar.seen == listed
    assert len(listed) == 6


SABOTAGES = {
    "a script": "localStorage.setItem('oo_extra', '1')",
    "the tab": "sessionStorage.setItem('oo_extra', '1')",
    "the sign-in": "",
}


@pytest.mark.parametrize("where", SABOTAGES)
def test_what_nobody_told_of_is_found(show, stage, office, monkeypatch, where):
    domain, email = office
    if where == "the sign-in":
        kept = door.keep_session

        def more(response, runtime, token):
            kept(response, runtime, token)
            response.set_cookie("oo_extra", "1")

        monkeypatch.setattr(door, "keep_session", more)
    jar, _, _, listed = journey(show, stage, domain, email, before=SABOTAGES[where])
    assert {name for _, name in jar.seen - listed} == {"oo_extra"}
