"""Nothing is done in the dashboard that a program could not do over `/v1` with the very same permission."""

import re

from dashboard_actions import ACTIONS, PLUGINS, PUBLIC
from fastapi import APIRouter, Depends
from omniops.server.app import create_app, guard_of
from omniops.server.forms import HOME, Sends
from omniops.server.permissions import Public
from walking import routes

WRITES = ("POST", "PUT", "PATCH", "DELETE")
HERE = HOME + "/{domain_id}"
DONE = {**PUBLIC, **{HERE + place: operations for place, operations in ACTIONS.items()}}


def faults(app, done=DONE):
    """What stands against it, in words."""
    found, forms, operations = [], {}, {}
    for route in routes(app):
        for method in set(route.methods) & set(WRITES):
            if route.path.startswith(f"{HOME}/"):
                forms[route.path] = (method, guard_of(route))
            elif route.path.startswith("/v1/"):
                operations[f"{method} {route.path.removeprefix('/v1')}"] = guard_of(route)
    for path, (method, guard) in forms.items():
        if path in PLUGINS:
            continue
        if path not in done:
            found.append(f"{path} is in no table of dashboard_actions.py.")
            continue
        if method != "POST":
            found.append(f"{path} is {method}, which no form sends.")
        for operation in done[path]:
            if operation not in operations:
                found.append(f"{path} stands for {operation}, which /v1 does not have.")
            elif said(guard) != said(operations[operation]):
                found.append(f"{path} wants {said(guard)}, {operation} wants {said(operations[operation])}.")
    return found + [f"{path} is in a table, and there is no such form." for path in done if path not in forms]


def said(guard):
    return "nobody's permission" if isinstance(guard, Public) else guard.permission


async def test_every_form_is_an_operation_of_the_api_with_the_same_permission(world):
    assert faults(world.app) == []


async def test_no_form_stands_for_nothing(world):
    assert [path for path, operations in DONE.items() if not operations] == []


async def test_a_form_without_an_operation_and_one_with_another_permission_are_seen(world):
    app = create_app(world.runtime)
    loose = APIRouter(prefix=HERE + "/sabotage")

    @loose.post("/unknown")
    async def unknown(access=Depends(Sends("domain.read"))) -> None: ...  # noqa: B008

    @loose.post("/weaker")
    async def weaker(access=Depends(Sends("domain.read"))) -> None: ...  # noqa: B008

    @loose.post("/nowhere")
    async def nowhere(access=Depends(Sends("domain.read"))) -> None: ...  # noqa: B008

    @loose.delete("/no-form")
    async def no_form(access=Depends(Sends("domain.manage"))) -> None: ...  # noqa: B008

    app.include_router(loose)
    at = HERE + "/sabotage"
    found = faults(app, {
        **DONE,
        f"{at}/weaker": ["POST /keys"],
        f"{at}/nowhere": ["POST /nowhere"],
        f"{at}/no-form": ["PATCH /domains/{domain_id}"],
        f"{at}/gone": ["POST /keys"],
    })  # fmt: skip
    said = sorted(re.sub(r"^\S+/sabotage/", "", one) for one in found)
    assert said == [
        "gone is in a table, and there is no such form.",
        "no-form is DELETE, which no form sends.",
        "nowhere stands for POST /nowhere, which /v1 does not have.",
        "unknown is in no table of dashboard_actions.py.",
        "weaker wants domain.read, POST /keys wants key.manage.",
    ]
