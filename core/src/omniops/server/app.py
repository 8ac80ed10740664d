"""The HTTP application: routes, problem documents, limits and headers. No rules."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omniops import __version__
from omniops.contracts.ids import new_id
from omniops.errors import PluginError
from omniops.knowledge.formats import MOST_BYTES as MOST_FILE
from omniops.runtime import Runtime
from omniops.server import (
    ages,
    ai_content,
    analytics,
    answers,
    attachments,
    audit,
    bench,
    breaches,
    business,
    business_visitors,
    cases,
    checklist,
    connected_documents,
    connections,
    consent,
    dashboard,
    deliveries,
    factors,
    figures,
    gaps,
    handling,
    inbox,
    knowledge,
    oauth,
    openapi,
    pages,
    preference_pages,
    preferences,
    privacy,
    problems,
    public,
    register,
    repairs,
    retention,
    rights,
    routing,
    system,
    team,
    tool_runs,
    trials,
    verification,
    visitor,
    visitor_conversations,
    visitor_rights,
    visitor_sessions,
    webhooks,
    widget,
)
from omniops.server.deprecation import STATE as DEPRECATION
from omniops.server.limits import Streams
from omniops.server.permissions import guard_of
from omniops.server.recording import Acts
from omniops.web.banner import Banner

MOST_BYTES = 64 * 1024
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_CORS_HEADERS = b"authorization, content-type, idempotency-key, last-event-id"


def create_app(runtime: Runtime) -> FastAPI:
    """The application of one process over an opened runtime."""
    app = FastAPI(title="OmniOps", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.runtime = runtime
    app.state.log = runtime.log
    app.state.started = runtime.clock.now()
    app.state.stopping = asyncio.Event()
    app.state.banner = Banner.build(
        runtime.catalog, {n: s.script for n, (_, s) in runtime.seams.consent_sources().items()}
    )
    app.state.streams = Streams(runtime.settings.visitor_streams)
    problems.install(app)
    app.include_router(deliveries.router)  # first: routes are tried one after the other, and these come in storms
    app.include_router(visitor.router)
    app.include_router(visitor_sessions.router)
    app.include_router(visitor_conversations.router)
    app.include_router(attachments.router)
    app.include_router(business.router)
    app.include_router(team.router)
    app.include_router(factors.router)
    app.include_router(connections.router)
    app.include_router(connected_documents.router)
    app.include_router(oauth.router)
    app.include_router(knowledge.router)
    app.include_router(consent.router)
    app.include_router(preferences.router)
    app.include_router(preference_pages.router)
    app.include_router(register.router)
    app.include_router(analytics.router)
    app.include_router(figures.router)
    app.include_router(business_visitors.router)
    app.include_router(cases.router)
    app.include_router(visitor_rights.router)
    app.include_router(rights.router)
    app.include_router(tool_runs.router)
    app.include_router(ai_content.router)
    app.include_router(gaps.router)
    app.include_router(routing.router)
    app.include_router(bench.router)
    app.include_router(checklist.router)
    app.include_router(retention.router)
    app.include_router(inbox.router)
    app.include_router(handling.router)
    app.include_router(answers.router)
    app.include_router(ages.router)
    app.include_router(trials.router)
    app.include_router(verification.router)
    app.include_router(webhooks.router)
    app.include_router(repairs.router)
    app.include_router(deliveries.business)
    app.include_router(audit.router)
    app.include_router(breaches.router)
    app.include_router(pages.router)
    app.include_router(public.router)
    for router in dashboard.ROUTERS:
        app.include_router(router)
    app.include_router(privacy.router)
    app.include_router(widget.router)
    for name, router in runtime.seams.routers():
        _mount_plugin(app, runtime, name, router)
    app.include_router(system.router)
    app.add_middleware(Acts)
    app.add_middleware(Envelope)
    openapi.install(app)
    return app


class Envelope:
    """Around every request: an id, a cap on the body, headers that browsers obey, and the visitor API's CORS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = new_id().hex
        headers = dict(scope["headers"])
        path: str = scope["path"]
        origin = headers.get(b"origin")
        for_visitors = path.startswith("/v1/visitor/")
        extra = [*_SECURITY, (b"x-request-id", state["request_id"].encode())]
        if for_visitors and scope["method"] == "OPTIONS":
            await _preflight(send, origin, extra)
            return
        most = _most_bytes(path)

        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = {name for name, _ in message["headers"]}
                added = [(name, value) for name, value in [*extra, *state.get(DEPRECATION, ())] if name not in own]
                if for_visitors and origin is not None and not state.get("foreign_origin"):
                    added += _allowed(origin)
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        length = headers.get(b"content-length", b"0")
        request = Request(scope)
        if not length.isdigit() or int(length) > most:
            await problems.problem(request, 413, "too_large", _too_large(most))(scope, receive, sending)
            return
        try:
            await self._app(scope, _capped(receive, most), sending)
        except Exception as error:
            if begun:
                raise
            await problems.unexpected(request, error)(scope, receive, sending)


