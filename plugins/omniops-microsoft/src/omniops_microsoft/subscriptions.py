"""Subscriptions to changes: those that are wanted are there and prolonged, all others of this connection are not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops import PluginContext
from omniops.contracts.integration import Link
from omniops.errors import NotReady, Permanent

from omniops_microsoft.client import IMMUTABLE, Gone, Graph, Why, part, text
from omniops_microsoft.webhooks import MAIL, TEAMS

LIFETIME = timedelta(minutes=4200)
"""How long one is asked for. Outlook allows 4,230 minutes and Teams 4,320 at the strictest reading of
learn.microsoft.com/graph/change-notifications-overview; what was granted is what counts."""
SOON = timedelta(hours=1)
"""When it is looked again whether there is something to subscribe to."""


def wanted(link: Link) -> dict[str, str]:
    """What to subscribe to: the resource by the feature that it is for. Nothing where Graph could not reach us, since
    it calls https addresses only: then all is fetched."""
    found: dict[str, str] = {}
    if not link.webhook_url.startswith("https:"):
        return found
    if MAIL in link.features:
        found[MAIL] = f"me/mailFolders('{link.connection.folder}')/messages"
    if TEAMS in link.features and link.connection.channel:
        team, _, channel = link.connection.channel.partition("/")
        found[TEAMS] = f"teams/{team}/channels/{channel}/messages"
    return found


class Subscriptions:
    """Graph keeps the list. Two jobs that make one at the same time are put right by the next that looks."""

    def __init__(self, context: PluginContext, graph: Graph) -> None:
        self._clock = context.clock
        self._graph = graph

    async def align(self, link: Link, state: str) -> datetime:
        """Makes, prolongs and removes; `state` is the secret that comes back. Returns when to come again. One that
        cannot be made keeps no other waiting; its error is raised in the end."""
        there, failed = await self._ours(link), None
        ends = []
        for name, resource in wanted(link).items():
            mine = next((one for one in there if _is_for(one, name, resource, link)), None)
            there = [one for one in there if one is not mine]
            try:
                ends.append(await self._kept(link, name, resource, state, mine))
            except Permanent as error:
                failed = error
        for one in there:
            await self._delete(link, text(one, "id"))
        if failed is not None:
            raise failed
        now = self._clock.now()
        return now + (min(ends) - now) / 2 if ends else now + SOON

    async def remove(self, link: Link) -> None:
        """Takes all of this connection away."""
        for one in await self._ours(link):
            await self._delete(link, text(one, "id"))

    async def _ours(self, link: Link) -> list[Mapping[str, Any]]:
        """Those that tell this connection's address: the app has others for other connections."""
        return [
            one
            async for one in self._graph.items(link.connection, "/subscriptions", _why(link))
            if one.get("notificationUrl") == link.webhook_url
        ]

    async def _kept(
        self, link: Link, name: str, resource: str, state: str, known: Mapping[str, Any] | None
    ) -> datetime:
        until = (self._clock.now() + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")
        if known is not None:
            at = f"/subscriptions/{part(text(known, 'id'))}"
            try:
                said = await self._graph.call(
                    link.connection, "PATCH", at, _why(link), body={"expirationDateTime": until}
                )
                return _end(said)
            except Gone:  # it ended between the two calls
                pass
        said = await self._graph.call(
            link.connection,
            "POST",
            "/subscriptions",
            _why(link),
            body={
                "changeType": "created",
                "notificationUrl": link.webhook_url,
                "lifecycleNotificationUrl": link.webhook_url,
                "resource": resource,
                "expirationDateTime": until,
                "clientState": state,
            },
            prefer=(IMMUTABLE,),
        )
        await link.remember({name: f"{text(said, 'id')} {resource}"})
        return _end(said)

    async def _delete(self, link: Link, subscription: str) -> None:
        try:
            await self._graph.call(link.connection, "DELETE", f"/subscriptions/{part(subscription)}", _why(link))
        except Gone:
            return


def _is_for(one: Mapping[str, Any], name: str, resource: str, link: Link) -> bool:
    """By the resource, or by the id that was noted with it: Graph may write a resource in another way."""
    same = text(one, "resource").strip("/").casefold() == resource.casefold()
    return same or link.memory.get(name) == f"{text(one, 'id')} {resource}"


def _end(said: Mapping[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(text(said, "expirationDateTime"))
    except ValueError as error:
        raise NotReady("Microsoft 365 made a subscription without an end.") from error
    return found.replace(tzinfo=found.tzinfo or UTC)


def _why(link: Link) -> Why:
    return Why(scope=link.scope)
