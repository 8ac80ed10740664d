"""Which subjects are one person. Links form a star: each leads to the subject that was known first, never to another
linked one, so that a person is found in two queries however many subjects there are.
"""

from __future__ import annotations

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.privacy.models import SubjectLink


async def same_person(session: AsyncSession, domain_id: UUID, subject_id: UUID) -> tuple[UUID, ...]:
    """All subjects that were found to be the same person, the given one first."""
    root = await first_known(session, domain_id, subject_id)
    linked = select(SubjectLink.subject_id).where(SubjectLink.domain_id == domain_id, SubjectLink.other_id == root)
    others = {root, *(await session.exec(linked)).all()} - {subject_id}
    return (subject_id, *sorted(others))


async def first_known(session: AsyncSession, domain_id: UUID, subject_id: UUID) -> UUID:
    """The subject that all links of this person lead to."""
    statement = select(SubjectLink.other_id).where(
        SubjectLink.domain_id == domain_id, SubjectLink.subject_id == subject_id
    )
    return (await session.exec(statement)).first() or subject_id
