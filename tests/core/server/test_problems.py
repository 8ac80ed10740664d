"""Whatever goes wrong is a problem document that tells what to do and nothing of the inside (RFC 9457)."""

import contextlib
import json
import re
import socket
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from omniops.errors import (
    ConfigError,
    EgressRefused,
    NotFound,
    NotReachable,
    NotReady,
    OmniOpsError,
    Permanent,
    PluginError,
    Reconnect,
    Refused,
    Rejected,
    Throttled,
)
from omniops.server.problems import status_of
from psycopg import sql

PROBLEM = "application/problem+json"
GUARDS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
INSIDE = ("Traceback", "psycopg", "sqlalchemy", "asyncpg", ".py", 'File "', "select ", "omniops.")


def check(answer, status, code):
    """A whole problem document, with nothing of the inside in it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["title"]
    assert problem["type"]
    assert problem["detail"].endswith(".")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert not [word for word in INSIDE if word in answer.text]
    for name, value in GUARDS.items():
        assert answer.headers[name] == value
    return problem


@pytest.fixture
async def owner(world):
    async with world.client(**world.key(world.accounts[0], "owner")) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/visitor/nothing", "/v1/domains/", "/static/../app.py", "/%00"]
)
async def test_an_unknown_address_is_not_found(world, path):
    async with world.client() as client:
        check(await client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/livez"), ("PUT", "/v1/session"), ("POST", "/v1/visitor/config"), ("GET", "/v1/visitor/messages")],
)
async def test_a_wrong_method_says_which_are_right(world, method, path):
    async with world.client() as client:
        answer = await client.request(method, path)
    check(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]
    assert method not in answer.headers["allow"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{not json", "body"),
        (b"", "body"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b'{"title": "x"}', "body.origins"),
        (b'{"title": "x", "origins": ["https://a.example"], "account_id": "theirs"}', "body.account_id"),
        (b'{"title": 7, "origins": ["https://a.example"]}', "body.title"),
        (b'{"title": "x", "origins": []}', "body.origins"),
        (b'{"title": "x", "origins": ["javascript:alert(1)"]}', "origins"),
        (b'{"title": "x", "origins": ["https://a.example:port"]}', "origins"),
        (b'{"title": "x", "origins": ["https://[::1"]}', "origins"),
    ],
)
async def test_bad_input_says_where(owner, body, where):
    answer = await owner.post("/v1/domains", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    problem = check(answer, 422, answer.json()["code"])
    assert problem["where"].startswith(where)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"colour": "red"}},
        {"settings": {"answer_cut": 7}},
        {"settings": {"suggestions": ["a", "b", "c", "d", "e", "f"]}},
        {"settings": {"language": 7}},
        {"origins": ["nonsense"]},
        {"widget_key": "pk_mine"},
        {"title": ""},
    ],
)
async def test_a_setting_that_does_not_fit_is_named_and_nothing_changes(world, owner, changes):
    domain = world.domains[world.accounts[0]][0]
    before = (await owner.get(f"/v1/domains/{domain.id}")).json()
    answer = await owner.patch(f"/v1/domains/{domain.id}", json=changes)
    assert answer.status_code == 422, answer.text
    problem = check(answer, 422, answer.json()["code"])
    field = next(iter(changes))
    inner = changes[field]
    assert (next(iter(inner)) if isinstance(inner, dict) else field) in problem["where"]
    assert (await owner.get(f"/v1/domains/{domain.id}")).json() == before


async def test_what_is_no_text_is_refused(owner):
    answer = await owner.post("/v1/domains", content=b"\xff\xfe{", headers={"Content-Type": "application/json"})
    check(answer, 400, "invalid")


async def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_itself(world, owner):
    check(await owner.post("/v1/domains", content=b" " * 65_537), 413, "too_large")

    async def pieces():
        for _ in range(40):
            yield b" " * 4096

    check(await owner.post("/v1/domains", content=pieces()), 413, "too_large")
    check(await owner.post(f"/webhooks/x/{uuid4()}", content=b" " * (3 * 1024 * 1024 + 1)), 413, "too_large")
    below = await owner.post("/v1/domains", content=b" " * 65_536, headers={"Content-Type": "application/json"})
    check(below, 422, "invalid")


def raw(world, request):
    """An answer to bytes that no well-behaved client sends."""
    place = urlsplit(world.base)
    with socket.create_connection((place.hostname, place.port), 10) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
    return answer.decode("latin-1")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_by_the_listener(world, request_bytes):
    import asyncio

    said = await asyncio.to_thread(raw, world, request_bytes)
    assert re.match(r"HTTP/1.1 4\d\d ", said), said[:200]
    assert not [word for word in INSIDE if word in said]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer " + "x" * 20_000},
        {"Authorization": "Basic b3duZXI6c2VjcmV0"},
        {"Authorization": "Bearer oo_key_\u00e4".encode()},
        {"Cookie": "omniops_session=" + "%00" * 100},
    ],
)
async def test_nonsense_instead_of_a_key_is_unauthorised(world, headers):
    async with world.client() as client:
        answer = await client.get("/v1/domains", headers=headers)
    check(answer, 401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [
        ("GET", "/v1/domains", None),
        ("POST", "/v1/session", {"email": "a@b.example", "password": "x"}),
        ("GET", "/v1/visitor/config?key=pk_x", None),
        ("GET", "/setup/nothing", None),
    ],
)
async def test_an_error_inside_tells_nothing_and_can_be_found_again(world, owner, monkeypatch, method, path, json):
    async def broken(*_, **__):
        raise RuntimeError("jane@example.com select secret")

    monkeypatch.setattr(world.runtime.database, "resolve", broken)
    answer = await owner.request(method, path, json=json, headers={"Origin": "https://one.example"})
    check(answer, 500, "failed")
    assert "jane" not in answer.text
    if "/visitor/" in path:
        assert answer.headers["access-control-allow-origin"] == "https://one.example"


async def test_a_request_has_an_id_of_its_own_and_takes_none_from_outside(world):
    async with world.client(**{"X-Request-Id": "chosen-by-me"}) as client:
        ids = {(await client.get("/livez")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert "chosen-by-me" not in ids


async def test_every_kind_of_answer_carries_the_guards(world, owner):
    domain = world.domains[world.accounts[0]][0]
    asked = [
        ("GET", "/livez", {}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/widget.js", {}),
        ("GET", "/setup/nothing", {}),
        ("OPTIONS", "/v1/visitor/messages", {"Origin": "https://one.example"}),
        ("GET", f"/v1/visitor/config?key={domain.widget_key}", {"Origin": "https://one.example"}),
        ("GET", "/v1/domains", {}),
        ("DELETE", "/v1/session", {}),
        ("HEAD", "/livez", {}),
    ]
    for method, path, headers in asked:
        answer = await owner.request(method, path, headers=headers)
        for name, value in GUARDS.items():
            assert answer.headers.get_list(name) == [value], (method, path)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), (method, path)
        assert "access-control-allow-credentials" not in answer.headers


async def test_our_pages_run_nothing_and_are_framed_by_nobody(world):
    async with world.client() as client:
        token = await world.runtime.members.setup_link(world.accounts[1])
        for path in ("/setup/nothing", f"/setup/{token}"):
            page = await client.get(path)
            policy = dict(
                part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";")
            )
            assert policy["default-src"] == "'none'"
            assert policy["frame-ancestors"] == "'none'"
            assert policy["base-uri"] == "'none'"
            assert policy["form-action"] == "'self'"
            assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(" ".join(policy.values()).split())
            assert page.headers["cache-control"] == "no-store"
            assert "<script" not in page.text
        hostile = {
            "email": '"><script>alert(1)</script>@x',
            "name": "<img src=x onerror=alert(1)>",
            "password": "short",
        }
        page = await client.post(f"/setup/{token}", data=hostile)
    assert page.status_code == 422
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "short" not in page.text.replace("short_password", ""), "a password is never sent back"


STATUSES = [
    (Rejected("x.", code="turn_running"), 409, "turn_running"),
    (Rejected("x.", code="bad_origin"), 422, "bad_origin"),
    (NotFound("x."), 404, "not_found"),
    (EgressRefused("x.", reason="unknown_host"), 502, "egress_refused"),
    (Refused("x.", reason="wrong_credentials"), 401, "wrong_credentials"),
    (Refused("x.", reason="not_permitted"), 403, "not_permitted"),
    (Refused("x.", reason="a reason of tomorrow"), 403, "a reason of tomorrow"),
    (Throttled("x."), 429, "throttled"),
    (NotReady("x."), 503, "not_ready"),
    (NotReachable("x."), 503, "not_reachable"),
    (Reconnect("x."), 409, "reconnect"),
    (Permanent("x."), 500, "failed"),
    (ConfigError("x."), 500, "failed"),
    (PluginError("x.", plugin="p", stage="s"), 500, "failed"),
]


@pytest.mark.parametrize(("error", "status", "code"), STATUSES)
def test_each_of_our_errors_has_its_status(error, status, code):
    assert status_of(error) == (status, code)


def test_no_error_of_ours_was_forgotten():
    tried = {type(error) for error, _, _ in STATUSES}
    assert {kind for kind in OmniOpsError.__subclasses__() if kind.__module__ == "omniops.errors"} <= tried


async def test_without_the_database_it_says_so_and_works_again_afterwards(world, owner):
    """Its connections are ended and new ones refused, as when the database is restarted or moved."""
    links = world.runtime.database.links
    name = links.admin.parameters["dbname"]
    domain = world.domains[world.accounts[0]][0]

    def allow(allowed):
        with psycopg.connect(links.admin.database("postgres").conninfo(), autocommit=True) as connection:
            statement = sql.SQL("alter database {} allow_connections {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Literal(allowed)))
            if not allowed:
                connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])

    async with world.client(Origin="https://one.example") as client:
        config = f"/v1/visitor/config?key={domain.widget_key}"
        allow(False)
        try:
            for _ in range(3):
                for answer in (await owner.get("/v1/domains"), await client.get(config)):
                    check(answer, 503, "not_reachable")
                    assert int(answer.headers["retry-after"]) > 0
                assert (await client.get("/livez")).status_code == 200, "the process itself is well"
                ready = await client.get("/readyz")
                assert ready.status_code == 503
                assert ready.json()["database"]["ok"] is False
                assert name not in json.dumps(ready.json())
                assert links.app.parameters["user"] not in json.dumps(ready.json())
        finally:
            allow(True)
        assert (await owner.get("/v1/domains")).status_code == 200
        assert (await client.get(config)).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/rights/pk_unknown", 404),
        ("/rights/pk_unknown/confirm/oo_rights_x", 404),
        ("/privacy/pk_unknown", 404),
        ("/privacy/pk_unknown/agreement", 404),
        ("/preferences?key=pk_unknown", 404),
        ("/nothing/of/the/kind", 404),
        ("/privacy/proof.json", 404),
    ],
)
async def test_who_looks_in_a_browser_reads_a_page_and_a_program_gets_the_document(world, path, status):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with world.client() as client:
        shown, document = await client.get(path, headers=browser), await client.get(path)
    assert shown.status_code == status
    assert shown.headers["content-type"].startswith("text/html")
    assert "<h1" in shown.text
    assert "There is nothing here" in shown.text
    assert "{" not in shown.text.partition("<body>")[2]
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    check(document, status, "not_found")


async def test_the_api_answers_a_browser_as_it_answers_a_program(world):
    async with world.client() as client:
        answer = await client.get("/v1/nothing", headers={"Accept": "text/html"})
    check(answer, 404, "not_found")
