"""What goes is said in time, in every answer of it."""

from datetime import date

import httpx2
import pytest
from fastapi import APIRouter, Depends
from fastapi.routing import iter_route_contexts
from omniops.errors import NotFound
from omniops.server.app import create_app
from omniops.server.deprecation import deprecated, mark_of
from omniops.server.permissions import Public


def silent(app):
    """Routes that OpenAPI calls deprecated and whose answers do not say so."""
    return [
        route.path
        for route in iter_route_contexts(app.routes)
        if getattr(route, "deprecated", None) and mark_of(route) is None
    ]


def with_old(world, **marked):
    router = APIRouter(dependencies=[Depends(Public("a test's own route"))])

    @router.get("/v1/old/{found}", **marked)
    async def old(found: bool) -> str:
        if not found:
            raise NotFound("There is nothing.")
        return "old"

    app = create_app(world.runtime)
    app.include_router(router)
    return app


def test_every_deprecated_route_says_so(world):
    assert silent(world.app) == []


def test_a_route_that_does_not_say_so_is_seen(world):
    assert silent(with_old(world, deprecated=True)) == ["/v1/old/{found}"]


@pytest.mark.parametrize(("path", "status"), [("true", 200), ("false", 404), ("maybe", 422)])
async def test_its_answers_carry_both_days_and_the_way_on(world, path, status):
    app = with_old(world, **deprecated(date(2027, 1, 1), date(2028, 1, 1), "/v1/new"))
    assert silent(app) == []
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api.example") as client:
        answer = await client.get(f"/v1/old/{path}")
        other = await client.get("/livez")
    assert answer.status_code == status
    assert answer.headers["deprecation"] == "@1798761600"
    assert answer.headers["sunset"] == "Sat, 01 Jan 2028 00:00:00 GMT"
    assert answer.headers["link"] == '</v1/new>; rel="successor-version"'
    assert "deprecation" not in other.headers


def test_nobody_can_promise_less_than_a_year():
    with pytest.raises(ValueError, match="365"):
        deprecated(date(2027, 1, 1), date(2027, 12, 1), "/v1/new")
