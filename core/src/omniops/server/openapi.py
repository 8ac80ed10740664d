"""The description of the API: with it, each route's errors are told as well, from what stands before the route.

It is public: it holds no secret, and a client must be able to read it before it has a key.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from omniops.server.idempotency import Idempotent, takes_key
from omniops.server.limits import writing_visitor
from omniops.server.permissions import Public, Requires, guard_of, visitor_of
from omniops.server.problems import MEDIA_TYPE
from omniops.server.visitor_shapes import Problem

_METHODS_WITH_BODY = frozenset({"post", "put", "patch"})
_WORDS = {
    400: "The body is no JSON.",
    401: "The token, key or session is missing, unknown or over.",
    403: "Not permitted, or from a website that this is not for.",
    404: "There is no such thing, or it is not yours.",
    409: "Not in the state that it is in.",
    413: "The body is too large.",
    422: "The input breaks a rule; `where` names the place.",
    429: "Too often. `Retry-After` says for how long to wait.",
    503: "Something that is needed is away. `Retry-After` says when to try again.",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A random text of your own. The same request with the same key takes effect once within 24 hours, "
    "and is answered as the first time, with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_SCHEMES: dict[str, dict[str, str]] = {
    "visitor": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /v1/visitor/sessions`, good for one domain and the website it was opened on.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `oo_key_…`, or `oo_test_…` for sandbox websites.",
    },
    "member": {
        "type": "apiKey",
        "in": "cookie",
        "name": "omniops_session",
        "description": "A signed-in member's session, on our own pages only.",
    },
}


def install(app: FastAPI) -> None:
    """Makes the app describe itself so; the description is made once, when it is first asked for."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own documented way


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary="Ask, answer, hand over: the API of the chat and of the business.",
        description="Errors are problem documents (RFC 9457). `code` is stable and meant for programs.",
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for ours in ("HTTPValidationError", "ValidationError"):
        schemas.pop(ours, None)
    schemas["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = _SCHEMES
    for context in iter_route_contexts(app.routes):
        operations = schema["paths"].get(context.path_format or "", {})
        for method in context.methods or ():
            if (operation := operations.get(method.lower())) is not None:
                _complete(operation, context, method.lower())
    return schema


def _complete(operation: dict[str, Any], route: Any, method: str) -> None:
    """Adds to an operation who may call it and how it fails."""
    guard = guard_of(route)
    fails = {503}
    if isinstance(guard, Requires):
        fails |= {401, 403}
        operation["security"] = [{"key": []}, {"member": []}]
        operation["description"] = f"{operation.get('description', '')}\n\nPermission: `{guard.permission}`.".strip()
    elif guard is visitor_of:
        fails |= {401, 403}
        operation["security"] = [{"visitor": []}]
    elif isinstance(guard, Public):
        operation["security"] = []
    if isinstance(route.original_route, Idempotent) and takes_key(route):
        fails |= {409, 422}
        operation.setdefault("parameters", []).append(_KEY)
    if any(_calls(route.dependant, writing_visitor)):
        fails |= {429}
    if "{" in route.path_format:
        fails |= {404}
    if operation.get("parameters") or "requestBody" in operation:
        fails |= {422}
    if method in _METHODS_WITH_BODY:
        fails |= {413}
    if "requestBody" in operation:
        fails |= {400}
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status in sorted(fails):
        responses.setdefault(str(status), problem(status))


def problem(status: int, said: str | None = None) -> dict[str, Any]:
    """The description of an error, for `responses=` of a route that fails in a way of its own."""
    return {
        "description": said or _WORDS.get(status, HTTPStatus(status).phrase),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def fails(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that fails in these ways as well."""
    return {status: problem(status) for status in statuses}


def _calls(dependant: Any, call: Any) -> list[bool]:
    """Whether a dependency stands anywhere before a route."""
    waiting, found = [dependant], []
    while waiting:
        one = waiting.pop()
        found += [True] if one.call is call else []
        waiting += one.dependencies
    return found
