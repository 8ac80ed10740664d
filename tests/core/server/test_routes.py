"""Every route × every role × two domains: who may not, cannot; what is not yours is not there."""

import re
from uuid import uuid4

import pytest
from fastapi import APIRouter, Depends
from omniops.accounts.permissions import ROLES
from omniops.server.app import create_app, guard_of
from omniops.server.permissions import Public, Requires, visitor_of
from walking import plain, routes

NOBODY = {
    "nothing": {},
    "nonsense": {"Authorization": "Bearer oo_key_nonsense"},
    "visitor": {"Authorization": "Bearer oo_visitor_x"},
}


def calls(app, *, domain=None):
    """(route, method, path) with a given domain, and ids that belong to nothing."""
    for route in routes(app):
        path = route.path.replace("{domain_id}", str(domain or uuid4()))
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: str(uuid4()) if m[1].endswith("_id") else "nothing", path)
        for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
            yield route, method, path


async def test_the_walk_reaches_the_routes(world):
    paths = {route.path for route in routes(world.app)}
    assert {"/v1/domains", "/v1/visitor/messages", "/readyz", "/widget.js", "/setup/{token}"} <= paths
    assert len(paths) > 30


async def test_every_route_says_who_may_call_it(world):
    silent = [route.path for route in routes(world.app) if guard_of(route) is None]
    assert silent == []
    for route in routes(world.app):
        if isinstance(guard := guard_of(route), Public):
            assert len(guard.why) > 8, route.path


async def test_a_route_that_says_nothing_is_seen(world):
    app = create_app(world.runtime)
    loose = APIRouter()

    @loose.get("/loose")
    async def leak() -> str:
        return "everything"

    app.include_router(loose)
    assert [route.path for route in routes(app) if guard_of(route) is None] == ["/loose"]


@pytest.mark.parametrize("who", NOBODY)
async def test_nobody_gets_past_a_guard(world, who):
    async with world.client() as client:
        for route, method, path in calls(world.app):
            if not isinstance(guard_of(route), Public):
                answer = await client.request(method, path, headers=NOBODY[who])
                assert answer.status_code == 401, (method, path, answer.text)


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_what_it_may_and_nothing_else(world, role):
    account = world.accounts[0]
    domain = world.domains[account][0].id
    async with world.client(**world.key(account, role)) as client:
        for route, method, path in calls(world.app, domain=domain):
            if isinstance(guard := guard_of(route), Requires):
                async with client.stream(method, path) as answer:  # some have no end
                    status = answer.status_code
                if guard.permission in ROLES[role] and not guard.members_only:
                    assert status not in (401, 403), (method, path)
                    assert status < 500, (method, path)
                else:
                    assert status == 403, (method, path)
            elif guard is visitor_of:
                answer = await client.request(method, path)
                assert answer.status_code == 401, "a key is no visitor"


@pytest.mark.parametrize("role", [*ROLES, "narrow"])
async def test_what_is_not_yours_is_not_there(world, role):
    one, two = world.accounts
    foreign = [world.domains[two][0].id, world.domains[two][1].id]
    if role == "narrow":
        foreign.append(world.domains[one][1].id)
    seen = 0
    async with world.client(**world.key(one, role)) as client:
        for domain in foreign:
            pairs = zip(calls(world.app, domain=domain), calls(world.app, domain=uuid4()), strict=True)
            for (route, method, theirs), (_, _, none) in pairs:
                if not isinstance(guard_of(route), Requires) or "{domain_id}" not in route.path:
                    continue
                real, missing = await client.request(method, theirs), await client.request(method, none)
                assert real.status_code in (403, 404), (method, theirs, real.text)
                assert plain(real) == plain(missing), (method, theirs)
                seen += 1
    assert seen > 10


async def test_lists_hold_only_what_is_yours(world):
    one, two = world.accounts
    for account, other in ((one, two), (two, one)):
        async with world.client(**world.key(account, "owner")) as client:
            listed = (await client.get("/v1/domains")).text
            keys = (await client.get("/v1/keys")).text
        assert all(str(domain.id) in listed for domain in world.domains[account])
        assert not any(str(domain.id) in listed for domain in world.domains[other])
        assert "oo_key_" not in keys
    async with world.client(**world.key(one, "narrow")) as client:
        listed = (await client.get("/v1/domains")).text
    assert str(world.domains[one][1].id) not in listed


async def test_a_plugins_route_without_a_permission_is_left_out(world):
    from omniops.server.app import _mount_plugin

    router = APIRouter()

    @router.get("/open")
    async def opened() -> str:
        return "everything"

    app = create_app(world.runtime)
    _mount_plugin(app, world.runtime, "website", router)
    assert not any("plugins/website/open" in route.path for route in routes(app))
    outer = APIRouter()
    outer.include_router(router, prefix="/inner")
    _mount_plugin(app, world.runtime, "website", outer)
    assert not any("inner/open" in route.path for route in routes(app))
    guarded = APIRouter()

    @guarded.get("/shut", dependencies=[Depends(Requires("domain.read"))])
    async def shut() -> str:
        return "yours"

    _mount_plugin(app, world.runtime, "website", guarded)
    assert any(route.path == "/v1/plugins/website/shut" for route in routes(app))
