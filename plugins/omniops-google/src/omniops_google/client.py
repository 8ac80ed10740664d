"""Asking Google: one call, and what its answers mean. A 403 may mean "too fast", "no scope" or "no"."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from omniops import PluginContext, Scope
from omniops.contracts.limits import Limits, backoff
from omniops.errors import NotReady, Permanent, Reconnect

from omniops_google.settings import GoogleConnection, GoogleSettings, Place

if TYPE_CHECKING:
    import httpx2

PROCESSOR = "google-workspace"
CHAT, EMAIL, NAME = "user.content.chat", "contact.email", "contact.name"
COMPANY, NOTE = "contact.company", "contact.note"
PAGES = 200
"""Pages of a list that are read at most in one go."""
PAUSE = 2.0
"""Seconds that a connection waits at least where Google says by a 403 that it is asked too fast."""
_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})
"""Reasons of a 403 that mean as much as a 429."""
_SCOPE = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "authError"})
_OFF = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_LOOKED_AT = (400, 403, 404, 409, 410, 412)


class Gone(Permanent):
    """There is no such thing (any more), or the position to go on from is too old (404, 410)."""


class NoScope(Reconnect):
    """The access is good, and not for this (403)."""


class Denied(Permanent):
    """A no for a reason (400, 403, 412): `reasons` are Google's stable words for it."""

    def __init__(self, status: int, reasons: Collection[str]) -> None:
        super().__init__(f"Google refused the call ({status}).")
        self.status = status
        self.reasons = frozenset(reasons)


class Taken(Permanent):
    """Something with this id is there already (409)."""


@dataclass(frozen=True, slots=True)
class Why:
    """For what a call is made, about whom and for which domain: what the gate enters."""

    purpose: str = "connection.use"
    categories: Sequence[str] = ()
    subjects: Sequence[UUID] = ()
    scope: Scope | None = None


def path(*parts: str) -> str:
    """A path of which each part is one step, whatever is in it."""
    return "".join(f"/{quote(part, safe='@')}" for part in parts)


class GoogleClient:
    """The REST interfaces, each by its published path."""

    def __init__(self, context: PluginContext) -> None:
        self._gate = context.gate
        self._settings: GoogleSettings = context.settings
        self._limits = Limits("Google", context.clock)
        self._strikes: dict[str, int] = {}

    async def call(
        self,
        connection: GoogleConnection,
        method: str,
        place: Place,
        where: str,
        why: Why | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        **query: Any,
    ) -> dict[str, Any]:
        """The JSON of an answer, empty where there is none. Raises `NotReady`, `Reconnect`, `Permanent`, `Gone` and
        `Taken`."""
        content = await self.content(connection, method, place, where, why, body=body, **query)
        if not content:
            return {}
        import json

        try:
            said = json.loads(content)
        except ValueError as error:
            raise NotReady("Google answered what cannot be read.") from error
        if not isinstance(said, dict):
            raise NotReady("Google answered what cannot be read.")
        return said

    async def content(
        self,
        connection: GoogleConnection,
        method: str,
        place: Place,
        where: str,
        why: Why | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        **query: Any,
    ) -> bytes:
        """The bytes of an answer. Raises as `call` does."""
        key = connection.address
        async with self._out(why) as http:
            response = await self._limits.send(
                http, method, f"{self._settings.at(place)}{where}", json=body, **_options(connection, query)
            )
        if response.is_success:
            self._strikes.pop(key, None)
            return response.content
        raise self._meaning(key, response.status_code, _reasons(response))

    async def pieces(
        self, connection: GoogleConnection, place: Place, where: str, why: Why, **query: Any
    ) -> AsyncGenerator[bytes]:
        """The bytes of an answer, as they come. Raises as `call` does."""
        key = connection.address
        async with (
            self._out(why) as http,
            self._limits.stream(
                http, "GET", f"{self._settings.at(place)}{where}", **_options(connection, query)
            ) as response,
        ):
            if not response.is_success:
                await response.aread()
                raise self._meaning(key, response.status_code, _reasons(response))
            self._strikes.pop(key, None)
            async for piece in response.aiter_bytes():
                yield piece

    def _out(self, why: Why | None) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        why = why or Why()
        return self._gate.http(
            PROCESSOR, purpose=why.purpose, categories=why.categories, subjects=why.subjects, scope=why.scope
        )

    async def pages(
        self,
        connection: GoogleConnection,
        place: Place,
        where: str,
        why: Why | None = None,
        **query: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """The pages of a list to its end. A page that comes again ends it as an error."""
        token, known = query.pop("pageToken", None), set[str]()
        for _ in range(PAGES):
            said = await self.call(connection, "GET", place, where, why, pageToken=token, **query)
            yield said
            token = said.get("nextPageToken")
            if not token:
                return
            if not isinstance(token, str) or token in known:
                raise NotReady("Google gives the same page again and again.")
            known.add(token)

    def _meaning(self, key: str, status: int, reasons: Collection[str]) -> NotReady | Reconnect | Permanent:
        if status == 403 and _FAST & set(reasons):
            strikes = self._strikes[key] = self._strikes.get(key, 0) + 1
            wait = PAUSE + backoff(strikes)
            self._limits.pause(key, wait)
            return NotReady("Google asked us to go slower (403).", retry_after=wait)
        if status == 403 and _SCOPE & set(reasons):
            return NoScope("Google did not give the permission for this.", do="Connect Google again.")
        if status == 403 and _OFF & set(reasons):
            return NotReady("This interface of Google's is not switched on for the operator's app (403).")
        if status in (404, 410):
            return Gone(f"Google has no such thing any more ({status}).")
        if status == 409:
            return Taken("Google has this already (409).")
        return Denied(status, reasons)


def _options(connection: GoogleConnection, query: Mapping[str, Any]) -> dict[str, Any]:
    """What every call is made with."""
    return {
        "key": connection.address,
        "takes": _LOOKED_AT,
        "params": {name: value for name, value in query.items() if value is not None},
        "headers": {"authorization": f"Bearer {connection.access_token}"},
        "follow_redirects": False,
    }


def _reasons(response: Any) -> Collection[str]:
    """The stable words of an error, in its older form (`errors[].reason`) and its newer one (`details[].reason`).
    Nothing else of it is looked at: it may repeat what was sent."""
    try:
        error = response.json()["error"]
        listed = [*(error.get("errors") or ()), *(error.get("details") or ())]
        return {one["reason"] for one in listed if isinstance(one.get("reason"), str)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()
