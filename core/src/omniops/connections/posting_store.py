"""What another side holds of a person in its team's channels: the messages that OmniOps wrote there about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlmodel import col, select

from omniops.connections.kinds import Kinds
from omniops.connections.posting import Posting, post_of
from omniops.connections.posting_models import TeamPost
from omniops.connections.service import Connections
from omniops.contracts.integration import Integration, Link
from omniops.contracts.posts import Place, TeamPosts
from omniops.contracts.rights import ExternalStore, Fulfilment, Person
from omniops.database.service import Database
from omniops.errors import Permanent


class PostStore(ExternalStore):
    """Messages in threads of conversations, by one integration. What colleagues wrote beside them is theirs, and only
    they can delete it."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        posting: Posting,
        plugin: str,
        integration: Integration,
        posts: TeamPosts,
    ) -> None:
        self.key = f"posts-{integration.name}"
        self.processor = integration.processor
        self.title = f"Messages to your team in {integration.title}"
        self._database = database
        self._connections = connections
        self._posting = posting
        self._plugin = plugin
        self._integration = integration
        self._posts = posts

    async def export(self, person: Person) -> Fulfilment:
        """The messages say what the conversation says, which is in the copy of our own; these are their places."""
        rows = await self._rows(person)
        if not rows:
            return self._nothing()
        places = [
            {"channel": row.channel, "message": row.message, "written": row.created_at.isoformat()} for row in rows
        ]
        return Fulfilment("done", f"{len(places)} messages in {self._integration.title}.", data={"messages": places})

    async def erase(self, person: Person) -> Fulfilment:
        rows = await self._rows(person)
        if not rows:
            return self._nothing()
        found = await self._connections.links(person.scope, self._plugin, self._integration.name)
        links = {link.id: link for link in found}
        if any(row.connection_id not in links for row in rows):
            return Fulfilment("failed", f"The connection to {self._integration.title} does not work.", "no_connection")
        for row in rows:
            await self._delete(row, links[row.connection_id])
        said = f"{self._integration.title} deleted {len(rows)} messages, or had them no more."
        return Fulfilment("done", said)

    async def rectify(self, person: Person, category: str, value: str) -> Fulfilment:
        return Fulfilment("refused", "Messages tell what was written; they are not changed afterwards.", "as_written")

    async def restrict(self, person: Person, restricted: bool) -> Fulfilment:
        return Fulfilment("refused", "A channel cannot lock single messages; nothing new is written.", "no_lock")

    async def _rows(self, person: Person) -> Sequence[TeamPost]:
        """Those of this integration's connections. The row of one that ended went with it."""
        mine = await self._connections.ids(person.scope, self._integration.name)
        async with self._database.session(person.scope) as session:
            statement = select(TeamPost).where(
                TeamPost.domain_id == person.scope.domain_id,
                col(TeamPost.about).in_(person.subjects),
                col(TeamPost.connection_id).in_(mine),
            )
            return (await session.exec(statement.order_by(col(TeamPost.id)))).all()

    async def _delete(self, row: TeamPost, link: Link) -> None:
        """There first, then the note of it here: a run that was cut is done again."""
        message = row.message
        if message is None:  # one that perhaps got through although nobody was told
            with suppress(Permanent):  # its thread is gone
                message = await self._posts.find(link, post_of(row))
        if message is not None:
            await self._posts.delete(link, Place(row.channel, row.thread, message))
        await self._posting.forget(row, link)

    def _nothing(self) -> Fulfilment:
        return Fulfilment("nothing_held", f"No message about this person was written to {self._integration.title}.")


def post_stores(
    database: Database, connections: Connections, posting: Posting, kinds: Callable[[], Kinds]
) -> list[tuple[str, ExternalStore]]:
    """The stores of all integrations that have a channel of the team, each with its plugin."""
    found: list[tuple[str, ExternalStore]] = []
    for name, integration in kinds().integrations.items():
        posts = integration.posts
        if posts is not None:
            plugin = kinds().plugin(name)
            found.append((plugin, PostStore(database, connections, posting, plugin, integration, posts)))
    return found
