"""A person's yes or no to an optional purpose: the state that the vault's door reads, with an entry in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from omniops.audit.service import Audit, Entry
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.catalog import Catalog
from omniops.vault.models import Subject


class Consents:
    """Writes and reads the consents on the subject's row."""

    def __init__(self, database: Database, audit: Audit, catalog: Catalog) -> None:
        self._database = database
        self._audit = audit
        self._catalog = catalog

    async def record(self, scope: Scope, subject_id: UUID, purpose: str, *, given: bool, actor: Actor) -> None:
        """Sets the state; effective at the next opening in every process. Raises `Rejected` for a purpose that rests on
        no consent, and `NotFound` for a person of another scope."""
        known = self._catalog.purposes.get(purpose)
        if known is None or known.basis != "consent":
            raise Rejected(
                f"{purpose!r} is no purpose that one can consent to.", code="no_such_choice", where="purpose"
            )
        async with self._database.session(scope) as session:
            subject = await session.get(
                Subject, (scope.domain_id or scope.account_id, subject_id), with_for_update=True
            )
            if subject is None:
                raise NotFound("There is no such person.")
            before = subject.consents.get(purpose)
            state = "given" if given else ("withdrawn" if before == "given" else "refused")
            subject.consents = {**subject.consents, purpose: state}
            session.add(subject)
            await session.commit()
        await self._audit.write(Entry(scope.account_id, str(actor), f"consent.{state}", "subject", purpose=purpose))

    async def of(self, scope: Scope, subject_id: UUID) -> Mapping[str, str]:
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (scope.domain_id or scope.account_id, subject_id))
        return dict(subject.consents) if subject is not None else {}
