"""Webhooks' one way in: who sent it, what is in it, kept in the log, answered. The work is a job's."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from omniops.connections.arrivals import Arrivals
from omniops.connections.entering import wanted
from omniops.connections.givers import Givers
from omniops.connections.kinds import Kinds
from omniops.connections.known import Known, Seen
from omniops.connections.storing import Storing
from omniops.connections.threads import Threads
from omniops.contracts.channel import Channel
from omniops.contracts.integration import Integration, Link
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Scope
from omniops.contracts.webhook import AccountErased, Arrived, Received, Reply, RightUsed, Webhook
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, OmniOpsError, Refused, Rejected

DEADLINE = 2.0
"""Seconds that a plugin has for a delivery. The strictest senders give three until they have their answer."""
PLACES = 8
"""Deliveries of one integration that are looked at at the same time. Of a plugin that hangs, these hang."""
NOTHING = "There is nothing here."
_STRANGERS = frozenset({"bad_signature", "bad_header"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of a delivery was new, and what its sender wants to read."""

    new: int
    reply: Reply | None = None


class WebhookIntake:
    """Takes deliveries to the address of a connection, and to the one address of an integration."""

    def __init__(
        self,
        database: Database,
        known: Known,
        kinds: Callable[[], Kinds],
        arrivals: Arrivals,
        givers: Givers,
        log: Log,
    ) -> None:
        self._known = known
        self._kinds = kinds
        self._givers = givers
        self._log = log
        self._storing = Storing(database, known, arrivals)
        self._threads = Threads()
        self._places: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PLACES))

    async def take(self, kind: str, connection_id: UUID, webhook: Webhook) -> Taken:
        """A delivery to a connection's own address: all of it is in the log when this returns, once.

        Raises `NotFound` for what does not exist or is off, in the same words for every reason; `Refused` for who is
        not known; `Rejected` for nonsense of somebody who is; `NotReady` where the plugin fails, to be sent again.
        """
        integration, channel = self._parts(kind)

        async def take(seen: Seen | None) -> Taken:
            if seen is None:
                raise NotFound(NOTHING)
            received = await self._asked(kind, integration, channel, webhook, seen.link)
            new = await self._keep(seen.link.scope, connection_id, received.things, seen, integration, kind)
            return Taken(new, received.reply)

        return await self._with(kind, connection_id, take)

    async def take_any(self, kind: str, webhook: Webhook) -> Taken:
        """A delivery to an integration's one address, which names whose each thing is. What belongs to no connection
        is passed over. Raises as `take` does."""
        integration, _ = self._parts(kind)
        if integration is None or type(integration).external_ids is Integration.external_ids:
            raise NotFound(NOTHING)
        received = await self._asked(kind, integration, None, webhook, None)
        by_owner: dict[str, list[Arrived]] = defaultdict(list)
        new = 0
        for arrived in received.things:
            if arrived.granted_by:
                await self._givers.note(kind, arrived)
                new += 1
            else:
                by_owner[arrived.external_id].append(arrived)
        for external_id, things in by_owner.items():
            new += await self._take_of(kind, external_id, things, integration)
        return Taken(new, received.reply)

    async def _take_of(self, kind: str, external_id: str, things: Sequence[Arrived], integration: Integration) -> int:
        """Enters what is of one id at the other side."""

        async def take(seen: Seen | None) -> int:
            found = await self._known.place(kind, external_id) if external_id else None
            taken = things
            if seen is None:  # what a person, or the other side, may ask for whether it is switched on or not
                taken = [one for one in things if isinstance(one.what, RightUsed | AccountErased)]
            if found is None or not taken:
                self._log.info("webhook.nobodys", kind=kind, things=len(things))
                return 0
            return await self._keep(*found, taken, seen, integration, kind)

        found = await self._known.place(kind, external_id) if external_id else None
        return await self._with(kind, found[1] if found is not None else None, take)

    async def _with(self, kind: str, connection_id: UUID | None, work: Callable[[Seen | None], Awaitable[T]]) -> T:
        """What `work` gives for a connection that is as the database has it. Work that failed, or was not stored, with
        one that was another meanwhile is done again with the new one."""
        seen = await self._known.get(kind, connection_id) if connection_id is not None else None
        try:
            return await work(seen)
        except OmniOpsError:
            if seen is None or await self._known.still(seen):
                raise
        self._known.forget(seen.link.id)
        return await work(await self._known.get(kind, seen.link.id))

    def _parts(self, kind: str) -> tuple[Integration | None, Channel | None]:
        """What takes the deliveries of a kind: its integration, or a channel that verifies by itself."""
        kinds = self._kinds()
        integration, channel = kinds.integrations.get(kind), kinds.channels.get(kind)
        receives = integration is not None and type(integration).receive is not Integration.receive
        if not receives and (channel is None or type(channel).verify is Channel.verify):
            raise NotFound(NOTHING)
        return integration, None if receives else channel

    async def _asked(
        self, kind: str, integration: Integration | None, channel: Channel | None, webhook: Webhook, link: Link | None
    ) -> Received:
        """What the plugin makes of a delivery, in a thread of its own, so that one that hangs keeps nobody waiting."""

        def ask() -> Received:
            if channel is not None:
                assert link is not None
                return _through(channel, webhook, link)
            assert integration is not None
            return integration.receive(webhook, link)

        try:
            async with asyncio.timeout(DEADLINE):
                if integration is not None:
                    await integration.prepare(webhook)
                await self._places[kind].acquire()
                received = await self._threads.run(ask, self._places[kind].release)
        except Rejected as error:
            if error.code in _STRANGERS:
                raise Refused("The signature does not fit.", reason="bad_signature") from error
            raise
        except NotFound:
            raise
        except RecursionError as error:
            raise Rejected("This is nested too deeply.", code="no_delivery") from error
        except Exception as error:
            self._log.error("webhook.failed", kind=kind, said=type(error).__name__)
            raise NotReady("This cannot be taken now.", do="Send it again later.") from error
        if not isinstance(received, Received):
            self._log.error("webhook.failed", kind=kind, said=f"gave {type(received).__name__}")
            raise NotReady("This cannot be taken now.", do="Send it again later.")
        return received

    async def _keep(
        self,
        scope: Scope,
        connection_id: UUID,
        things: Sequence[Arrived],
        seen: Seen | None,
        integration: Integration | None,
        kind: str,
    ) -> int:
        """Enters what is for a feature that is on, or for none."""
        on = seen.link.features if seen is not None else frozenset()
        taken = [one for one in things if not one.feature or one.feature in on]
        told = wanted(taken, integration, kind if integration is None else "")
        return await self._storing.store(scope, connection_id, kind, told, seen)


def _through(channel: Channel, webhook: Webhook, link: Link) -> Received:
    """A delivery to a channel that needs no integration. A header that came twice is joined, as HTTP means it: as a
    signature it then fits nothing."""
    if webhook.method != "POST":
        raise NotFound(NOTHING)
    headers: dict[str, str] = {}
    for name, value in webhook.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    try:
        channel.verify(webhook.body, headers, link.connection)
    except Rejected as error:
        raise Rejected(str(error), code="bad_signature") from error
    return Received([Arrived(incoming) for incoming in channel.parse(webhook.body)])
