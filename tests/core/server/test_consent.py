"""Choices and what hangs on them: the ledger, the words that were shown, analytics behind a yes, signals, notices."""

import asyncio
import io
import logging
import re
import secrets

import httpx2
import psycopg
import pytest
from omniops.analytics.models import AnalyticsEvent
from omniops.contracts.scope import Actor
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from omniops.privacy.notices import CAUTIONS, LANGUAGES, NoticeTexts, choices
from omniops.web.banner import Banner
from on_disk import contents
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148"
    " Safari/604.1"
)


@pytest.fixture
async def shop(world):
    """A fresh website of the first account."""
    origin = f"https://{secrets.token_hex(6)}.example"
    return await world.runtime.accounts.add_domain(world.accounts[0], "Shop", [origin], actor=OPERATOR)


@pytest.fixture
async def browser(world, shop):
    async with world.client(Origin=shop.origins[0], **{"User-Agent": PHONE}) as client:
        yield client


def answers(world, language="en", **given):
    shown = {choice.purpose: choice for choice in choices(world.runtime.catalog, language)}
    return [
        {"purpose": p, "given": yes, "notice": shown[p].notice, "version": shown[p].version} for p, yes in given.items()
    ]


async def choose(world, shop, browser, token=None, *, headers=None, locale="en-GB", signal="none", **given):
    body = {"key": shop.widget_key, "consent": token, "locale": locale, "signal": signal}
    body["answers"] = answers(world, locale[:2], **given)
    return await browser.post("/v1/visitor/choices", json=body, headers=headers)


async def see(shop, browser, token, page="/", kind="page", **headers):
    body = {"key": shop.widget_key, "events": [{"kind": kind, "page": page}]}
    return await browser.post(
        "/v1/visitor/analytics", json=body, headers={"Authorization": f"Bearer {token}", **headers}
    )


def rows(world, statement, *values):
    with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
        return connection.execute(statement, values).fetchall()


def ledger(world, shop):
    return rows(
        world,
        "select purpose, answer, method, signal, jurisdiction, locale from omniops.consent_event"
        " where home_id = %s order by id",
        shop.id,
    )


def events(world, shop):
    return rows(world, "select subject_id from omniops.analytics_event where domain_id = %s", shop.id)


async def test_a_no_is_kept_and_gives_the_browser_no_number(world, shop, browser):
    before = rows(world, "select count(*) from omniops.subject where home_id = %s", shop.id)
    answer = await choose(world, shop, browser, analytics=False, advertising=False)
    assert answer.json() == {"consent": None, "answers": {"analytics": "refused", "advertising": "refused"}}
    assert ledger(world, shop) == [
        ("analytics", "refused", "banner", "none", "GB", "en-GB"),
        ("advertising", "refused", "banner", "none", "GB", "en-GB"),
    ]
    assert rows(world, "select count(*) from omniops.subject where home_id = %s", shop.id) == before


async def test_a_yes_lets_events_in_and_a_no_ends_them_and_deletes_what_was(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True, advertising=True)).json()["consent"]
    assert (await see(shop, browser, token, "/tents")).status_code == 204
    assert (await see(shop, browser, token, kind="chat_opened")).status_code == 204
    assert len(events(world, shop)) == 2
    kept = (await choose(world, shop, browser, token, analytics=False)).json()
    assert kept == {"consent": token, "answers": {"analytics": "withdrawn"}}, "advertising is still allowed"
    assert events(world, shop) == []
    refused = await see(shop, browser, token)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_consent")
    assert (await choose(world, shop, browser, token, advertising=False)).json()["consent"] is None
    assert (await see(shop, browser, token)).status_code == 401, "the number is worthless now"
    assert [row[:2] for row in ledger(world, shop)] == [
        ("analytics", "given"),
        ("advertising", "given"),
        ("analytics", "withdrawn"),
        ("advertising", "withdrawn"),
    ]


