"""Messages in a channel of Teams: sent, found, read and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from omniops.contracts.integration import Link
from omniops.contracts.posts import Place, Post, TeamPosts, Words

from omniops_microsoft.client import CHAT, Gone, Graph, Why, part, text, values
from omniops_microsoft.reading import moment, reply
from omniops_microsoft.webhooks import TEAMS

MOST = {"$top": "50"}
"""Messages of a page, which is all that Graph gives at once."""
EARLIER = timedelta(minutes=2)
"""By how much Graph's clock may be behind ours."""


class TeamsPosts(TeamPosts):
    """Graph keeps nothing with a message that people do not see: its mark stands under it. What OmniOps wrote comes
    back as a notice like everything else."""

    feature, looks = TEAMS, timedelta(minutes=15)

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def channel(self, link: Link) -> str:
        return str(link.connection.channel)

    async def send(self, link: Link, post: Post, words: Words) -> str:
        why = Why("support.provide", (CHAT,), (post.subject_id,), link.scope)
        body = {"body": written(words, post.mark)}
        return text(await self._graph.call(link.connection, "POST", path(post.place), why, body=body), "id")

    async def find(self, link: Link, post: Post) -> str | None:
        """Lists begin with what changed last; what is as old as the message was begun comes after it."""
        why = Why("support.provide", (CHAT,), (post.subject_id,), link.scope)
        async for page in self._graph.pages(link.connection, path(post.place), why, query=MOST):
            for message in values(page):
                if text(message, "from", "user", "id") == link.connection.user and post.mark in content(message):
                    return text(message, "id")
            if all(_changed(one, post.begun_at) < post.begun_at - EARLIER for one in values(page)):
                return None
        return None

    async def delete(self, link: Link, place: Place) -> None:
        try:
            why = Why("support.provide", scope=link.scope)
            await self._graph.call(link.connection, "POST", f"{path(place)}/softDelete", why)
        except Gone:
            return

    async def read(self, link: Link, place: Place, subject_id: Any) -> str:
        why = Why("support.provide", (CHAT,), (subject_id,), link.scope)
        return reply(await self._graph.call(link.connection, "GET", path(place), why))

    async def replies(self, link: Link, place: Place) -> Sequence[str]:
        page = await self._graph.call(link.connection, "GET", path(place), Why(scope=link.scope), query=MOST)
        return [text(one, "id") for one in values(page)]


def path(place: Place) -> str:
    """Where a channel's messages are, the replies in a thread, or one message of either."""
    team, _, inner = place.channel.partition("/")
    at = f"/teams/{part(team)}/channels/{part(inner)}/messages"
    if place.thread is not None:
        at += f"/{part(place.thread)}/replies"
    return f"{at}/{part(place.message)}" if place.message else at


def written(words: Words, mark: str) -> dict[str, str]:
    """What the people in the channel read. Whatever a visitor wrote works as nothing but text."""
    quoted = "\n".join(f"> {line}" for line in words.quoted.splitlines())
    said = "\n".join(filter(None, (words.lead, quoted, words.note)))
    lines = "<br>".join(escape(line) for line in said.splitlines())
    return {"contentType": "html", "content": f"<p>{lines}</p><p><em>Ref. {mark}</em></p>"}


def content(message: Mapping[str, Any]) -> str:
    return text(message, "body", "content")


def _changed(message: Mapping[str, Any], otherwise: datetime) -> datetime:
    return moment(text(message, "lastModifiedDateTime") or text(message, "createdDateTime")) or otherwise
