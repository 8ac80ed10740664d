"""Meta's callbacks when a member takes access back or asks for deletion."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import pytest
from graph import APP, SECRET, VERIFY
from meta_leaving import ASKED, called_back, encoded, request
from omniops.contracts.webhook import Webhook
from omniops.errors import Rejected
from omniops.testing.fakes import GivenLinks, ShutGate, context
from omniops_meta import MetaPlugin
from omniops_meta.settings import MetaSettings

URL = "https://omniops.example/webhooks/meta-messenger"


@pytest.fixture
def integration(tmp_path):
    settings = MetaSettings(app_id=APP, app_secret=SECRET, verify_token=VERIFY)
    plugin = MetaPlugin(context("meta", settings, folder=tmp_path, gate=ShutGate(), links=GivenLinks()))
    return next(one for one in plugin.integrations() if one.name == "meta-messenger")


def delivery(signed_request, method="POST", query=None):
    body = urlencode({"signed_request": signed_request}).encode()
    headers = [("content-type", "application/x-www-form-urlencoded")]
    return Webhook(method, URL, headers, query or {}, body, datetime.now(UTC))


def test_a_request_for_deletion_is_answered_with_a_code_and_a_page(integration):
    received = integration.receive(delivery(request(ASKED)), None)
    assert received.reply.media_type == "application/json"
    said = json.loads(received.reply.body)
    assert set(said) == {"url", "confirmation_code"}
    assert "218471" not in received.reply.body
    assert said["url"] == f"https://omniops.example/rights/told/meta-messenger/{said['confirmation_code']}"
    assert said["confirmation_code"].isalnum()
    again = integration.receive(delivery(request(ASKED)), None)
    assert again.reply == received.reply, "the same request has the same code"
    other = integration.receive(delivery(request({**ASKED, "issued_at": 1291836801})), None)
    assert other.reply != received.reply


@pytest.mark.parametrize(
    "signed_request",
    [
        "",
        ".",
        "nonsense",
        "äöü.äöü",
        f".{encoded(b'{}')}",
        request(ASKED, secret="of-another-app"),
        request(ASKED)[1:],
        request(ASKED)[:-1],
        request({**ASKED, "algorithm": "none"}),
        request({"algorithm": "HMAC-SHA256"}),
        request([]),
    ],
)
def test_what_meta_did_not_sign_is_refused(integration, signed_request):
    with pytest.raises(Rejected):
        integration.receive(delivery(signed_request), None)


def test_without_a_secret_nobody_is_believed(tmp_path):
    plugin = MetaPlugin(context("meta", MetaSettings(), folder=tmp_path))
    for integration in plugin.integrations():
        with pytest.raises(Rejected):
            integration.receive(delivery(request(ASKED, secret="")), None)


def test_a_letter_with_a_signature_in_a_header_does_not_pass_as_a_form(integration):
    told = Webhook("POST", URL, [("content-type", "application/json")], {}, b"signed_request=x", datetime.now(UTC))
    with pytest.raises(Rejected):
        integration.receive(told, None)


def cases(app, domain):
    """The cases of a website."""
    return app.rows('select "right", channel, state from omniops.rights_case where domain_id = %s', domain.id)


async def test_a_deletion_opens_a_case_at_each_website_whose_access_the_person_gave(app):
    await app.connect("meta-whatsapp")
    await app.connect("meta-instagram")
    first, app.domain = app.domain, await app.new_domain()
    await app.connect("meta-messenger")
    answer = await called_back(app, app.business.id)
    for domain in (first, app.domain):
        assert cases(app, domain) == [("erasure", "system", "open")], "one case, however many connections"
    assert app.business.id not in app.everything(), "the person's id at Meta lies nowhere in clear"
    page = urlsplit(answer.json()["url"]).path
    seen = await app.http.get(page)
    assert (seen.status_code, seen.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "Your request is being worked on." in seen.text
    assert answer.json()["confirmation_code"] in seen.text
    again = await called_back(app, app.business.id)
    assert again.json() == answer.json()
    assert cases(app, first) == [("erasure", "system", "open")]
    end = "update omniops.rights_case set state = 'closed', outcome = %s where domain_id = %s"
    app.rows(end, "done", first.id)
    assert "is being worked on" in (await app.http.get(page)).text, "the other website has not answered yet"
    app.rows(end, "done", app.domain.id)
    assert "Your request is done." in (await app.http.get(page)).text
    app.rows(end, "refused", app.domain.id)
    assert "Your request was refused." in (await app.http.get(page)).text


async def test_of_somebody_unknown_nothing_is_held(app):
    await app.connect("meta-messenger")
    answer = await called_back(app, "218471")
    assert cases(app, app.domain) == []
    seen = await app.http.get(urlsplit(answer.json()["url"]).path)
    assert "Nothing is held about you." in seen.text
    guessed = await app.http.get("/rights/told/meta-messenger/of-nobody", headers={"accept-language": "de"})
    assert "Über Sie ist nichts gespeichert." in guessed.text


async def test_who_took_access_back_leaves_a_connection_that_waits_for_a_person(app):
    await app.connect("meta-messenger")
    await called_back(app, app.business.id, deauthorize=True)
    (view,) = await app.runtime.connections.all(app.scope)
    assert view.state == "connected", "the access still works: it was another one that ended"
    app.meta.tokens.clear()
    await called_back(app, app.business.id, deauthorize=True, at="meta-whatsapp", issued_at=1790000000)
    (view,) = await app.runtime.connections.all(app.scope)
    assert view.state == "needs_reauth"
    assert cases(app, app.domain) == [], "who takes access back has not asked to be deleted"
