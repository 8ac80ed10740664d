"""Reading a chain in stretches of many entries: one row of the database's answer holds thousands of records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.chain import GENESIS, Broken, Verdict, Walk
from omniops.audit.models import AuditEntry, AuditHead, AuditSegment

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


async def checked(session: AsyncSession, account_id: UUID) -> Verdict:
    """Follows a whole chain in the database to its head. Segments whose entries expired are passed over."""
    walk, entries, expired = Walk(account_id), 0, 0
    head = await end_of(session, account_id)
    newest = select(AuditEntry.seq).where(AuditEntry.account_id == account_id).order_by(col(AuditEntry.seq).desc())
    last = max(head[0], (await session.exec(newest.limit(1))).first() or 0)
    try:
        for segment in await segments(session, account_id):
            if segment.expired_at is not None:
                walk.skip(segment.first, segment.last, segment.before, segment.end)
                expired += segment.last - segment.first + 1
        async for stretch in stretches(session, account_id, walk.seq + 1, last):
            for line in stretch:
                record_of(line, walk)
                entries += 1
        if (walk.seq, walk.hash) != head:
            raise Broken(walk.seq + 1, "the end of the chain is missing")
    except Broken as broken:
        return Verdict(entries, broken.entry, broken.reason, expired)
    return Verdict(entries, expired=expired)
