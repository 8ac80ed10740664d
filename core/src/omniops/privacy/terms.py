"""What the register asks the database, kept in memory: signatures, notices to accounts, and where data comes from.

Signatures and notices are read anew when they are older than `FRESH`: what another process changed counts after that.
What ends by itself needs no reading: the clock decides at each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Domain
from omniops.contracts.declaration import Origin
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import EgressRefused, OmniOpsError
from omniops.gate.grants import Grant
from omniops.privacy.linking import same_person
from omniops.privacy.register_models import ProcessorNotice, ProcessorSignature
from omniops.privacy.transfers import EVERYWHERE, ORIGINS, Signed
from omniops.vault.models import Subject

FRESH = timedelta(seconds=5)
MOST_ACCOUNTS = 10_000
_SIGNATURES = text("select * from processor_signature")
_WORDS = text("select processor, contact, policy_url, contract_url, retention from processor_words")
_RUNNING = text("select processor, max(until) as until from processor_fact where until > :now group by processor")
ELSEWHERE = "elsewhere"
"""The domain's answer that none of the three laws governs its visitors' data."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A notice that keeps a processor from an account's data: until a time, or for good after an objection."""

    processor: str
    ends_at: datetime
    objected: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """An account's notices, and when they were read; None asks for reading them again."""

    read_at: datetime | None
    notices: Sequence[Pending]


_UNREAD = _Told(None, ())


class Terms(Protocol):
    """What the register knows beside the declarations."""

    async def freshen(self, account_id: UUID | None) -> None:
        """Reads what may have changed. Raises `EgressRefused` where it cannot be read."""

    def forget(self) -> None:
        """Reads everything anew at the next `freshen`: this process changed something itself."""

    def signed(self, processor: str) -> Sequence[Signed]:
        """All signatures of a processor, old ones too."""

    def words(self, processor: str) -> Mapping[str, Any]:
        """What the operator added to the declaration: fields of `Processor` by name, none of them empty."""

    def pending(self, account_id: UUID | None, processor: str) -> Sequence[Pending]:
        """The notices of an account about a processor that it did not agree to. Where no account is named, whatever
        any of them may still object to. Call `freshen` before."""

    async def origins(self, grant: Grant) -> frozenset[Origin]:
        """Where the data of a grant comes from."""


class NoTerms:
    """Nothing is signed and nobody is known: nothing personal leaves."""

    async def freshen(self, account_id: UUID | None) -> None:
        return None

    def forget(self) -> None:
        return None

    def signed(self, processor: str) -> Sequence[Signed]:
        return ()

    def words(self, processor: str) -> Mapping[str, Any]:
        return {}

    def pending(self, account_id: UUID | None, processor: str) -> Sequence[Pending]:
        return ()

    async def origins(self, grant: Grant) -> frozenset[Origin]:
        return EVERYWHERE


