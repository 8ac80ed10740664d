"""When a visitor says to be a child, or a parent writes: what is kept is held, nothing more is done with it, a person
is told, and without a parent's consent it is deleted within the term of `child.delete`.
"""

from __future__ import annotations

from uuid import UUID

from omniops.contracts.rights import Fulfilment
from omniops.contracts.scope import Actor, Scope
from omniops.errors import Rejected
from omniops.privacy.catalog import Catalog
from omniops.privacy.persons.service import Persons
from omniops.privacy.rights.book import Asked, Came
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.fulfilling import PERSON
from omniops.privacy.rights.views import CaseView

ACTOR = Actor.system("privacy.child")


class ChildCases:
    """Opens the cases of children."""

    def __init__(self, cases: Cases, persons: Persons, catalog: Catalog) -> None:
        self._cases = cases
        self._persons = persons
        self._catalog = catalog

    async def heard(self, scope: Scope, *, subject_id: UUID, conversation_id: UUID, language: str) -> CaseView:
        """An age below the domain's least was stated. One case for a conversation, however often it is said."""
        came = Came(
            "age", f"child:{conversation_id}", self._cases.book.clock.now(), (subject_id,), "none", conversation_id
        )
        view = await self._cases.open(scope, Asked("child", language), came, actor=ACTOR)
        await self.hold(scope, subject_id)
        return view

    async def hold(self, scope: Scope, subject_id: UUID) -> None:
        """Shuts every purpose that is automated, optional or rests on a legitimate interest: no provider reads it,
        nothing is learnt from it, nothing is counted. A person can still answer."""
        for key, purpose in self._catalog.purposes.items():
            if purpose.automated or purpose.objectable or purpose.basis == "consent":
                await self._persons.opt_out(scope, subject_id, key, actor=ACTOR)

    async def consent_shown(self, scope: Scope, case_id: UUID, evidence: str, *, actor: Actor) -> CaseView:
        """A person has verified a parent's consent: the data stays, and the case is closed by a reply. Raises
        `Rejected` for a case that is no child's, or without evidence; `NotFound`."""
        if not evidence.strip():
            raise Rejected("Say what shows the consent.", code="empty", where="evidence")
        book = self._cases.book
        async with book.database.session(scope) as session:
            case = await book.open_(session, scope, case_id)
            if case.right != "child":
                raise Rejected("This case is not about a child.", code="no_child", where="case")
            case.consent_shown = True
            kept = Fulfilment("done", "A parent's consent was verified: the data stays.")
            await book.answer(session, case, PERSON, "A person of the business", kept, by=str(actor))
            session.add(case)
            book.note(session, case, "consent_shown", actor, evidence=evidence.strip()[:1000])
            await session.commit()
        return await self._cases.read(scope, case_id, actor=actor)
