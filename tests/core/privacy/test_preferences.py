"""A person's own choices over HTTP: seen, changed, proven by a receipt, begun by a mail."""

import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from desk import serving
from joserfc import jws
from joserfc.jwk import KeySet
from omniops.contracts.scope import Actor
from omniops.operations.firsts import OPERATOR
from omniops.privacy.catalog import CHOICE_DAYS
from omniops.privacy.consent_receipts import STATES, categories_of
from omniops.privacy.notices import LANGUAGES, choices
from omniops.web.centre import page_words
from pyld import jsonld

MEMBER = Actor("member", "m")


@pytest.fixture
async def shop(desk):
    """The website as its visitors' browsers see the server."""
    async with serving(desk.runtime) as base, httpx2.AsyncClient(base_url=base, timeout=30) as http:
        http.headers["Origin"] = desk.domain.origins[0]
        yield http


def words_of(desk, purpose, language="en"):
    return {choice.purpose: choice for choice in choices(desk.runtime.catalog, language)}[purpose]


def answers(desk, **given):
    shown = {p: words_of(desk, p) for p in given}
    return [
        {"purpose": p, "given": yes, "notice": shown[p].notice, "version": shown[p].version} for p, yes in given.items()
    ]


async def chose(desk, shop, **given):
    body = {"key": desk.domain.widget_key, "answers": answers(desk, **given), "locale": "de-DE"}
    return (await shop.post("/v1/visitor/choices", json=body)).json()["consent"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def see(desk, shop, token=None, **headers):
    params = {"key": desk.domain.widget_key, "language": "en"}
    answer = await shop.get(
        "/v1/visitor/preferences", params=params, headers={**(bearer(token) if token else {}), **headers}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def change(desk, shop, token, **given):
    body = {"key": desk.domain.widget_key, "answers": answers(desk, **given), "locale": "de-DE"}
    return await shop.post("/v1/visitor/preferences", json=body, headers=bearer(token) if token else {})


def states(seen):
    return {one["purpose"]: one["state"] for one in seen["purposes"]}


# Seeing and changing


async def test_who_shows_the_token_sees_every_purpose_and_what_stands(desk, shop):
    token = await chose(desk, shop, analytics=True, advertising=False)
    seen = await see(desk, shop, token)
    assert seen["known"]
    assert states(seen) == {"chat.remember": None, "analytics": "given", "advertising": "refused", "marketing": None}
    assert [(e["purpose"], e["event"], e["method"]) for e in seen["history"]] == [
        ("analytics", "given", "banner"),
        ("advertising", "refused", "banner"),
    ]
    (counting,) = [one for one in seen["purposes"] if one["purpose"] == "analytics"]
    assert counting["until"][:10] == (desk.clock.now() + timedelta(days=CHOICE_DAYS)).date().isoformat()
    (remember,) = [one for one in seen["purposes"] if one["purpose"] == "chat.remember"]
    assert [stored["place"] for stored in remember["stored"]] == ["local_storage"]


async def test_who_shows_none_sees_nobodys(desk, shop):
    await chose(desk, shop, analytics=True)
    for token in (None, "oo_consent_none", "oo_visitor_none"):
        seen = await see(desk, shop, token)
        assert (seen["known"], seen["history"], set(states(seen).values())) == (False, [], {None})
    refused = await change(desk, shop, None, analytics=True)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")


async def test_a_no_takes_one_call_and_holds_at_once(desk, shop):
    token = await chose(desk, shop, analytics=True, advertising=True)
    told = (await change(desk, shop, token, analytics=False)).json()
    assert (told["consent"], told["answers"]["analytics"]) == (token, "withdrawn")
    event = {"key": desk.domain.widget_key, "events": [{"kind": "page", "page": "/"}]}
    refused = await shop.post("/v1/visitor/analytics", json=event, headers=bearer(token))
    assert refused.json()["code"] == "no_consent"
    assert (await change(desk, shop, token, analytics=True)).json()["answers"]["analytics"] == "given"
    told = (await change(desk, shop, token, analytics=False, advertising=False)).json()
    assert told["consent"] is None, "the number is worth nothing any more"
    key = desk.domain.widget_key
    assert {"name": f"omniops:{key}:token", "place": "local_storage"} in told["forget"]
    assert all(one["place"] != "session_storage" for one in told["forget"]), "what a chat needs is no choice"
    standing = await shop.get("/v1/visitor/choices", params={"key": key}, headers=bearer(token))
    assert standing.json()["consent"] is None
    assert standing.json()["forget"] == told["forget"]
    assert len((await see(desk, shop, token))["history"]) == 6, "its holder sees for a day what was answered"
    desk.clock.forward(days=1, seconds=1)
    await desk.runtime.privacy.consent_jobs.expire()
    assert not (await see(desk, shop, token))["known"]


async def test_a_chats_session_changes_its_own(desk, shop):
    token, visitor = await desk.runtime.visitors.open(desk.domain, "en", desk.domain.origins[0])
    body = {"key": desk.domain.widget_key, "answers": answers(desk, **{"chat.remember": True})}
    own = {**bearer(token), "Sec-Fetch-Site": "same-origin", "Origin": str(shop.base_url)}
    told = (await shop.post("/v1/visitor/preferences", json=body, headers=own)).json()
    assert (told["answers"], told["consent"], told["forget"]) == ({"chat.remember": "given"}, None, [])
    (event,) = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert (event.method, event.answer) == ("preferences", "given")
    elsewhere = await see_of(desk.other, shop, token)
    assert not elsewhere["known"]


async def see_of(domain, shop, token):
    params = {"key": domain.widget_key}
    headers = {**bearer(token), "Sec-Fetch-Site": "same-origin"}
    return (await shop.get("/v1/visitor/preferences", params=params, headers=headers)).json()


async def test_a_signal_is_heeded_when_one_looks_and_told(desk, shop):
    token = await chose(desk, shop, analytics=True)
    seen = await see(desk, shop, token, **{"Sec-GPC": "1"})
    assert (seen["signal"], states(seen)["analytics"]) == ("gpc", "withdrawn")
    assert {one["purpose"]: one["forbidden"] for one in seen["purposes"]} == {
        "chat.remember": False, "analytics": True, "advertising": True, "marketing": False,
    }  # fmt: skip


async def test_only_our_own_page_and_the_website_may_ask(desk, shop):
    token = await chose(desk, shop, analytics=True)
    params = {"key": desk.domain.widget_key}
    headers = {**bearer(token), "Origin": "https://other.example"}
    for path in ("preferences", "choices"):
        assert (await shop.get(f"/v1/visitor/{path}", params=params, headers=headers)).status_code == 403


async def test_who_receives_is_told_where_the_plugin_is_on(desk, shop, monkeypatch):
    from dataclasses import replace

    register = desk.runtime.register
    entry = register.get("post")
    processor = replace(entry.processor, purposes=("analytics",))
    monkeypatch.setitem(register._entries, "post", replace(entry, processor=processor))
    told = {one["purpose"]: one["recipients"] for one in (await see(desk, shop))["purposes"]}
    assert told["analytics"] == []
    await desk.runtime.accounts.switch(desk.domain.scope, "post", on=True, actor=OPERATOR)
    told = {one["purpose"]: one["recipients"] for one in (await see(desk, shop))["purposes"]}
    assert told["analytics"] == [{"name": "Post", "countries": ["DE"]}]
    assert told["advertising"] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_speaks_each_language_and_brings_no_script_from_elsewhere(desk, shop, language):
    page = await shop.get("/preferences", params={"key": desk.domain.widget_key, "lang": language})
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    words = page_words(language)
    assert f'<html lang="{language}"' in page.text
    assert ('dir="rtl"' in page.text) == (language == "ar")
    for text in (words["statement"].replace("{title}", "Shop"), words["needed"]["legal.defend"], words["noAll"]):
        assert text in page.text.replace("&#39;", "'")
    assert words_of(desk, "analytics", language).title in page.text
    assert set(words) == set(page_words("en"))
    assert all(
        re.findall(r"\{\w+\}", words[k]) == re.findall(r"\{\w+\}", page_words("en")[k]) for k in words if k != "needed"
    )


async def test_global_privacy_control_is_honoured_and_said_so(shop):
    told = await shop.get("/.well-known/gpc.json")
    assert told.headers["content-type"] == "application/json"
    assert told.json()["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told.json()["lastUpdate"])


# Receipts


async def receipt(desk, shop, token, event):
    return await shop.get(
        f"/v1/visitor/consent-receipts/{event}", params={"key": desk.domain.widget_key}, headers=bearer(token)
    )


def read(signed, keys):
    found = jws.deserialize_compact(signed, KeySet.import_key_set(keys), algorithms=["Ed25519"])
    assert found.headers()["typ"] == "omniops-consent-receipt+jws"
    return json.loads(found.payload)


def no_network(url, _options):
    raise AssertionError(f"a receipt needs nothing from {url}")


async def test_each_answer_has_a_signed_receipt_with_every_mandatory_field(desk, shop):
    token = await chose(desk, shop, analytics=True)
    await change(desk, shop, token, advertising=True, analytics=False)
    seen = await see(desk, shop, token)
    keys = (await shop.get("/.well-known/omniops-receipts.json")).json()
    for entry in seen["history"]:
        answer = await receipt(desk, shop, token, entry["id"])
        assert answer.headers["content-type"] == "application/jose"
        said = read(answer.text, keys)
        assert (said["record_id"], said["event"]["event_state"]) == (entry["id"], STATES[entry["event"]])
        processing, party, event = said["pii_processing"], said["party_identification"], said["event"]
        for part, fields in (
            (said, "schema_version record_id pii_principal_id"),
            (processing, "privacy_notice purpose pii_information pii_controllers storage_locations retention_period"),
            (processing, "lawful_basis recipients jurisdiction withdrawal_method"),
            (processing["privacy_notice"], "notice_version language"),
            (party, "party_id party_name party_address party_contact party_type"),
            (event, "event_time entity_id event_type event_state"),
        ):
            assert all(field in part for field in fields.split()), fields
        assert ("validity_duration" in event) == (entry["event"] == "given")
    said = read((await receipt(desk, shop, token, seen["history"][0]["id"])).text, keys)
    assert said["pii_processing"]["jurisdiction"] == "DE"
    assert [one["pii_type"] for one in said["pii_processing"]["pii_information"]] == categories_of("analytics")
    assert "usage.page" in categories_of("analytics")


async def test_a_receipt_is_json_ld_whose_every_field_means_something(desk, shop):
    token = await chose(desk, shop, analytics=True)
    (entry,) = (await see(desk, shop, token))["history"]
    keys = (await shop.get("/.well-known/omniops-receipts.json")).json()
    said = read((await receipt(desk, shop, token, entry["id"])).text, keys)
    (expanded,) = jsonld.expand(said, {"documentLoader": no_network})
    assert expanded["@type"] == ["https://w3id.org/dpv#ConsentRecord"]
    (state,) = expanded["https://w3id.org/dpv#hasConsentStatus"]
    assert state["https://w3id.org/dpv#hasStatus"] == [{"@id": "https://w3id.org/dpv#ConsentGiven"}]
    (processing,) = expanded["https://w3id.org/dpv#hasProcess"]
    assert processing["https://w3id.org/dpv#hasLegalBasis"] == [{"@id": "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a"}]
    known = json.loads(Path(__file__).with_name("dpv_terms.json").read_text("utf-8"))["terms"].values()
    used = set(re.findall(r"https://w3id\.org/dpv[^\"]*", json.dumps(expanded)))
    assert used <= {term for terms in known for term in terms}, "terms of DPV 2.3 only"
    del said["iss"], said["iat"]  # of the JWS (RFC 7519), and no statement about the consent

    def fields(value):
        if isinstance(value, dict):
            return sum((name != "@context") + fields(inner) for name, inner in value.items() if name != "@context")
        return sum(map(fields, value)) if isinstance(value, list) else 0

    def terms(value):
        if isinstance(value, dict):
            own = [name for name in value if name == "@type" or not name.startswith("@")]
            return sum(not (name == "@type" and "@value" in value) for name in own) + sum(map(terms, value.values()))
        return sum(map(terms, value)) if isinstance(value, list) else 0

    assert terms(jsonld.expand(said, {"documentLoader": no_network})) == fields(said), "nothing was dropped"


async def test_nobody_gets_anothers_receipt_and_a_changed_one_does_not_hold(desk, shop):
    token, other = await chose(desk, shop, analytics=True), await chose(desk, shop, advertising=True)
    (entry,) = (await see(desk, shop, token))["history"]
    assert (await receipt(desk, shop, other, entry["id"])).status_code == 404
    assert (await receipt(desk, shop, "oo_consent_none", entry["id"])).status_code == 401
    head, body, signature = (await receipt(desk, shop, token, entry["id"])).text.split(".")
    keys = (await shop.get("/.well-known/omniops-receipts.json")).json()
    with pytest.raises(Exception, match=r"bad_signature|[Ss]ignature"):
        read(f"{head}.{body[:-4]}AAAA.{signature}", keys)


# Double opt-in


async def ask(desk, shop, email="tom@mail.example", **more):
    body = {"key": desk.domain.widget_key, "purpose": "marketing", "email": email, "locale": "de-DE"}
    body["version"] = words_of(desk, "marketing", "de").version
    return await shop.post("/v1/visitor/consent-requests", json={**body, **more})


async def link(desk):
    """The address in the newest mail, as (key, token)."""
    await desk.work("mail")
    mail = desk.mailer.sent[-1]
    (address,) = re.findall(r"https?://\S+/preferences/confirm\?\S+", mail.text)
    query = parse_qs(urlsplit(address).query)
    return {"key": query["key"][0], "token": query["token"][0]}, mail


async def press(shop, found, answer="yes", **more):
    return await shop.post("/preferences/confirm", data={**found, "answer": answer, **more})


def news(desk):
    return desk.rows(
        "select answer, method from omniops.consent_event where home_id = %s and purpose = 'marketing' order by id",
        desk.domain.id,
    )


async def test_a_yes_to_news_begins_with_the_button_behind_the_mails_link_and_counts_once(desk, shop):
    asked = await ask(desk, shop)
    assert (asked.status_code, asked.content) == (202, b"null")
    found, mail = await link(desk)
    assert (mail.to, mail.subject) == ("tom@mail.example", "Bitte bestätigen: Neuigkeiten von Shop")
    for _ in range(3):
        looked = await shop.get("/preferences/confirm", params=found)
        assert "Ja, Neuigkeiten senden" in looked.text
    assert news(desk) == [], "scanners of mail open links: opening one is no yes"
    assert await desk.runtime.vault.find(desk.domain.id, "email", "tom@mail.example") is None
    done = await press(shop, found)
    assert (done.status_code, "Neuigkeiten per E-Mail sind an." in done.text) == (200, True)
    assert news(desk) == [("given", "mail")]
    assert await desk.runtime.vault.find(desk.domain.id, "email", "tom@mail.example") is not None
    assert (await press(shop, found)).status_code == 404, "a replay"
    assert news(desk) == [("given", "mail")]


async def test_the_same_link_ends_it_in_one_press_and_the_address_goes(desk, shop):
    await ask(desk, shop, "eve@mail.example")
    found, _ = await link(desk)
    await press(shop, found)
    ended = await press(shop, found, "no")
    assert "Beendet." in ended.text
    assert news(desk)[-1] == ("withdrawn", "mail")
    assert await desk.runtime.vault.find(desk.domain.id, "email", "eve@mail.example") is None
    held = desk.rows("select count(*) from omniops.consent_request where domain_id = %s", desk.domain.id)
    assert held == [(0,)]
    assert (await press(shop, found, "no")).status_code == 404


async def test_a_forged_a_foreign_and_an_old_link_are_refused_alike(desk, shop):
    await ask(desk, shop)
    found, _ = await link(desk)
    forged = await press(shop, {**found, "token": "oo_confirm_forged"})
    foreign = await press(shop, {**found, "key": desk.other.widget_key})
    assert (forged.status_code, foreign.status_code) == (404, 404)
    assert (await press(shop, found, "no")).status_code == 404, "what is not on cannot be ended"
    assert (await press(shop, found, "maybe")).status_code == 422
    desk.clock.forward(days=2)
    assert (await press(shop, found)).status_code == 404
    assert (await shop.get("/preferences/confirm", params=found)).status_code == 404
    assert news(desk) == []
    await desk.runtime.privacy.opt_in.sweep()
    assert desk.rows("select count(*) from omniops.consent_request where domain_id = %s", desk.domain.id) == [(0,)]


async def test_no_other_way_says_yes_to_news(desk, shop):
    token = await chose(desk, shop, analytics=True)
    refused = await change(desk, shop, token, marketing=True)
    assert (refused.status_code, refused.json()["code"]) == (422, "needs_confirmation")
    body = {"key": desk.domain.widget_key, "answers": answers(desk, marketing=True)}
    assert (await shop.post("/v1/visitor/choices", json=body)).json()["code"] == "needs_confirmation"
    for wrong, where in (
        ({"purpose": "analytics"}, "purpose"),
        ({"email": "no address"}, "to"),
        ({"version": "0" * 64}, "version"),
    ):
        answer = await ask(desk, shop, **wrong)
        assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert news(desk) == []


async def test_a_chats_visitor_is_the_one_who_gets_the_news(desk, shop):
    token, visitor = await desk.runtime.visitors.open(desk.domain, "en", desk.domain.origins[0])
    shop.headers.update(bearer(token))
    await ask(desk, shop)
    found, _ = await link(desk)
    await press(shop, found)
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {"marketing": "given"}
    (row,) = desk.rows("select subject_id from omniops.consent_request where domain_id = %s", desk.domain.id)
    assert row == (visitor.subject_id,)
    deleted = await desk.runtime.privacy.erasure.erase(desk.domain.scope, visitor.subject_id, actor=MEMBER)
    assert deleted["consent_request"] == 1


async def test_one_address_is_not_flooded(desk, shop):
    assert {(await ask(desk, shop)).status_code for _ in range(3)} == {202}
    assert (await ask(desk, shop, "TOM@mail.example ")).status_code in (422, 429)
    assert (await ask(desk, shop, "tom@mail.example")).status_code == 429