class DatabaseTerms:
    """`Terms` over the tables, for one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._signed: dict[str, list[ProcessorSignature]] = {}
        self._words: dict[str, dict[str, str]] = {}
        self._signed_at: datetime | None = None
        self._running: list[Pending] = []
        self._pending: dict[UUID, _Told] = {}

    async def freshen(self, account_id: UUID | None) -> None:
        now = self._clock.now()
        try:
            if not _is_fresh(self._signed_at, now):
                await self._read_shared(now)
                self._signed_at = now
            if account_id is not None and not _is_fresh(self._pending.get(account_id, _UNREAD).read_at, now):
                if len(self._pending) >= MOST_ACCOUNTS:
                    self._pending.clear()
                self._pending[account_id] = _Told(now, await self._read_notices(account_id))
        except OmniOpsError as error:
            raise EgressRefused(
                "The register cannot be read, so nothing is sent.", reason="register_unreadable"
            ) from error

    def forget(self) -> None:
        # What a call that is under way has read stays for it to decide by.
        self._signed_at = None
        self._pending = {account: _Told(None, told.notices) for account, told in self._pending.items()}

    def signed(self, processor: str) -> Sequence[Signed]:
        return self._signed.get(processor, [])

    def words(self, processor: str) -> Mapping[str, Any]:
        return self._words.get(processor, {})

    def pending(self, account_id: UUID | None, processor: str) -> Sequence[Pending]:
        if account_id is None:
            return [one for one in self._running if one.processor == processor]
        if account_id not in self._pending:
            raise EgressRefused("What this account was told is not known.", reason="register_unreadable")
        return [one for one in self._pending[account_id].notices if one.processor == processor]

    async def origins(self, grant: Grant) -> frozenset[Origin]:
        """What the domain says of its visitors, with what the person declared; everywhere where neither said anything,
        and where it is not said of whom the data is.

        Both count together: the law of the business's own place goes on to bind it, whoever writes (Art. 3(1) GDPR).
        """
        scope = grant.scope
        if scope is None or scope.domain_id is None or not grant.subjects:
            return EVERYWHERE
        try:
            async with self._database.session(scope) as session:
                said = await self._of_domain(session, scope)
                declared: set[str] = set()
                for subject_id in grant.subjects:
                    declared |= await self._of_person(session, scope.domain_id, subject_id)
        except OmniOpsError as error:
            raise EgressRefused(
                "Where this data comes from cannot be read, so nothing is sent.", reason="register_unreadable"
            ) from error
        return origins_of(said, declared)

    async def _of_domain(self, session: AsyncSession, scope: Scope) -> str:
        statement = select(Domain.settings).where(Domain.account_id == scope.account_id, Domain.id == scope.domain_id)
        settings = (await session.exec(statement)).first() or {}
        return str(settings.get("origin", ""))

    async def _of_person(self, session: AsyncSession, domain_id: UUID, subject_id: UUID) -> set[str]:
        same = await same_person(session, domain_id, subject_id)
        statement = select(Subject.origin).where(Subject.home_id == domain_id, col(Subject.id).in_(same))
        return {origin for origin in (await session.exec(statement)).all() if origin}

    async def _read_shared(self, now: datetime) -> None:
        found: dict[str, list[ProcessorSignature]] = {}
        async with self._database.connect() as connection:
            signatures = (await connection.execute(_SIGNATURES)).mappings().all()
            words = (await connection.execute(_WORDS)).mappings().all()
            running = (await connection.execute(_RUNNING, {"now": now})).all()
        for row in signatures:
            found.setdefault(row["processor"], []).append(ProcessorSignature(**dict(row)))
        self._signed = found
        self._words = {
            row["processor"]: {name: said for name, said in row.items() if said and name != "processor"}
            for row in words
        }
        self._running = [Pending(row.processor, row.until, objected=False) for row in running]

    async def _read_notices(self, account_id: UUID) -> list[Pending]:
        now = self._clock.now()
        async with self._database.session(Scope(account_id)) as session:
            statement = select(ProcessorNotice).where(
                ProcessorNotice.account_id == account_id,
                (col(ProcessorNotice.answer) == "objected")
                | (col(ProcessorNotice.answer).is_(None) & (col(ProcessorNotice.ends_at) > now)),
            )
            rows = (await session.exec(statement)).all()
        return [Pending(row.processor, row.ends_at, row.answer == "objected") for row in rows]


def _is_fresh(read_at: datetime | None, now: datetime) -> bool:
    """Also where the clock was put back, what was read is read again."""
    return read_at is not None and timedelta(0) <= now - read_at < FRESH


def origins_of(said: str, declared: set[str]) -> frozenset[Origin]:
    """Whose law governs: `said` is the domain's default (empty: nothing), `declared` what the person declared."""
    known = {one for one in {said, *declared} if one in ORIGINS}
    if known:
        return frozenset(known)
    return frozenset() if said == ELSEWHERE else EVERYWHERE
