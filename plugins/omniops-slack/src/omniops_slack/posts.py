"""Messages in a channel of the workspace: sent, found and deleted."""

from __future__ import annotations

from datetime import timedelta

from omniops.contracts.integration import Link
from omniops.contracts.posts import Place, Post, TeamPosts, Words
from omniops.errors import Permanent

from omniops_slack.client import CHAT, SlackClient, Why
from omniops_slack.mapping import quote, write_text
from omniops_slack.webhooks import HANDOFF

MARK = "omniops_news"
"""The type of the metadata that each message carries, by which one is found that may have arrived."""
EARLIER = timedelta(minutes=2)
"""By how much Slack's clock may be behind ours."""
_GONE = ("message_not_found", "channel_not_found")


class SlackPosts(TeamPosts):
    """What a visitor or a colleague wrote works as nothing but text."""

    feature = HANDOFF

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    def channel(self, link: Link) -> str:
        return str(link.connection.channel)

    async def send(self, link: Link, post: Post, words: Words) -> str:
        said = await self._client.call(
            link.connection,
            "chat.postMessage",
            Why("support.provide", (CHAT,), (post.subject_id,), link.scope),
            channel=post.place.channel,
            thread_ts=post.place.thread,
            reply_broadcast=True if post.place.thread is not None and words.wanted else None,
            text="\n".join(filter(None, (write_text(words.lead), quote(words.quoted), write_text(words.note)))),
            metadata={"event_type": MARK, "event_payload": {"news": post.mark}},
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(said["ts"])

    async def find(self, link: Link, post: Post) -> str | None:
        oldest = f"{(post.begun_at - EARLIER).timestamp():.6f}"
        where = {"channel": post.place.channel, "oldest": oldest, "limit": "100", "include_all_metadata": True}
        why = Why("support.provide", (CHAT,), (), link.scope)
        method = "conversations.history"
        if post.place.thread is not None:
            method, where["ts"] = "conversations.replies", post.place.thread
        async for message in self._client.pages(link.connection, method, "messages", why, **where):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == MARK and (metadata.get("event_payload") or {}).get("news") == post.mark:
                return str(message["ts"])
        return None

    async def delete(self, link: Link, place: Place) -> None:
        try:
            why = Why("support.provide", scope=link.scope)
            await self._client.call(link.connection, "chat.delete", why, channel=place.channel, ts=place.message)
        except Permanent as error:
            if not any(code in str(error) for code in _GONE):
                raise
