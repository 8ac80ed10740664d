"""Files of messages that channels bring: named in the message at once, fetched by a job, looked at and sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.contracts.channel import Channel, MediaLink
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.attachments import Attachments, file_part
from omniops.conversation.cleaning import clean_name
from omniops.conversation.messages import locked
from omniops.conversation.models import Conversation, IncomingFile, Message
from omniops.conversation.outgoing import Credentials
from omniops.conversation.redaction.cards import mask_cards
from omniops.database.service import Database, Notice, notify
from omniops.errors import NotFound, NotReady, OmniOpsError, Reconnect, Refused, Rejected
from omniops.jobs.service import SENDING, Jobs, Retry, Task, scope_argument
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.fetch")
ATTEMPTS = 8
PATIENCE = 300.0
"""Seconds in which a file must have come."""
MOST = 20
"""Files of one message; more are passed over."""
COMING = "incoming"
"""The type of a part that stands for a file until it is there."""
OnRefused = Callable[[Scope, UUID, BaseModel | None], Awaitable[bool]]


def coming(media: Sequence[MediaLink]) -> list[dict[str, Any]]:
    """The files of a message, as parts, before they are here. What the other side says of them is not believed, so only
    the name is shown."""
    return [
        {"type": COMING, "number": number, "name": shown_name(link), "state": "waiting", "problem": None}
        for number, link in enumerate(media[:MOST])
    ]


def shown_name(link: MediaLink) -> str:
    return mask_cards(clean_name(link.name))


class Fetching:
    """Notes which files came, and gets them."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        accounts: Accounts,
        attachments: Attachments,
        channels: Callable[[], Mapping[str, Channel]],
        credentials: Credentials,
        on_refused: OnRefused,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._accounts = accounts
        self._attachments = attachments
        self._channels = channels
        self._credentials = credentials
        self._on_refused = on_refused
        self._clock = clock
        retry = Retry(attempts=ATTEMPTS, first=5, cap=600)
        jobs.register(Task("conversation:fetch", self.fetch, queue=SENDING, retry=retry))

    async def note(self, session: AsyncSession, scope: Scope, message: Message, media: Sequence[MediaLink]) -> None:
        """A row and a job per file, in the transaction that stores the message."""
        for number, link in enumerate(media[:MOST]):
            row = IncomingFile(
                domain_id=message.domain_id,
                id=new_id(),
                subject_id=message.subject_id,
                message_id=message.id,
                number=number,
                link=seal(asdict(link)),
                created_at=self._clock.now(),
            )
            session.add(row)
            await session.flush()
            domain_id = scope_argument(scope)
            await self._jobs.enqueue(session, "conversation:fetch", domain_id=domain_id, file_id=row.id)

    async def fetch(self, scope: Scope, file_id: str) -> None:
        """Gets one file, unless it is here, was given up, or its message was taken back. Raises `NotReady` to be asked
        again; a file that cannot be had or is not taken is shown as such in its message."""
        async with self._database.session(scope) as session:
            row = await session.get(IncomingFile, (scope.domain_id, UUID(file_id)), with_for_update=True)
            if row is None or row.state != "waiting":
                return
            row.attempts += 1
            session.add(row)
            message = await session.get(Message, (scope.domain_id, row.message_id))
            assert message is not None
            conversation = await session.get(Conversation, (scope.domain_id, message.conversation_id))
            assert conversation is not None
            await session.commit()
        used: BaseModel | None = None
        try:
            opened = await self._vault.open([row], purpose="support.provide", actor=ACTOR)
            link = MediaLink(**opened(row.link))
            number = conversation.connection_id
            if number is None:
                raise NotFound("The connection of this conversation is gone.")
            used = await self._credentials(scope, number)
            await self._store(scope, row, conversation, link, used)
        except Rejected as error:
            await self._give_up(scope, row, error.code)
        except Refused as error:
            await self._give_up(scope, row, error.reason)
        except NotFound:
            await self._give_up(scope, row, "gone")
        except Reconnect as error:
            if conversation.connection_id and await self._on_refused(scope, conversation.connection_id, used):
                raise NotReady("The credentials were renewed.") from error
            await self._give_up(scope, row, "reconnect")
        except Exception as error:
            if row.attempts >= ATTEMPTS:
                await self._give_up(scope, row, "gave_up")
                return
            if isinstance(error, NotReady):
                raise
            said = str(error) if isinstance(error, OmniOpsError) else type(error).__name__
            raise NotReady(f"A file of channel {conversation.channel!r} did not come: {said}.") from error

    async def forget(self, session: AsyncSession, message: Message) -> None:
        """A message was taken back: its files are not fetched any more."""
        await session.exec(
            delete(IncomingFile).where(
                col(IncomingFile.domain_id) == message.domain_id, col(IncomingFile.message_id) == message.id
            )
        )

    async def _store(
        self, scope: Scope, row: IncomingFile, conversation: Conversation, link: MediaLink, connection: BaseModel
    ) -> None:
        domain = await self._accounts.domain(scope)
        # The contract asks for a generator, so that what is cut off is closed at once.
        pieces = cast("Any", self._channels()[conversation.channel].fetch(link, connection))
        async with asyncio.timeout(PATIENCE), aclosing(pieces):
            name = link.name or "file"
            sealed = await self._attachments.sealed(scope, row.subject_id, domain, name, pieces)
        async with self._database.session(scope) as session:
            await locked(session, scope, conversation.id)
            waiting = await session.get(IncomingFile, (scope.domain_id, row.id), with_for_update=True)
            if waiting is None:  # taken back meanwhile; the loose file is swept away
                return
            attachment = await self._attachments.enter(session, conversation, domain, sealed)
            await self._shown(session, waiting, file_part(attachment, sealed.name))
            await session.delete(waiting)
            await session.commit()

    async def _give_up(self, scope: Scope, row: IncomingFile, problem: str) -> None:
        async with self._database.session(scope) as session:
            waiting = await session.get(IncomingFile, (scope.domain_id, row.id), with_for_update=True)
            if waiting is None:
                return
            waiting.state, waiting.problem = "failed", problem
            session.add(waiting)
            await self._shown(session, waiting, {"state": "failed", "problem": problem})
            await session.commit()

    async def _shown(self, session: AsyncSession, row: IncomingFile, now: dict[str, Any]) -> None:
        """Puts what became of a file in the place that its message kept for it."""
        statement = select(Message).where(Message.domain_id == row.domain_id, Message.id == row.message_id)
        message = (await session.exec(statement.with_for_update())).one()
        opened = await self._vault.open([message], purpose="support.provide", actor=ACTOR, session=session)
        parts, sources = opened(message.parts, otherwise=None) or ([], [])

        def told(part: dict[str, Any]) -> dict[str, Any]:
            if part["type"] != COMING or part["number"] != row.number:
                return part
            return now if "type" in now else part | now

        message.parts = seal([[told(part) for part in parts], sources])
        session.add(message)
        await session.flush()
        await notify(session, Notice("message", message.domain_id, message.conversation_id, message.seq))
