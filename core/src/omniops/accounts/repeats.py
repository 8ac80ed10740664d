"""`Idempotency-Key`: a write that comes again within a day takes effect once, and is answered as the first time.

After draft-ietf-httpapi-idempotency-key-header. An answer may hold a new key or a person's words: it lies sealed, a
visitor's under the visitor's own key, the business's under the account's, and never longer than `KEPT`, unless a legal
hold keeps it: one on the visitor, or on all of the domain. An answer of the business names nobody and repeats what lies
in other rows: a hold on one person leaves it alone, and would else keep everybody's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from omniops.accounts.models import KeptAnswer, KeptVisitorAnswer
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.privacy.service import all_held
from omniops.vault.service import Vault

KEPT = timedelta(hours=24)
RUNNING = timedelta(minutes=5)
"""A write without an answer for so long was cut short, and nobody knows whether it took effect."""
LONGEST = 255
_FREE = {
    "kept_answer": f"not {all_held('a.for_domain')}",
    "kept_visitor_answer": "not exists (select from subject s where s.home_id = a.domain_id and s.id = a.subject_id"
    " and s.hold)",
}
"""That no hold keeps an answer, by table."""
PURPOSE = "request.repeat"


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose key it is: nobody meets a key of somebody else. `subject_id` is a visitor's."""

    scope: Scope
    actor: Actor
    subject_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A write that is under way, or with `answer` one that was."""

    writer: Writer
    id: UUID
    answer: dict[str, Any] | None = None


class Repeats:
    """Keeps the answers of writes, and gives them again."""

    def __init__(self, database: Database, vault: Vault, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        jobs.register(Task("accounts:forget_answers", self.purge, queue=MAINTENANCE, cron="23 * * * *"))

    async def claim(self, writer: Writer, key: str, request: bytes) -> Claim:
        """Takes a key for a request, given by all that makes it up, or finds the answer that it had.

        Raises `Rejected`: `bad_key`; `key_reused` for another request under the same key; `request_running` while the
        first still runs; `outcome_unknown` where it was cut short.
        """
        if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
            raise Rejected(
                f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters.",
                code="bad_key",
                where="Idempotency-Key",
            )
        model, home = _place(writer)
        now = self._clock.now()
        hashed = hashlib.sha256(f"{writer.actor}|{writer.subject_id}|{key}".encode()).digest()
        fingerprint = hashlib.sha256(request).digest()
        row: dict[str, Any] = {
            **home,
            "id": new_id(),
            "hash": hashed,
            "fingerprint": fingerprint,
            "created_at": now,
        }
        if writer.subject_id is None:
            row["for_domain"] = writer.scope.domain_id
        else:
            row["subject_id"] = writer.subject_id
        async with self._database.session(writer.scope) as session:
            connection = await session.connection()
            # A day later the key is new again; the old answer waits for the purge, which knows what is held.
            old = [*_in(model, home), col(model.hash) == hashed, col(model.created_at) <= now - KEPT]
            await connection.execute(update(model).where(*old).values(hash=func.uuid_send(model.id)))
            write = insert(model).values(**row).on_conflict_do_nothing().returning(model.id)
            made = (await connection.execute(write)).first()
            await session.commit()
            if made is not None:
                return Claim(writer, row["id"])
            statement = select(model).where(*_in(model, home), col(model.hash) == hashed)
            known = (await session.exec(statement)).first()
        if known is None:
            raise _running()
        if known.fingerprint != fingerprint:
            raise Rejected(
                "This Idempotency-Key stood on another request.",
                code="key_reused",
                where="Idempotency-Key",
                do="Use a new key for every new request.",
            )
        if known.answer is None:
            if now - known.created_at < RUNNING:
                raise _running()
            raise Rejected(
                "The first request with this key was cut short; it may have taken effect.",
                code="outcome_unknown",
                do="Look whether it did, and use a new key if not.",
            )
        purpose = PURPOSE if writer.subject_id is None else "chat.serve"
        opened = await self._vault.open([known], purpose=purpose, actor=writer.actor)
        return Claim(writer, known.id, opened(known.answer))

    async def keep(self, claim: Claim, answer: dict[str, Any]) -> None:
        """The write took effect, and this is what was answered."""
        model, home = _place(claim.writer)
        async with self._database.session(claim.writer.scope) as session:
            statement = select(model).where(*_in(model, home), col(model.id) == claim.id)
            row = (await session.exec(statement.with_for_update())).first()
            if row is not None:  # deleted with a person who was erased meanwhile
                row.answer = seal(answer)
                session.add(row)
                await session.commit()

    async def release(self, claim: Claim) -> None:
        """The write was refused and took no effect: the key may be used again."""
        model, home = _place(claim.writer)
        async with self._database.session(claim.writer.scope) as session:
            connection = await session.connection()
            await connection.execute(delete(model).where(*_in(model, home), col(model.id) == claim.id))
            await session.commit()

    async def purge(self) -> None:
        """Deletes what is older than `KEPT` and under no hold."""
        async with self._database.system("accounts: forget answers of yesterday") as session:
            connection = await session.connection()
            for table, free in _FREE.items():
                statement = f"delete from {table} a where a.created_at <= :before and {free}"  # noqa: S608 - our own names
                await connection.execute(text(statement), {"before": self._clock.now() - KEPT})
            await session.commit()


def _place(writer: Writer) -> tuple[type[Any], dict[str, UUID | None]]:
    if writer.subject_id is None:
        return KeptAnswer, {"account_id": writer.scope.account_id}
    return KeptVisitorAnswer, {"domain_id": writer.scope.domain_id}


def _in(model: type[Any], home: dict[str, UUID | None]) -> list[Any]:
    return [getattr(model, column) == value for column, value in home.items()]


def _running() -> Rejected:
    return Rejected(
        "The first request with this Idempotency-Key still runs.", code="request_running", do="Try again in a moment."
    )
