"""What a visitor sends that is too much, too often or no text is refused in words; who sends it is counted."""

import asyncio
import json
from uuid import uuid4

import pytest
from omniops.accounts.throttle import Limit
from omniops.errors import Throttled

ME = "/v1/visitor/conversation"


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def set_(desk, monkeypatch):
    """Changes the operator's settings for a test."""

    def change(**values):
        monkeypatch.setattr(desk.runtime, "settings", desk.runtime.settings.model_copy(update=values))

    return change


async def test_writes_of_one_session_are_counted_and_reads_are_not(front, set_):
    set_(visitor_writes=3)
    page, other = await front.page(), await front.page()
    for _ in range(3):
        assert (await page.post("/v1/visitor/ai")).status_code == 200
    answer = await page.post("/v1/visitor/messages", json={"text": "One more?"})
    assert code(answer) == (429, "throttled")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "retry-after" in answer.headers["access-control-expose-headers"], "the widget can read it"
    for method, path, body in (
        ("POST", "/v1/visitor/person", {}),
        ("POST", "/v1/visitor/consent", {"purpose": "chat.remember", "given": True}),
        ("POST", "/v1/visitor/session/rotate", None),
        ("POST", "/v1/visitor/identify", {"jwt": "x"}),
        ("POST", "/v1/visitor/ai-opt-out", None),
        ("POST", f"/v1/visitor/messages/{uuid4()}/review", {}),
        ("POST", f"/v1/visitor/turns/{uuid4()}/stop", None),
    ):
        assert code(await page.request(method, path, json=body)) == (429, "throttled"), path
    assert (await page.get(ME)).json()["messages"][-1]["event"] == "back_to_ai"
    assert (await other.post("/v1/visitor/ai")).status_code == 200
    assert (await page.delete("/v1/visitor/session")).status_code == 204, "one can always leave"


async def test_writes_of_a_domain_and_of_a_network_are_counted(desk, front, set_):
    set_(visitor_domain_writes=2)
    for _ in range(2):
        page = await front.page()
        assert (await page.post("/v1/visitor/ai")).status_code == 200
    assert code(await (await front.page()).post("/v1/visitor/ai")) == (429, "throttled")
    elsewhere = await front.page(desk.other)
    assert (await elsewhere.post("/v1/visitor/ai")).status_code == 200
    set_(visitor_domain_writes=1000, visitor_network_writes=1)
    assert code(await (await front.page()).post("/v1/visitor/ai")) == (429, "throttled")


async def test_many_who_count_the_same_at_once_never_wait_in_a_circle(desk):
    names = [uuid4().hex for _ in range(6)]

    async def hit(order):
        await desk.runtime.throttle.hit_all([Limit("test", name, 40, 60) for name in order])

    async with asyncio.timeout(30):
        await asyncio.gather(*(hit(names[n % 6 :] + names[: n % 6]) for n in range(40)))
    with pytest.raises(Throttled) as error:
        await hit(names)
    assert error.value.retry_after > 1


async def test_open_streams_of_a_session_are_few_and_free_again(desk, front):
    page, other = await front.page(), await front.page()
    most = desk.runtime.settings.visitor_streams
    opened = [page.stream("GET", "/v1/visitor/events") for _ in range(most)]
    for stream in opened:
        assert (await stream.__aenter__()).status_code == 200
    assert code(await page.get("/v1/visitor/events")) == (429, "throttled")
    refused = await page.post("/v1/visitor/messages", json={"text": "Hello?"})
    assert code(refused) == (429, "throttled")
    assert (await page.get(ME)).json()["messages"] == [], "nothing is stored of a message whose answer has no room"
    async with other.stream("GET", "/v1/visitor/events") as stream:
        assert stream.status_code == 200
    for stream in opened:
        await stream.__aexit__(None, None, None)
    async with asyncio.timeout(20):
        while (answer := await page.post("/v1/visitor/messages", json={"text": "Now?"})).status_code == 429:
            continue
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b'{"text": "' + b"x" * 2**20 + b'"}', 413, "too_large"),
        (b"\x00\x01\x02\xff\xfe", 400, "invalid"),
        (b'{"text": "\xff"}', 400, "invalid"),
        (b'{"text": "' + b"\\u0000" * 5 + b'"}', 422, "empty"),
        (b'{"text": "\\u202e\\u2066\\u0007"}', 422, "empty"),
        (b'{"text": "hi", "language": "\\u0000"}', 422, "invalid"),
        (b'{"text": "hi", "language": "en\\n"}', 422, "invalid"),
        (b"[" * 20_000, 400, "invalid"),
        (b'{"text": ' + b"9" * 5000 + b"}", 400, "invalid"),
        (b'{"text": "half a \\ud83d sign"}', 422, "invalid"),
        (b'{"text": NaN}', 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"", 422, "invalid"),
    ],
)
async def test_what_is_no_message_is_refused_in_words(front, body, status, named):
    page = await front.page()
    answer = await page.post("/v1/visitor/messages", content=body, headers={"Content-Type": "application/json"})
    assert code(answer) == (status, named)
    assert (await page.get(ME)).json()["messages"] == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("price\u202e gpj.exe \u0000of\x1b[31m a\rtent\u2069", "price gpj.exe of[31m a\ntent"),
        ("سلام\u200cها \u200f!", "سلام\u200cها \u200f!"),
        ("<script>alert(1)</script> [x](javascript:1)", "<script>alert(1)</script> [x](javascript:1)"),
    ],
)
async def test_a_message_is_kept_without_what_deceives_its_reader(front, asked, sent, kept):
    page = await front.page()
    body = json.dumps({"text": sent}).encode()
    await page.post("/v1/visitor/messages", content=body, headers={"Content-Type": "application/json"})
    (message, _) = (await page.get(ME)).json()["messages"]
    assert message["text"] == kept


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://", "file://", "HTTPS://ONE", "\u00e4"])
async def test_origins_that_are_not_listed_get_nothing(desk, front, origin):
    page = await front.page()
    headers = {"Origin": origin.encode("latin-1")}
    key = {"key": desk.domain.widget_key}
    answers = [
        await page.get(ME, headers=headers),
        await page.get("/v1/visitor/config", params=key, headers=headers),
        await page.post("/v1/visitor/sessions", json=key, headers=headers),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_what_no_column_can_hold_is_refused_in_words_wherever_it_is_sent(desk, front):
    office = await front.office()
    key = {"name": "a\0b", "permissions": ["domain.read"]}
    domain = f"{front.base}/v1/domains/{desk.domain.id}"
    tries = [
        await office.patch(domain, json={"title": "a\0b"}),
        await office.patch(domain, json={"settings": {"placeholder": "a\0b"}}),
        await office.get("conversations", params={"channel": "a\0b"}),
        await office.post(f"{front.base}/v1/keys", json=key),
    ]
    for answer in tries:
        assert code(answer) == (422, "bad_value"), answer.request.url
    assert (await office.get(domain)).json()["title"] == "Shop"
