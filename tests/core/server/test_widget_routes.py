"""The chat's files and pages over HTTP, what it is told before anything was asked, and many visitors at once."""

import asyncio
import json
import re
import secrets
from collections import Counter

import httpx2
import psycopg
import pytest
from omniops.operations.firsts import OPERATOR
from omniops.web.assets import assets

TRIES = 20
VISITORS = 200


@pytest.fixture(scope="module")
async def domain(world):
    """The second website of the first account, with a look of its own."""
    (_, second) = world.domains[world.accounts[0]]
    week = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    settings = {
        "brand": "#7A4018",
        "hours": {"zone": "Europe/London", "week": week, "exceptions": {"2030-12-25": []}, "answer_minutes": 5},
        "hellos": [{"path": "/tents/*", "after": 3, "text": "Questions about this tent?"}],
        "language": "de",
    }
    return await world.runtime.accounts.configure(second.scope, {"settings": settings}, actor=OPERATOR)


async def test_the_chat_is_told_in_its_visitor_s_language_what_it_needs(world, domain):
    async with world.client(Origin=domain.origins[0]) as client:
        french = (await client.get("/v1/visitor/config", params={"key": domain.widget_key, "language": "fr"})).json()
        own = (await client.get("/v1/visitor/config", params={"key": domain.widget_key})).json()
    assert french["disclosure"].startswith("Vous écrivez à une IA")
    assert own["disclosure"].startswith("Sie schreiben mit einer KI")
    assert french["brand"] == ["#7a4018", "#ffffff"]
    assert french["people"] == {"open": True, "until": None, "opens": None, "minutes": 5}


async def test_settings_that_do_not_fit_are_refused_with_their_place(world, domain):
    path = f"/v1/domains/{domain.id}"
    async with world.client(**world.key(world.accounts[0], "admin")) as client:
        kept = (await client.get(path)).json()["settings"]
        wrong = ({"brand": "#808080"}, {"hours": {"zone": "Mars"}}, {"hellos": [{"path": "tents", "text": "x"}]})
        for settings in wrong:
            answer = await client.patch(path, json={"settings": settings})
            assert answer.status_code == 422, settings
            assert f"settings.{next(iter(settings))}" in answer.json()["detail"]
        assert (await client.get(path)).json()["settings"] == kept


async def test_the_loader_brings_a_website_s_look_with_the_first_request(world, domain):
    async with world.client() as client:
        plain = await client.get("/widget.js")
        own = await client.get("/widget.js", params={"key": domain.widget_key})
        unknown = await client.get("/widget.js", params={"key": "pk_unknown"})
        again = await client.get(
            "/widget.js", params={"key": domain.widget_key}, headers={"If-None-Match": own.headers["etag"]}
        )
    look = json.loads(re.search(r"LOOK=(\{.*?\});", own.text)[1])
    assert look["brand"] == ["#7a4018", "#ffffff"]
    assert look["hellos"] == [
        {"on": "^\\/tents\\/.*$".replace("\\/", "/"), "after": 3.0, "text": "Questions about this tent?"}
    ]
    assert "#7a4018" not in plain.text
    assert (unknown.status_code, unknown.text, unknown.headers["cache-control"]) == (200, plain.text, "no-cache")
    assert again.status_code == 304
    assert "set-cookie" not in own.headers


async def test_parts_are_kept_for_good_and_others_are_not_there(world):
    async with world.client() as client:
        for name in assets().files:
            answer = await client.get(f"/widget/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
            assert "immutable" in answer.headers["cache-control"]
        for name in ("panel.js", "words-xx.js", "..%2Fpanel.js"):
            assert (await client.get(f"/widget/{name}")).status_code == 404


async def test_only_a_listed_website_can_frame_the_chat(world, domain):
    async with world.client() as client:

        async def frame(**query):
            return await client.get("/frame", params={"key": domain.widget_key, **query})

        page = await frame(origin=domain.origins[0], language="ar", theme="dark")
        policy = page.headers["content-security-policy"]
        assert f"frame-ancestors {domain.origins[0]}" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert f'data-origin="{domain.origins[0]}"' in page.text
        assert 'lang="ar"' in page.text
        for origin in ("https://foreign.example", "*", "null", f"{domain.origins[0]} https://foreign.example"):
            assert (await frame(origin=origin)).status_code == 403
        assert (await frame(origin=domain.origins[0], theme='"><script>')).status_code == 422
        assert 'lang="de"' in (await frame(origin=domain.origins[0], language='"><b>')).text
        assert (await client.get("/frame", params={"key": "pk_x", "origin": domain.origins[0]})).status_code == 404


async def test_a_page_of_our_own_may_talk_to_the_chat_and_a_foreign_one_may_not(world, domain):
    body = {"key": domain.widget_key, "language": "en"}
    async with world.client(Origin=world.base) as client:
        own = await client.post("/v1/visitor/sessions", json=body, headers={"Sec-Fetch-Site": "same-origin"})
        foreign = await client.post("/v1/visitor/sessions", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert (own.status_code, foreign.status_code) == (201, 403)


async def test_trying_needs_the_public_key_or_a_member(world, domain):
    async with world.client() as client:
        page = await client.get("/try", params={"key": domain.widget_key})
        assert page.status_code == 200
        assert page.headers["x-robots-tag"] == "noindex"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert 'fill="#7a4018"' in page.text
        assert f"/widget.js?key={domain.widget_key}" in page.text
        assert (await client.get("/try")).status_code == 401
        assert (await client.get("/try", params={"key": "pk_unknown"})).status_code == 404
        client.cookies.set("omniops_session", "nonsense")
        assert (await client.get("/try")).status_code == 401


@pytest.mark.slow
async def test_many_visitors_at_once_lose_and_double_nothing(world):
    """Each asks at the same moment; every fourth sends the same message twice, as after a cut line."""
    (domain, _) = world.domains[world.accounts[1]]
    opened = [await world.runtime.visitors.open(domain, "en", domain.origins[0]) for _ in range(VISITORS)]
    # Each sends over a line of its own: one that lay idle may be closed by the server just as it is used again.
    limits = httpx2.Limits(max_connections=250, max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=world.base, timeout=120, limits=limits) as client:

        async def ask(number, token, key):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Origin": domain.origins[0]}
            for _ in range(TRIES):  # a server that is busy says so, and a client sends the same again
                answer = await client.post(
                    "/v1/visitor/messages", json={"text": f"Question {number}?"}, headers=headers
                )
                if answer.status_code != 503:
                    break
            assert answer.status_code == 200, answer.text
            return [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]

        async def visit(number, token):
            key = secrets.token_hex(8)
            kinds = await ask(number, token, key)
            if number % 4 == 0:
                await ask(number, token, key)
            return kinds

        streams = await asyncio.gather(*(visit(n, token) for n, (token, _) in enumerate(opened)))
    assert {tuple(kind for kind in kinds if kind in ("message", "done", "none", "error")) for kinds in streams} == {
        ("message", "done")
    }
    with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
        rows = connection.execute(
            "select conversation_id, array_agg(author order by seq) from omniops.message"
            " where domain_id = %s group by conversation_id",
            [domain.id],
        ).fetchall()
    assert {conversation for conversation, _ in rows} >= {visitor.conversation_id for _, visitor in opened}
    assert Counter(tuple(authors) for _, authors in rows) == {("visitor", "ai"): VISITORS}
