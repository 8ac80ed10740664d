"""Signed heads: every hour, what each chain says by then is put under one signature that all the world can see.

The entries since an account's last segment become a segment with a Merkle root (RFC 9162 section 2.1 over the entries'
hashes). The newest segments of all accounts are the leaves of one more tree, and its root is what is signed. So a
published head fixes every chain, and tells of none of them: not even how many there are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.chain import Broken, Walk
from omniops.audit.leaves import KIND, leaf_of
from omniops.audit.merkle import Tree, path
from omniops.audit.models import AuditHead, AuditSegment, AuditSignedHead
from omniops.audit.reading import record_of, stretches
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.signing import Signer

_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtext('omniops audit heads'))")


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head. `statement` is the JWS."""

    number: int
    at: datetime
    statement: str


class Heads:
    """Signs heads, and deletes what is older than the audit is kept."""

    def __init__(
        self, database: Database, audit: Audit, secret: str, issuer: str, keep: timedelta, clock: Clock, log: Log
    ) -> None:
        """`secret` is the root's for the audit log; `issuer` the deployment's public address; `keep` the term of an
        entry."""
        self._database = database
        self._audit = audit
        self._signer = Signer(secret)
        self._issuer = issuer
        self._keep = keep
        self._clock = clock
        self._log = log

    def tasks(self, jobs: Jobs) -> None:
        jobs.register(
            Task("audit:sign", self.sign, queue=MAINTENANCE, cron="0 * * * *"),
            Task("audit:expire", self.expire, queue=MAINTENANCE, cron="27 3 * * *"),
        )

    @property
    def public(self) -> dict[str, Any]:
        """The public key that heads are signed with, as a JWK."""
        return self._signer.public

    async def newest(self) -> Head | None:
        """The newest signed head, or None before the first."""
        async with self._database.connect() as connection:
            row = (await connection.execute(_NEWEST)).first()
        return Head(row.number, row.at, row.statement) if row is not None else None

    async def sign(self) -> None:
        """Signs a head over all chains as they are now. A chain that does not fit gets no new segment: it is reported,
        and stays under its last good one."""
        await self._audit.chain_now()
        async with self._database.system("audit: sign a head") as session:
            connection = await session.connection()
            await connection.execute(_ONE_AT_A_TIME)
            before = (await connection.execute(_NEWEST)).first()
            number, at = before.number + 1 if before is not None else 1, self._clock.now()
            standing = await _standing(session)
            made: list[AuditSegment] = []
            for head in (await session.exec(select(AuditHead).order_by(col(AuditHead.account_id)))).all():
                last = standing.get(head.account_id)
                if head.seq > (last.last if last is not None else 0):
                    try:
                        made.append(await _segment(session, head, last, number, at))
                    except Broken as broken:
                        self._log.error("audit.broken", account=str(head.account_id), said=broken.reason)
            standing |= {segment.account_id: segment for segment in made}
            accounts = sorted(standing)
            leaves = [leaf_of(standing[account]) for account in accounts]
            for segment in made:
                place = accounts.index(segment.account_id)
                segment.place, segment.size = place, len(leaves)
                segment.path = [beside.hex() for beside in path(leaves, place)]
            session.add_all(made)
            session.add(self._head(number, at, Tree(leaves).root(), before.statement if before is not None else ""))
            await session.commit()

    def _head(self, number: int, at: datetime, root: bytes, before: str) -> AuditSignedHead:
        said = {
            "iss": self._issuer,
            "number": number,
            "at": at.isoformat(timespec="seconds"),
            "root": root.hex(),
            "before": hashlib.sha256(before.encode()).hexdigest() if before else None,
        }
        return AuditSignedHead(number=number, at=at, statement=self._signer.sign(KIND, said))

    async def expire(self) -> None:
        """Deletes the entries of every segment whose head is past the term; its signed root stays, and the chain goes
        on from its end. By the head and not by the newest entry: the head's moment is signed, so whoever checks an
        export sees that nothing went too early. Entries that no head covers yet are never deleted."""
        async with self._database.system("audit: delete what is past its term") as session:
            statement = select(AuditSegment).where(
                col(AuditSegment.newest_at) < self._clock.now() - self._keep, col(AuditSegment.expired_at).is_(None)
            )
            for segment in (await session.exec(statement.order_by(col(AuditSegment.number)))).all():
                connection = await session.connection()
                await connection.execute(
                    _DELETE, {"account": segment.account_id, "first": segment.first, "last": segment.last}
                )
                segment.expired_at = self._clock.now()
                session.add(segment)
            await session.commit()


_NEWEST = text("select number, at, statement from omniops.audit_signed_head order by number desc limit 1")
_DELETE = text("delete from omniops.audit_entry where account_id = :account and seq between :first and :last")


async def _standing(session: AsyncSession) -> dict[UUID, AuditSegment]:
    """The newest segment of each account."""
    statement = (
        select(AuditSegment)
        .ext(distinct_on(col(AuditSegment.account_id)))
        .order_by(col(AuditSegment.account_id), col(AuditSegment.number).desc())
    )
    return {segment.account_id: segment for segment in (await session.exec(statement)).all()}


async def _segment(
    session: AsyncSession, head: AuditHead, last: AuditSegment | None, number: int, at: datetime
) -> AuditSegment:
    """The next segment of an account, from its entries since the last. Raises `Broken`."""
    walk, tree = Walk(head.account_id), Tree()
    if last is not None:
        walk.seq, walk.hash = last.last, last.end
    before, first = walk.hash, walk.seq + 1
    async for stretch in stretches(session, head.account_id, first, head.seq):
        for line in stretch:
            record_of(line, walk)
            tree.add(walk.hash)
    if (walk.seq, walk.hash) != (head.seq, head.hash):
        raise Broken(walk.seq + 1, "the end of the chain is missing")
    return AuditSegment(
        account_id=head.account_id,
        number=last.number + 1 if last is not None else 1,
        first=first,
        last=walk.seq,
        before=before,
        end=walk.hash,
        root=tree.root(),
        newest_at=at,
        head=number,
        place=0,
        size=0,
        path=[],
    )
