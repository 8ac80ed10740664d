"""Asking Microsoft Graph: one call, the pages of a list, and what answers mean. Version 1.0 only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from omniops import PluginContext, Scope
from omniops.contracts.limits import Limits, next_link
from omniops.errors import NotReady, Permanent

from omniops_microsoft.settings import MicrosoftConnection, MicrosoftSettings

if TYPE_CHECKING:
    import httpx2

PROCESSOR = "microsoft"
CHAT, EMAIL, NAME = "user.content.chat", "contact.email", "contact.name"
PAGES = 100
"""Pages of a list that are read at most."""
AT_ONCE = 2
"""Calls at the same time for one mailbox in one process. Outlook takes four of an app, and web and worker share them
(learn.microsoft.com/graph/throttling-limits)."""
GONE = (404, 410)
IMMUTABLE = 'IdType="ImmutableId"'
"""With it an item keeps its id when it is moved (learn.microsoft.com/graph/outlook-immutable-id)."""


@dataclass(frozen=True, slots=True)
class Why:
    """For what a call is made, about whom and for which domain: what the gate enters."""

    purpose: str = "connection.use"
    categories: Sequence[str] = ()
    subjects: Sequence[UUID] = ()
    scope: Scope | None = None


class Gone(Permanent):
    """What was asked for is not there (any more): 404, and 410 for a place in a list that Graph forgot."""


class Graph:
    """Graph, asked with the access of one connection at a time."""

    def __init__(self, context: PluginContext) -> None:
        self._gate = context.gate
        self._settings: MicrosoftSettings = context.settings
        self._limits = Limits("Microsoft 365", context.clock, at_once=AT_ONCE)

    async def call(
        self,
        connection: MicrosoftConnection,
        method: str,
        path: str,
        why: Why | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        prefer: Sequence[str] = (),
    ) -> dict[str, Any]:
        """What Graph answers to `path` under `/v1.0`, or to a whole link of a page before; empty for no content.

        Raises `Gone`, `NotReady`, `Reconnect` and `Permanent`. A link to another host raises `Rejected`: the token
        would go along.
        """
        reason = why or Why()
        url = next_link(path, f"{self._settings.graph_url}/v1.0") if path.startswith("https:") else self._at(path)
        headers = {**_headers(connection, prefer), "accept": "application/json"}
        async with self._out(reason) as http:
            response = await self._limits.send(
                http,
                method,
                url,
                key=connection.user,
                takes=GONE,
                headers=headers,
                params=query,
                json=body,
                follow_redirects=False,
            )
        if response.status_code in GONE:
            raise _gone(response)
        if not response.content:
            return {}
        said = self._limits.json(response)
        if not isinstance(said, dict):
            raise NotReady("Microsoft 365 answered what cannot be read.")
        return said

    async def content(
        self, connection: MicrosoftConnection, path: str, why: Why, *, prefer: Sequence[str] = ()
    ) -> AsyncGenerator[bytes]:
        """The bytes at `path`, as they come. Raises as `call` does."""
        headers = _headers(connection, prefer)
        async with (
            self._out(why) as http,
            self._limits.stream(
                http,
                "GET",
                self._at(path),
                key=connection.user,
                takes=GONE,
                headers=headers,
                follow_redirects=False,
            ) as response,
        ):
            if response.status_code in GONE:
                raise _gone(response)
            async for piece in response.aiter_bytes():
                yield piece

    async def pages(
        self,
        connection: MicrosoftConnection,
        path: str,
        why: Why | None = None,
        *,
        query: Mapping[str, str] | None = None,
        prefer: Sequence[str] = (),
    ) -> AsyncIterator[dict[str, Any]]:
        """The pages of a list to its end, each as it came. A link that comes again ends it as an error."""
        known, at, asked = {path}, path, query
        for _ in range(PAGES):
            page = await self.call(connection, "GET", at, why, query=asked, prefer=prefer)
            yield page
            at, asked = str(page.get("@odata.nextLink") or ""), None
            if not at:
                return
            if at in known:
                raise NotReady("Microsoft 365 gives the same page again and again.")
            known.add(at)

    async def items(
        self,
        connection: MicrosoftConnection,
        path: str,
        why: Why | None = None,
        *,
        query: Mapping[str, str] | None = None,
        prefer: Sequence[str] = (),
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The items of a list, page by page."""
        async for page in self.pages(connection, path, why, query=query, prefer=prefer):
            for item in values(page):
                yield item

    def _out(self, why: Why) -> httpx2.AsyncClient:
        return self._gate.http(
            PROCESSOR, purpose=why.purpose, categories=why.categories, subjects=why.subjects, scope=why.scope
        )

    def _at(self, path: str) -> str:
        return f"{self._settings.graph_url}/v1.0{path}"


def _headers(connection: MicrosoftConnection, prefer: Sequence[str]) -> dict[str, str]:
    own = {"authorization": f"Bearer {connection.access_token}"}
    return {**own, "prefer": ", ".join(prefer)} if prefer else own


def _gone(response: httpx2.Response) -> Gone:
    return Gone(f"Microsoft 365 has no such thing, or no longer ({response.status_code}).")


def values(page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The items of a page."""
    found = page.get("value")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def part(identifier: str) -> str:
    """An id as one part of a path: those of Outlook hold `/`, `+` and `=`."""
    return quote(identifier, safe="")


def within(said: Mapping[str, Any], *names: str) -> Any:
    """What lies under names in objects within objects, None where one of them is missing or no object."""
    found: Any = said
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def text(said: Mapping[str, Any], *names: str) -> str:
    """The same as text; empty for everything else."""
    found = within(said, *names)
    return found if isinstance(found, str) else ""
