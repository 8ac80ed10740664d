"""What happens in conversations, told in a channel of the business's team: each piece once, in one thread for each
conversation; and what people write in such a thread, as their answer to the visitor."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.connections.due import due_now
from omniops.connections.kinds import Kinds
from omniops.connections.posting_models import TeamPost, TeamThread
from omniops.connections.service import Connections
from omniops.contracts.channel import Echo
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Integration, Link, Step, Sync
from omniops.contracts.news import News
from omniops.contracts.posts import MISSED, REPLY, Place, Post, TeamPosts, Words, reply
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import Arrived, Event
from omniops.database.service import Database
from omniops.errors import OwnDoing, Permanent

REPLIES = "replies"
"""Name of the sync that looks through threads."""
UNSURE = timedelta(minutes=10)
"""How long a reply waits beside a message that is perhaps being sent: it may be that one, or its thread's first."""
LIVELY = timedelta(days=3)
"""How old a thread may be to be looked through for replies of which no delivery came, and how many at most."""
MOST_THREADS = 20
HOW = "Reply in this thread: the visitor reads your words at once, without files. A later change does not reach them."


class Posting:
    """The books of what was written to teams, of all connections."""

    def __init__(self, database: Database, connections: Connections, kinds: Callable[[], Kinds], clock: Clock) -> None:
        self._database = database
        self._kinds = kinds
        self._clock = clock
        connections.on_end(_forgotten)

    def syncs(self, kind: str) -> Sequence[Sync]:
        """What is fetched for a connection of this kind beside what its integration says."""
        integration = self._kinds().integrations.get(kind)
        posts = integration.posts if integration is not None else None
        if posts is None or posts.looks is None:
            return ()
        return (Sync(REPLIES, "Replies of the team", posts.looks, posts.feature),)

    async def tell(self, news: News, link: Link, posts: TeamPosts) -> None:
        """One message for one piece of news: the first one begins a thread in the channel, the rest follows in it. Not
        told again is what came from there. Raises what `TeamPosts` may."""
        if posts.feature not in link.features or news.origin.startswith(_echo(link)):
            return
        thread = await self._thread(news, link)
        begins = news.author != "person" and news.kind != "closed"
        if thread is None and not (begins and posts.channel(link)):
            return
        row, before = await self._claim(news, link, thread, posts)
        if row.message is not None:
            return
        post = post_of(row)
        message = await posts.find(link, post) if before else None
        if message is None:
            try:
                message = await posts.send(link, post, words(news, again=thread is not None))
            except Permanent:
                await self.forget(row, link)
                raise
        await self._keep(link, row, message)

    async def handled(self, event: Event, link: Link, integration: Integration) -> Sequence[Arrived]:
        """What an event means for the threads: a reply as what a person of the business wrote."""
        posts = integration.posts
        if posts is None or posts.feature not in link.features:
            return ()
        if event.kind == MISSED:
            async with self._database.session(link.scope) as session:
                statement = due_now(link.scope, link.id, self._clock.now(), REPLIES)
                await (await session.connection()).execute(statement)
                await session.commit()
        if event.kind != REPLY:
            return ()
        place = Place(event.data["channel"], event.data["thread"], event.data["message"])
        if place.message == place.thread:  # what begins a thread answers nothing
            return ()
        thread = await self._of_conversation(place, link, posts)
        if thread is None:
            return ()
        text = event.data.get("text")
        if text is None:
            try:
                text = await posts.read(link, place, thread.subject_id)
            except Permanent:  # it is gone
                text = ""
        if not text:
            return ()
        echo = Echo(
            delivery_id=f"{_echo(link)}{place.channel}:{place.message}",
            reference=f"{place.channel}:{place.message}",
            text=text,
            conversation_id=thread.conversation_id,
        )
        return [Arrived(echo, channel=(integration.channels or (integration.name,))[0])]

    async def steps(self, link: Link, _cursor: str | None) -> AsyncIterator[Step]:
        """Replies in threads of these days, as events: what was told already is the same event."""
        posts = self._kinds().integrations[link.kind].posts
        assert posts is not None
        async with self._database.session(link.scope) as session:
            statement = select(TeamThread).where(
                TeamThread.domain_id == link.scope.domain_id,
                TeamThread.connection_id == link.id,
                TeamThread.created_at > self._clock.now() - LIVELY,
            )
            newest = statement.order_by(col(TeamThread.id).desc()).limit(MOST_THREADS)
            threads = (await session.exec(newest)).all()
        heard: list[Arrived] = []
        for thread in threads:
            place = Place(thread.channel, thread.thread)
            try:
                found = await posts.replies(link, place)
            except Permanent:  # the thread is gone
                continue
            heard += [reply(Place(place.channel, place.thread, one), feature=posts.feature) for one in found]
        if heard:
            yield Step(self._clock.now().isoformat(), heard=heard, done=len(heard))

    async def forget(self, row: TeamPost, link: Link) -> None:
        """Takes the note of a message away: it is not there, and never will be."""
        async with self._database.session(link.scope) as session:
            mine = (col(TeamPost.domain_id) == row.domain_id) & (col(TeamPost.id) == row.id)
            await (await session.connection()).execute(delete(TeamPost).where(mine))
            await session.commit()

    async def _of_conversation(self, place: Place, link: Link, posts: TeamPosts) -> TeamThread | None:
        """The thread in which a reply stands, None where it belongs to no conversation (any more) or the reply is a
        message of ours. Raises `OwnDoing` where either may be about to be known."""
        async with self._database.session(link.scope) as session:
            beside = select(TeamPost).where(
                TeamPost.domain_id == link.scope.domain_id,
                TeamPost.connection_id == link.id,
                TeamPost.channel == place.channel,
                (col(TeamPost.thread) == place.thread) | col(TeamPost.thread).is_(None),
                (col(TeamPost.message) == place.message) | col(TeamPost.message).is_(None),
            )
            found = (await session.exec(beside)).all()
        # Read after them: one that is kept in between is known by its thread.
        thread = await self._at(place, link)
        rows = [row for row in found if thread is None or row.thread is not None]
        if any(row.message is not None for row in rows):
            return None
        if any(row.created_at > self._clock.now() - UNSURE for row in rows):
            raise OwnDoing("A message beside this reply is being sent.")
        for row in rows:
            with suppress(Permanent):  # it went, and what was in it
                message = await posts.find(link, post_of(row))
                if message == place.message:
                    return None
                if thread is None and message is not None and message == place.thread:
                    await self._keep(link, row, message)
                    return await self._at(place, link)
        return thread

    async def _at(self, place: Place, link: Link) -> TeamThread | None:
        async with self._database.session(link.scope) as session:
            statement = select(TeamThread).where(
                TeamThread.domain_id == link.scope.domain_id,
                TeamThread.connection_id == link.id,
                TeamThread.channel == place.channel,
                TeamThread.thread == place.thread,
            )
            return (await session.exec(statement)).first()

    async def _thread(self, news: News, link: Link) -> TeamThread | None:
        async with self._database.session(link.scope) as session:
            statement = select(TeamThread).where(
                TeamThread.domain_id == link.scope.domain_id,
                TeamThread.connection_id == link.id,
                TeamThread.conversation_id == news.conversation_id,
            )
            return (await session.exec(statement)).first()

    async def _claim(
        self, news: News, link: Link, thread: TeamThread | None, posts: TeamPosts
    ) -> tuple[TeamPost, bool]:
        """The row of this message, and whether it was there before: then an earlier try may have got through."""
        assert link.scope.domain_id is not None
        async with self._database.session(link.scope) as session:
            statement = select(TeamPost).where(
                TeamPost.domain_id == link.scope.domain_id,
                TeamPost.connection_id == link.id,
                TeamPost.news == news.id,
            )
            found = (await session.exec(statement)).first()
            if found is not None:
                return found, True
            row = TeamPost(
                domain_id=link.scope.domain_id,
                connection_id=link.id,
                about=news.subject_id,
                conversation_id=news.conversation_id,
                news=news.id,
                channel=thread.channel if thread is not None else posts.channel(link),
                thread=thread.thread if thread is not None else None,
                created_at=self._clock.now(),
            )
            session.add(row)
            await session.commit()
            return row, False

    async def _keep(self, link: Link, row: TeamPost, message: str) -> None:
        """The message with, where it begins one, its thread, unless that is known already or its conversation is
        gone."""
        async with self._database.session(link.scope) as session:
            row.message = message
            session.add(row)
            await session.flush()
            if row.thread is None:
                thread = TeamThread(
                    domain_id=row.domain_id,
                    subject_id=row.about,
                    conversation_id=row.conversation_id,
                    connection_id=link.id,
                    channel=row.channel,
                    thread=message,
                    created_at=self._clock.now(),
                )
                with suppress(IntegrityError):
                    async with session.begin_nested():
                        session.add(thread)
            await session.commit()


