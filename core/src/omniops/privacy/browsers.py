"""In which browsers a person was the last to chat. A browser that carries choices is nobody's for good, so it is linked
to no person: another may chat there next. What somebody says there counts for it as long as nobody else does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Scope
from omniops.privacy.linking import same_person
from omniops.privacy.models import ConsentBrowser
from omniops.vault.models import Subject


async def chatted_in(session: AsyncSession, scope: Scope, person: Iterable[UUID]) -> Sequence[Subject]:
    """The browsers of whoever is `person`, each locked."""
    statement = (
        select(Subject)
        .join(
            ConsentBrowser,
            (col(ConsentBrowser.domain_id) == Subject.home_id) & (col(ConsentBrowser.subject_id) == Subject.id),
        )
        .where(ConsentBrowser.domain_id == scope.domain_id)
        .where(col(ConsentBrowser.visitor_id).in_(list(person)), col(Subject.erased_at).is_(None))
        .order_by(col(Subject.id))
        .with_for_update(of=Subject)
    )
    return (await session.exec(statement)).all()


async def speaks_for(session: AsyncSession, scope: Scope, subject_id: UUID) -> tuple[UUID, ...]:
    """Whom the words of a chat are about: who wrote them, and the browsers that their word counts for."""
    assert scope.domain_id is not None
    person = await same_person(session, scope.domain_id, subject_id)
    statement = (
        select(ConsentBrowser.subject_id)
        .where(ConsentBrowser.domain_id == scope.domain_id, col(ConsentBrowser.visitor_id).in_(person))
        .order_by(col(ConsentBrowser.subject_id))
    )
    return (subject_id, *(await session.exec(statement)).all())
