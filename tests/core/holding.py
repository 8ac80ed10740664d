"""What tests of legal holds do and look at."""

import asyncio
from datetime import timedelta

from omniops.privacy.models import SubjectLink

COURT, WHY = "District court, 12 O 345/26", "Claim of Tom Miller"


def soon(desk, days=90):
    return desk.clock.now().date() + timedelta(days=days)


async def old(desk, days=100):
    """A visitor who wrote so many days ago."""
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor):
        pass
    moment = desk.clock.now() - timedelta(days=days)
    for table in ("message", "conversation", "turn", "visitor_session", "subject"):
        whose = "id" if table == "subject" else "subject_id"
        change = f"update omniops.{table} set created_at = %s where {whose} = %s"
        # In a thread: a turn that is just ending may hold the row, and needs this loop to end.
        await asyncio.to_thread(desk.rows, change, moment, visitor.subject_id)
    return visitor


def messages(desk, visitor):
    return desk.rows("select count(*) from omniops.message where subject_id = %s", visitor.subject_id)[0][0]


def held(desk, subject_id):
    return desk.rows("select hold from omniops.subject where id = %s", subject_id)[0][0]


async def place(desk, holds, member, visitor=None, days=90):
    subject = visitor.subject_id if visitor else None
    return await holds.place(desk.domain.scope, subject, COURT, WHY, soon(desk, days), actor=member)


async def link(desk, one, root):
    async with desk.runtime.database.session(desk.domain.scope) as session:
        session.add(
            SubjectLink(
                domain_id=desk.domain.id,
                subject_id=one.subject_id,
                other_id=root.subject_id,
                evidence="identity by jwt",
            )
        )
        await session.commit()