def post_of(row: TeamPost) -> Post:
    """A row as the message that a plugin sends and finds."""
    mark = hashlib.sha256(row.news.encode()).hexdigest()[:16]
    return Post(mark, Place(row.channel, row.thread, row.message or ""), row.about, row.created_at)


def words(news: News, *, again: bool) -> Words:
    """What the people of the business read. `again`: the thread is there already."""
    if news.kind == "closed":
        return Words("This conversation is closed.")
    if news.kind == "handed_off" or not again:
        head = "This visitor needs a person again." if again else "A visitor needs a person."
        return Words(f"{head} ({news.channel}, {news.language})", news.text, HOW, wanted=True)
    return Words("Visitor:" if news.author == "visitor" else "Answered in OmniOps:", news.text)


def _echo(link: Link) -> str:
    """What the delivery id of a reply from this connection's threads begins with: news of it is no news there."""
    return f"post:{link.id}:"


async def _forgotten(session: AsyncSession, scope: Scope, connection_id: UUID) -> None:
    """A connection ended. What it wrote stays at the other side: it is the business's own."""
    for table in (TeamThread, TeamPost):
        mine = (col(table.domain_id) == scope.domain_id) & (col(table.connection_id) == connection_id)
        await (await session.connection()).execute(delete(table).where(mine))
