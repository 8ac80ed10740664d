"""Routes whose writes may be repeated: `Idempotency-Key` on every write that a member, a key or a visitor makes.

A class of route and no middleware: it stands behind the guard, so that who may not write is given no answer of anybody,
and it leaves streams alone. A route that takes the header itself keeps its own promise.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from omniops.accounts.repeats import Claim, Repeats, Writer
from omniops.errors import OmniOpsError, Rejected
from omniops.server.forms import in_dashboard
from omniops.server.limits import writing_visitor
from omniops.server.permissions import Requires, RequiresDomain, guard_of, runtime_of, visitor_of
from omniops.server.problems import status_of
from omniops.server.recording import recorded

HEADER = "idempotency-key"
REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("content-type", "location", "cache-control", "content-security-policy", "referrer-policy")
PATIENCE, PAUSE = 40, 0.25
"""How often a form that was sent twice looks for what came of the first, and the seconds between."""
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Idempotent(APIRoute):
    """A route that answers a repeated write as it did the first time."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        if WRITES & set(self.methods or ()):
            handle = recorded(handle, self.path_format)
        if not takes_key(self):
            return handle

        async def once(request: Request) -> Response:
            form = await _form_key(request)
            key = form or request.headers.get(HEADER)
            if key is None:
                return await handle(request)
            repeats = runtime_of(request).repeats
            writer = await _writer(self, request)
            claim = await _claim(repeats, writer, key, await _fingerprint(request), patient=form is not None)
            if claim.answer is not None:
                if writer.subject_id is not None:
                    await writing_visitor(request, await visitor_of(request))  # a repetition is a request as well
                return _again(claim)
            try:
                response = await handle(request)
            except Exception as error:
                if _took_no_effect(error):
                    await repeats.release(claim)
                raise
            if form and response.status_code >= 400:  # the page says what stood in the way; nothing was done
                await repeats.release(claim)
                return response
            kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
            body = bytes(response.body).decode()
            await repeats.keep(claim, {"status": response.status_code, "headers": kept, "body": body})
            return response

        return once


def takes_key(route: Any) -> bool:
    """Whether a route answers for its writes by the header here: one that writes, that knows who does, and that does
    not read the header itself."""
    writes = bool(WRITES & set(route.methods or ()))
    guard = guard_of(route)
    known = isinstance(guard, Requires) or guard is visitor_of
    return writes and known and not keeps_own_promise(route)


def keeps_own_promise(route: Any) -> bool:
    """Whether the route's function takes the header, and makes its effect single by itself."""
    return "idempotency_key" in signature(route.endpoint).parameters


async def _writer(route: APIRoute, request: Request) -> Writer:
    """Who writes, by the route's own guard, which raises as it would without the header."""
    guard = guard_of(route)
    if guard is visitor_of:
        visitor = await visitor_of(request)
        return Writer(visitor.scope, visitor.actor, visitor.subject_id)
    if isinstance(guard, RequiresDomain):
        access = await guard(request, _domain_id(request))
        return Writer(access.scope, access.principal.actor)
    assert isinstance(guard, Requires)
    principal = await guard(request)
    return Writer(principal.scope, principal.actor)


async def _form_key(request: Request) -> str | None:
    """The key of a dashboard's form: the mark that its page gave it, and all that it says. Sent twice, by a
    second click or by going back, it takes effect once; changed, it is another."""
    if not in_dashboard(request.url.path):
        return None
    said = await _fingerprint(request)  # before the form: a body is read once, and kept
    once = (await request.form()).get("once")
    return hashlib.sha256(once.encode() + said).hexdigest() if isinstance(once, str) and once else None


async def _claim(repeats: Repeats, writer: Writer, key: str, fingerprint: bytes, *, patient: bool) -> Claim:
    """The claim. `patient`: a person waits for the first of two clicks to end, and sees what came of it."""
    for _ in range(PATIENCE if patient else 0):
        try:
            return await repeats.claim(writer, key, fingerprint)
        except Rejected as error:
            if error.code != "request_running":
                raise
        await asyncio.sleep(PAUSE)
    return await repeats.claim(writer, key, fingerprint)


def _domain_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["domain_id"])
    except ValueError:
        raise RequestValidationError(
            [{"loc": ("path", "domain_id"), "msg": "Input should be a valid UUID", "type": "uuid_parsing"}]
        ) from None


async def _fingerprint(request: Request) -> bytes:
    """All that makes up a request: what is asked of what, and the body to the byte."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n{request.headers.get('content-type', '')}\n"
    return head.encode() + await request.body()


def _took_no_effect(error: Exception) -> bool:
    """What was refused as wrong, forbidden or too early changed nothing. Of our own failures nobody knows."""
    if isinstance(error, OmniOpsError):
        return status_of(error)[0] < 500
    if isinstance(error, HTTPException):
        return error.status_code < 500
    return isinstance(error, RequestValidationError)


def _again(claim: Claim) -> Response:
    assert claim.answer is not None
    headers = {**claim.answer["headers"], REPLAYED: "true"}
    return Response(claim.answer["body"] or None, claim.answer["status"], headers)