async def test_a_second_yes_is_a_renewal(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    assert (await choose(world, shop, browser, token, analytics=True)).json()["consent"] == token
    assert [answer for _, answer, *_ in ledger(world, shop)] == ["given", "renewed"]


async def test_what_was_shown_can_be_shown_again_after_the_withdrawal(world, shop, browser):
    token = (await choose(world, shop, browser, locale="de-AT", analytics=True)).json()["consent"]
    subject = await world.runtime.consents.bearer(shop.scope, token)
    await choose(world, shop, browser, token, locale="de-AT", analytics=False)
    first, _ = await world.runtime.consents.history(shop.scope, subject)
    texts = NoticeTexts(world.runtime.database, world.runtime.catalog)
    shown = await texts.find(first.notice_id, first.notice_version)
    assert (first.answer, shown.locale, first.jurisdiction) == ("given", "de", "AT")
    assert shown.body.startswith("Diesen Besuch zählen\n")


async def test_the_business_says_which_law_applies(world, shop, browser):
    await world.runtime.accounts.configure(shop.scope, {"settings": {"jurisdiction": "CH"}}, actor=OPERATOR)
    await choose(world, shop, browser, locale="fr-FR", analytics=False)
    assert ledger(world, shop)[0][4] == "CH"


@pytest.mark.parametrize(("headers", "signal"), [({"Sec-GPC": "1"}, "none"), ({"DNT": "1"}, "none"), (None, "gpc")])
async def test_a_browsers_signal_wins_over_a_yes(world, shop, browser, headers, signal):
    answer = await choose(world, shop, browser, headers=headers, signal=signal, analytics=True)
    assert (answer.status_code, answer.json()["code"]) == (422, "signal_forbids")
    ((purpose, event, method, kept, *_),) = ledger(world, shop)
    assert (purpose, event, method) == ("analytics", "refused", "signal"), "the signal's own no is on record"
    assert kept in ("gpc", "dnt")
    refusal = await choose(world, shop, browser, headers=headers, signal=signal, analytics=False)
    assert refusal.status_code == 200
    assert ledger(world, shop)[1][2:4] == ("banner", kept)


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
async def test_a_signal_stops_counting_whatever_was_answered(world, shop, browser, header):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    answer = await see(shop, browser, token, **{header: "1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "signal_forbids")
    assert events(world, shop) == []
    assert [row[:3] for row in ledger(world, shop)] == [
        ("analytics", "given", "banner"),
        ("analytics", "withdrawn", "signal"),
    ]
    assert (await see(shop, browser, token)).json()["code"] == "no_consent", "also without the signal from now on"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"version": "0" * 64}, 422, "unknown_notice"),
        ({"notice": "choice.advertising"}, 422, "wrong_notice"),
        ({"purpose": "chat.respond", "notice": "choice.chat.respond"}, 422, "no_such_choice"),
        ({"purpose": "a" * 101}, 422, None),
        ({"colour": "red"}, 422, None),
    ],
)
async def test_an_answer_that_does_not_fit_is_kept_nowhere(world, shop, browser, change, status, code):
    (answer,) = answers(world, analytics=True)
    body = {"key": shop.widget_key, "answers": [*answers(world, advertising=True), answer | change]}
    response = await browser.post("/v1/visitor/choices", json=body)
    assert response.status_code == status
    assert code is None or response.json()["code"] == code
    assert ledger(world, shop) == []


async def test_only_listed_websites_and_known_keys_may_ask(world, shop, browser):
    foreign = await choose(world, shop, browser, headers={"Origin": "https://other.example"}, analytics=True)
    assert foreign.status_code == 403
    body = {"key": "pk_none", "answers": answers(world, analytics=True)}
    assert (await browser.post("/v1/visitor/choices", json=body)).status_code == 404
    assert ledger(world, shop) == []


