"""Reading a chain in stretches of many entries: one row of the database's answer holds thousands of records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.chain import GENESIS, Broken, Verdict, Walk, check_age
from omniops.audit.leaves import head_over, leaf_of
from omniops.audit.models import AuditEntry, AuditHead, AuditSegment, AuditSignedHead
from omniops.errors import Refused

STRETCH = 2000
_HASH = 64  # a hash in hexadecimal stands before each record
_RECORDS = text(
    "select convert_to(string_agg(encode(e.hash, 'hex') || omniops.audit_record(e.account_id, e.seq, e.at, e.actor,"
    " e.action, e.object, e.subject_refs, e.purpose, e.detail, e.prev_hash), E'\\n' order by e.seq), 'UTF8')"
    " from omniops.audit_entry e where e.account_id = :account and e.seq between :first and :last"
)


async def stretches(session: AsyncSession, account_id: UUID, first: int, last: int) -> AsyncIterator[list[bytes]]:
    """The entries from `first` to `last`, each as the stored hash in hexadecimal and the record, without a gap between
    them. A record holds no line break: JSON writes one as two characters."""
    connection = await session.connection()
    for begin in range(first, last + 1, STRETCH):
        end = min(begin + STRETCH - 1, last)
        found = (await connection.execute(_RECORDS, {"account": account_id, "first": begin, "last": end})).scalar_one()
        yield bytes(found).split(b"\n") if found is not None else []


def record_of(line: bytes, walk: Walk) -> bytes:
    """The record of a line of `stretches`, once it followed the chain. Raises `Broken`."""
    record = line[_HASH:]
    number = walk.seq + 1
    if walk.take(record).hex().encode() != line[:_HASH]:
        raise Broken(number, f"entry {number} was changed")
    return record


async def segments(session: AsyncSession, account_id: UUID) -> list[AuditSegment]:
    """The signed segments of an account, the oldest first."""
    statement = select(AuditSegment).where(AuditSegment.account_id == account_id).order_by(col(AuditSegment.number))
    return list((await session.exec(statement)).all())


async def end_of(session: AsyncSession, account_id: UUID) -> tuple[int, bytes]:
    """Number and hash of an account's newest entry, as its head says."""
    head = await session.get(AuditHead, account_id)
    return (head.seq, head.hash) if head is not None else (0, GENESIS)


async def signed_heads(session: AsyncSession, segments: Sequence[AuditSegment]) -> dict[int, str]:
    """The statements of the heads that segments stand under, by number."""
    wanted = {segment.head for segment in segments}
    statement = select(AuditSignedHead).where(col(AuditSignedHead.number).in_(wanted))
    return {head.number: head.statement for head in (await session.exec(statement)).all()}


async def checked(session: AsyncSession, account_id: UUID, key: Mapping[str, Any], now: datetime) -> Verdict:
    """Follows a whole chain in the database to its head. A segment whose entries expired is passed over only where the
    head that it was signed under, by `key`, is as old at `now` as entries are kept: a column that says so is no proof.
    """
    walk, entries, expired = Walk(account_id), 0, 0
    end = await end_of(session, account_id)
    newest = select(AuditEntry.seq).where(AuditEntry.account_id == account_id).order_by(col(AuditEntry.seq).desc())
    last = max(end[0], (await session.exec(newest.limit(1))).first() or 0)
    gone = [segment for segment in await segments(session, account_id) if segment.expired_at is not None]
    try:
        heads = await signed_heads(session, gone)
        for segment in gone:
            walk.skip(segment.first, segment.last, segment.before, segment.end)
            _check_expired(segment, heads.get(segment.head, ""), key, now)
            expired += segment.last - segment.first + 1
        async for stretch in stretches(session, account_id, walk.seq + 1, last):
            for line in stretch:
                record_of(line, walk)
                entries += 1
        if (walk.seq, walk.hash) != end:
            raise Broken(walk.seq + 1, "the end of the chain is missing")
    except Broken as broken:
        return Verdict(entries, broken.entry, broken.reason, expired)
    return Verdict(entries, expired=expired)


def _check_expired(segment: AuditSegment, statement: str, key: Mapping[str, Any], now: datetime) -> None:
    stretch = segment.first, segment.last
    try:
        head = head_over(leaf_of(segment), stretch, segment.place, segment.size, segment.path, statement, key)
    except Refused as refused:
        said = f"the entries {segment.first} to {segment.last} are gone, and no head that we signed stands for them"
        raise Broken(segment.first, said) from refused
    check_age(segment.last, datetime.fromisoformat(head["at"]), now)
