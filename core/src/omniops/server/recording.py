"""Every write of the API leaves an entry in the audit: its own, the note of what it changed, or the one made here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from omniops.audit.service import OPERATOR, Entry, acting, current
from omniops.contracts.scope import Actor

UNKNOWN = Actor.system("public")
"""Who calls, until a guard found out."""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Acts:
    """Middleware: what happens while a request is answered, its stream included, is one act."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with acting(UNKNOWN):
            await self._app(scope, receive, send)


def recognised(actor: Actor, account_id: UUID) -> None:
    """A guard found out who calls."""
    if (act := current()) is not None:
        act.actor, act.account_id = actor, account_id


def recorded(handle: Handler, path: str) -> Handler:
    """A write that was done and left no entry gets one, with its method and the route. What was refused gets none. If
    the entry cannot be written, the caller is told so and does not see the answer."""

    async def answer(request: Request) -> Response:
        act = current()
        before = act.changes if act is not None else 0
        response = await handle(request)
        if act is not None and act.changes == before and response.status_code < 400:
            await request.app.state.runtime.audit.write(
                Entry(act.account_id or OPERATOR, str(act.actor), "api.write", path, detail={"method": request.method})
            )
        return response

    return answer