async def test_a_number_of_another_website_opens_nothing(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    other = world.domains[world.accounts[1]][0]
    assert (await see(other, browser, token, Origin=other.origins[0])).status_code == 401
    assert events(world, other) == []


async def test_a_chats_own_session_may_say_yes_as_well(world, shop, browser):
    token, visitor = await world.runtime.visitors.open(shop, "en", shop.origins[0])
    assert (await see(shop, browser, token)).status_code == 403
    headers = {"Authorization": f"Bearer {token}"}
    said = await browser.post("/v1/visitor/consent", json={"purpose": "analytics", "given": True}, headers=headers)
    assert said.status_code == 204
    assert (await see(shop, browser, token)).status_code == 204
    assert events(world, shop) == [(visitor.subject_id,)]
    assert ledger(world, shop) == [("analytics", "given", "api", "none", "", "en")]


async def test_the_ledger_cannot_be_rewritten_and_goes_with_an_erased_person(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    await see(shop, browser, token)
    async with world.runtime.database.session(shop.scope) as session:
        connection = await session.connection()
        gone = await connection.execute(text("delete from consent_event"))
        assert gone.rowcount == 0, "nobody was erased"
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text("update consent_event set answer = 'given'"))
    subject = await world.runtime.consents.bearer(shop.scope, token)
    deleted = await world.runtime.privacy.erasure.erase(shop.scope, subject, actor=Actor("member", "m"))
    assert deleted == {"analytics_event": 1, "consent_browser": 1, "consent_event": 1}
    assert ledger(world, shop) == []


async def test_no_event_outlives_a_withdrawal_that_comes_at_the_same_time(world, shop, browser):
    for _ in range(5):
        token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
        await asyncio.gather(
            *(see(shop, browser, token) for _ in range(4)), choose(world, shop, browser, token, analytics=False)
        )
        assert events(world, shop) == []


async def test_counts_by_day_name_nobody(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    for page in (
        "/tents?ref=tom@example.com",
        "https://shop.example/tents#x",
        "/orders/10023456",
        "/u/tom@example.com",
    ):
        await see(shop, browser, token, page)
    await see(shop, browser, token, "/tents", "chat_opened")
    path = f"/v1/domains/{shop.id}/analytics"
    async with world.client(**world.key(world.accounts[0], "analyst")) as viewer:
        told = (await viewer.get(path, params={"days": 7})).json()
        assert (await viewer.get(path, params={"days": 0})).status_code == 422
    assert len(told["days"]) == 7
    assert told["days"][-1]["counts"] == {"chat_opened": 1, "page": 4}
    assert told["pages"] == [
        {"name": "/tents", "count": 2},
        {"name": "/orders/*", "count": 1},
        {"name": "/u/*", "count": 1},
    ]
    assert told["devices"] == [{"name": "phone", "count": 4}]
    assert told["browsers"] == [{"name": "Mobile Safari", "count": 4}]
    assert told["systems"] == [{"name": "iOS", "count": 4}]
    await choose(world, shop, browser, token, analytics=False)
    async with world.client(**world.key(world.accounts[0], "analyst")) as viewer:
        assert (await viewer.get(path, params={"days": 7})).json() == told, "sums lead to nobody, so they stay"


async def stored(world, shop):
    async with world.runtime.database.session(shop.scope) as session:
        return (await session.exec(select(AnalyticsEvent).where(AnalyticsEvent.domain_id == shop.id))).all()


async def test_an_event_opens_for_analytics_and_nothing_else(world, shop, browser):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    await see(shop, browser, token, "/tents")
    found = await stored(world, shop)
    actor = Actor("member", "m")
    opened = await world.runtime.vault.open(found, purpose="analytics", actor=actor)
    assert opened(found[0].network) == "127.0.0.0/24"
    assert (await world.runtime.vault.open(found, purpose="support.provide", actor=actor)).refused == 5


async def test_events_go_at_the_end_of_their_time_unless_a_hold_stands(world, shop, browser):
    tokens = [(await choose(world, shop, browser, analytics=True)).json()["consent"] for _ in range(3)]
    for token in tokens:
        await see(shop, browser, token)
    fresh, old, held = [await world.runtime.consents.bearer(shop.scope, token) for token in tokens]
    with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
        connection.execute(
            "update omniops.analytics_event set created_at = now() - interval '181 days' where subject_id = any(%s)",
            [[old, held]],
        )
        connection.execute("update omniops.subject set hold = true where id = %s", [held])
    await world.runtime.privacy.retention.sweep(shop.scope)
    assert {subject for (subject,) in events(world, shop)} == {fresh, held}


@pytest.mark.parametrize("page", ["/a\u0000b", "/\u202egnp.exe", "x" * 2000, "/%00", "javascript:alert(1)"])
async def test_odd_pages_are_counted_or_refused_and_break_nothing(world, shop, browser, page):
    token = (await choose(world, shop, browser, analytics=True)).json()["consent"]
    assert (await see(shop, browser, token, page)).status_code == 204
    assert len(events(world, shop)) == 1


ADDRESSES = ("203.0.113.77", "2001:db8:aa:bb:cc:dd:ee:77")


async def test_neither_user_agent_nor_address_is_in_a_file_or_a_log(world, shop, postgres, tmp_path):
    agent = f"Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0 Safari/537.36 canary{secrets.token_hex(8)}/1.0"
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        for address in ADDRESSES:
            transport = httpx2.ASGITransport(world.app, client=(address, 4711))
            headers = {"Origin": shop.origins[0], "User-Agent": agent}
            async with httpx2.AsyncClient(transport=transport, base_url=world.base, headers=headers) as client:
                token = (await choose(world, shop, client, analytics=True)).json()["consent"]
                assert (await see(shop, client, token, "/tents")).status_code == 204
                assert (await see(shop, client, "oo_consent_none")).status_code == 401
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    found = await stored(world, shop)
    opened = await world.runtime.vault.open(found, purpose="analytics", actor=Actor("member", "m"))
    assert {opened(event.network) for event in found} == {"203.0.113.0/24", "2001:db8:aa::/48"}
    assert {(opened(event.device), opened(event.browser), opened(event.system)) for event in found} == {
        ("desktop", "Chrome", "Linux")
    }
    with psycopg.connect(world.runtime.database.links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("checkpoint")
    planted = [agent.rpartition(" ")[2], *ADDRESSES]
    dumped = _dump(world)
    for word in planted:
        assert word not in said.getvalue()
        assert word not in dumped
        assert _files_with(postgres.folder, word) == []
    assert _files_with(postgres.folder, shop.origins[0]), "the scan sees what lies in clear"


def _files_with(folder, word):
    return [str(path) for path, body in contents(folder) if word.encode() in body]


def _dump(world):
    """Every row of every table, as text."""
    with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
        names = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('omniops', 'vault', 'jobs')"
        ).fetchall()
        return "\n".join(str(connection.execute(f"select * from {name}").fetchall()) for (name,) in names)


async def test_the_banner_is_small_and_speaks_ten_languages(world):
    banner = Banner.build(world.runtime.catalog)
    assert len(banner.loader.packed) <= 6 * 1024
    words = [part for name, part in banner.parts.items() if name.startswith("words-")]
    assert len(words) == len(LANGUAGES) == 10
    for part in words:
        assert len(part.packed) <= 1024, part.name
    async with world.client() as client:
        loader = await client.get("/consent.js")
        assert loader.status_code == 200
        assert "set-cookie" not in loader.headers
        version = re.search(r'"([0-9a-f]{12})"', loader.text)[1]
        part = await client.get(f"/consent/words-de-{version}.js")
        assert "immutable" in part.headers["cache-control"]
        assert part.headers["access-control-allow-origin"] == "*"
        assert (await client.get("/consent/words-xx.js")).status_code == 404


async def test_the_cookie_page_lists_every_declaration(world):
    async with world.client() as client:
        answer = await client.get("/cookies")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    cookies = world.runtime.catalog.cookies
    assert {cookie.name for cookie in cookies} >= {"omniops:<key>:consent", "omniops:<key>:token", "omniops_session"}
    shown = answer.text.replace("&lt;", "<").replace("&gt;", ">")
    for cookie in cookies:
        assert cookie.name in shown
        assert cookie.title in shown


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_chat_shows_each_notice_in_each_language(world, shop, browser, language):
    params = {"key": shop.widget_key, "language": language}
    config = (await browser.get("/v1/visitor/config", params=params)).json()
    assert [notice["id"] for notice in config["notices"]] == list(CAUTIONS)
    texts = NoticeTexts(world.runtime.database, world.runtime.catalog)
    for notice in config["notices"]:
        kept = await texts.find(notice["id"], notice["version"])
        assert (kept.body, kept.locale) == (notice["text"], language)


async def test_a_version_that_was_never_shown_is_not_there(world):
    texts = NoticeTexts(world.runtime.database, world.runtime.catalog)
    with pytest.raises(Rejected, match="no version"):
        await texts.find("may_be_wrong", "0" * 64)


async def test_choosing_is_limited(world, shop, browser):
    transport = httpx2.ASGITransport(world.app, client=("198.51.100.9", 4711))
    headers = {"Origin": shop.origins[0]}
    async with httpx2.AsyncClient(transport=transport, base_url=world.base, headers=headers) as client:
        (answer,) = answers(world, analytics=False)
        body = {"key": shop.widget_key, "answers": [answer | {"version": "0" * 64}]}
        told = [(await client.post("/v1/visitor/choices", json=body)).status_code for _ in range(120)]
        last = await client.post("/v1/visitor/choices", json=body)
    assert set(told) == {422}
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
