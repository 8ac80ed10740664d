"""The description of the API is whole: every route says what it is, what it gives, how it fails and who may call it."""

import json

import pytest
from fastapi.routing import iter_route_contexts
from omniops.server.permissions import Public, guard_of


@pytest.fixture(scope="module")
async def described(world):
    async with world.client() as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(described):
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def ours(described):
    """The visitor API and the business API."""
    return [(name, found) for name, found in operations(described) if {"visitor", "business"} & set(found["tags"])]


def resolved(described, schema):
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


async def test_every_route_says_what_it_is(described):
    for name, operation in operations(described):
        assert operation["summary"], name
        assert len(operation.get("description", "")) > 15, name
    assert len(ours(described)) > 40


async def test_every_route_says_what_it_gives(described):
    for name, operation in ours(described):
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(good) == 1, name
        (status,) = [status for status in operation["responses"] if status.startswith("2")]
        if status in ("202", "204"):
            continue
        for kind, content in good[0]["content"].items():
            schema = resolved(described, content["schema"])
            assert schema.get("type") or schema.get("anyOf"), (name, kind)
            if kind == "text/event-stream":
                assert content["example"].startswith("id: "), name


async def test_every_route_says_how_it_fails(world, described):
    guards = {
        f"{method} {context.path_format}": guard_of(context)
        for context in iter_route_contexts(world.app.routes)
        for method in context.methods or ()
    }
    for name, operation in ours(described):
        fails = {status for status in operation["responses"] if status >= "400"}
        assert "503" in fails, name
        if not isinstance(guards[name], Public):
            assert {"401", "403"} <= fails, name
            assert operation["security"], name
        if "{" in name:
            assert "404" in fails, name
        if operation.get("parameters") or operation.get("requestBody"):
            assert "422" in fails, name
        if name.startswith(("POST /v1/visitor", "DELETE /v1/visitor/ai")) and not isinstance(guards[name], Public):
            assert "429" in fails, name
        for status in fails:
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], (name, status)
            assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), (name, status)
            assert len(operation["responses"][status]["description"]) > 10, (name, status)
    assert "HTTPValidationError" not in json.dumps(described)


async def test_every_field_that_a_visitor_must_send_has_an_example(described):
    seen = 0
    for name, operation in ours(described):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if "visitor" not in operation["tags"] or body is None:
            continue
        wanted = body["schema"]
        schema = resolved(described, wanted["anyOf"][0] if "anyOf" in wanted else wanted)  # the other is no body at all
        assert schema["additionalProperties"] is False, name
        for field in schema.get("required", ()):
            told = schema["properties"][field]
            assert told.get("examples") or told.get("format") == "uuid" or told.get("type") == "boolean", (name, field)
            seen += 1
    assert seen > 5


async def test_an_error_is_what_the_description_says(world, described):
    named = set(described["components"]["schemas"]["Problem"]["properties"])
    async with world.client() as client:
        for path in ("/v1/domains", "/v1/visitor/conversation", "/nowhere"):
            problem = (await client.get(path)).json()
            assert set(problem) <= named, path
            assert set(described["components"]["schemas"]["Problem"]["required"]) <= set(problem), path
