"""Lists of `/v1`: all in the same pages, each thing once, whatever comes and goes meanwhile."""

import base64

import pytest

SHORT = "Four days."


async def read(client, path, limit, **params):
    """All pages of a list, one after the other."""
    found, after, pages = [], None, 0
    while True:
        page = (await client.get(path, params={"limit": limit, **params} | ({"after": after} if after else {}))).json()
        assert set(page) == {"data", "next"}
        assert len(page["data"]) <= limit
        found += page["data"]
        pages += 1
        after = page["next"]
        if after is None:
            return found, pages


def lists(schema):
    """The operations that answer with several things: an array, or anything with a way to the next page."""
    for path, operations in schema["paths"].items():
        if "get" not in operations or not path.startswith("/v1/"):
            continue
        operation = operations["get"]
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        shape = content.get("schema", {})
        name = shape.get("$ref", "").rpartition("/")[2]
        fields = schema["components"]["schemas"].get(name, {}).get("properties", {})
        if shape.get("type") == "array" or "next" in fields:
            yield path, operation, fields


ONE_THING = {"/v1/visitor/conversations/{conversation_id}"}
"""One conversation with the newest part of its messages; it is read backwards."""


async def test_every_list_is_a_page(world):
    async with world.client() as client:
        schema = (await client.get("/openapi.json")).json()
    found = [(path, op, fields) for path, op, fields in lists(schema) if path not in ONE_THING]
    assert len(found) > 15
    for path, operation, fields in found:
        assert set(fields) == {"data", "next"}, path
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert {"limit", "after"} <= names, path


async def test_a_list_that_is_no_page_is_seen():
    bare = {"type": "array", "items": {}}
    answer = {"200": {"content": {"application/json": {"schema": bare}}}}
    schema = {"paths": {"/v1/x": {"get": {"responses": answer}}}, "components": {"schemas": {}}}
    assert [path for path, _, _ in lists(schema)] == ["/v1/x"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_everything_once(front, limit):
    office = await front.office()
    made = [
        (await office.post("answers", json={"questions": [f"Question {n}?"], "answer": SHORT})).json()["id"]
        for n in range(4)
    ]
    found, pages = await read(office, "answers", limit)
    assert [one["id"] for one in found] == sorted(made)
    assert pages == -(-4 // limit), "no empty page at the end"


async def test_what_is_deleted_and_added_meanwhile_hides_nothing(front):
    office = await front.office()
    for n in range(4):
        await office.post("answers", json={"questions": [f"Question {n}?"], "answer": SHORT})
    first = (await office.get("answers", params={"limit": 2})).json()
    for one in first["data"]:
        await office.delete(f"answers/{one['id']}")
    rest = (await office.get("answers", params={"limit": 2, "after": first["next"]})).json()
    assert len(rest["data"]) == 2
    assert rest["next"] is None


async def test_conversations_and_messages_are_read_in_pages(front, asked):
    office = await front.office()
    for _ in range(3):
        await asked(await front.page(), "How long does it take?")
    found, _ = await read(office, "conversations", 2)
    ids = [one["id"] for one in found]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True), "newest first"
    messages, pages = await read(office, f"conversations/{ids[0]}/messages", 1)
    assert [one["seq"] for one in messages] == list(range(1, len(messages) + 1))
    assert pages == len(messages) > 1


@pytest.mark.parametrize(
    "after",
    ["nonsense!", "", "AAAA", base64.urlsafe_b64encode(b"1; drop table").decode(), "x" * 300, "é"],
)
@pytest.mark.parametrize("path", ["conversations", "webhooks"])
async def test_a_cursor_that_is_none_is_refused(front, path, after):
    office = await front.office()
    answer = await office.get(path, params={"after": after})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("bad_cursor", "invalid")


@pytest.mark.parametrize("limit", [0, -1, 101, "many"])
async def test_a_limit_out_of_bounds_is_refused(front, limit):
    office = await front.office()
    assert (await office.get("conversations", params={"limit": limit})).status_code == 422