def _most_bytes(path: str) -> int:
    """What a body may measure."""
    if path == "/v1/visitor/attachments":
        return attachments.BYTES
    if knowledge.FILE_PATH.fullmatch(path):
        return MOST_FILE
    return deliveries.BYTES if path.startswith("/webhooks/") else MOST_BYTES


def _too_large(most: int) -> str:
    return f"At most {most:,} bytes are taken."


def _capped(receive: Receive, most: int) -> Receive:
    """Stops reading a body that is larger than it said, or said nothing."""
    seen = 0

    async def capped() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, _too_large(most))
        return message

    return capped


def _allowed(origin: bytes) -> list[tuple[bytes, bytes]]:
    """The visitor API is called from other origins, with a token in a header and never with cookies. Which websites a
    chat runs on is checked by its routes; this only lets the browser read the answer."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"content-disposition, idempotent-replayed, retry-after, x-request-id"),
        (b"vary", b"Origin"),
    ]


async def _preflight(send: Send, origin: bytes | None, extra: Iterable[tuple[bytes, bytes]]) -> None:
    headers = [*extra, (b"content-length", b"0")]
    if origin is not None:
        headers += [
            *_allowed(origin),
            (b"access-control-allow-methods", b"GET, POST, DELETE"),
            (b"access-control-allow-headers", _CORS_HEADERS),
            (b"access-control-max-age", b"600"),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _mount_plugin(app: FastAPI, runtime: Runtime, name: str, router: APIRouter) -> None:
    """A plugin's routes under its own prefix, after core's, each behind a permission, with declared cookies only."""
    for context in iter_route_contexts(router.routes):
        # Routers inside the router are walked too; what is no API route at all cannot say who may call it.
        if guard_of(context) is None:
            error = PluginError(
                f"Plugin {name!r}: route {context.path!r} has no permission; it and its siblings are left out.",
                plugin=name,
                stage="routes",
            )
            runtime.log.error("plugin.failed", plugin=name, said=str(error))
            return
    declared = runtime.loaded(name).declaration.cookies
    mounted = APIRouter(prefix=f"/v1/plugins/{name}")
    mounted.include_router(router)
    app.include_router(mounted)
    app.add_middleware(PluginCookies, prefix=f"/v1/plugins/{name}/", names=[c.name for c in declared], log=runtime.log)


class PluginCookies:
    """Turns an answer that sets an undeclared cookie into an error: the cookie never leaves the server."""

    def __init__(self, app: ASGIApp, *, prefix: str, names: Iterable[str], log: Any) -> None:
        self._app = app
        self._prefix = prefix
        self._names = frozenset(names)
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        refused = False

        async def sending(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                undeclared = [name for name in _cookies(message["headers"]) if name not in self._names]
                if undeclared:
                    refused = True
                    self._log.error("plugin.undeclared_cookie", path=scope["path"], cookie=undeclared[0])
                    await problems.problem(Request(scope), 500, "failed", problems.INSIDE)(scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, sending)


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    values = [value.decode("latin-1") for name, value in headers if name.lower() == b"set-cookie"]
    return [match[1] for value in values if (match := re.match(r"\s*([^=;\s]+)", value))]
