"""When a visitor says to be a child, or a parent writes: what is kept is held, nothing more is done with it, a person
is told, and without a parent's consent it is deleted within the term of `child.delete`.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from omniops.contracts.rights import Fulfilment
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Rejected
from omniops.privacy.browsers import speaks_for
from omniops.privacy.children import Children
from omniops.privacy.rights.book import Asked, Came
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.fulfilling import PERSON
from omniops.privacy.rights.views import CaseView

ACTOR = Actor.system("privacy.child")


class ChildCases:
    """Opens the cases of children."""

    def __init__(self, cases: Cases, children: Children) -> None:
        self._cases = cases
        self._children = children

    async def heard(self, scope: Scope, *, subject_id: UUID, conversation_id: UUID, language: str) -> CaseView:
        """An age below the domain's least was stated. One case for a conversation, however often it is said."""
        book = self._cases.book
        async with book.database.session(scope) as session:
            about = await speaks_for(session, scope, subject_id)
        came = Came("age", f"child:{conversation_id}", book.clock.now(), about, "none", conversation_id)
        view = await self._cases.open(scope, Asked("child", language), came, actor=ACTOR)
        await self._children.shut(scope, subject_id, actor=ACTOR)
        return view

    async def consent_shown(
        self, scope: Scope, case_id: UUID, evidence: str, purposes: Sequence[str] = (), *, actor: Actor
    ) -> CaseView:
        """A person has verified a parent's consent: the data stays, the purposes that it names open, and the case is
        closed by a reply. Raises `Rejected` for a case that is no child's, without evidence, or for purposes that no
        parent opens; `NotFound`."""
        if not evidence.strip():
            raise Rejected("Say what shows the consent.", code="empty", where="evidence")
        book = self._cases.book
        async with book.database.session(scope) as session:
            case = await book.open_(session, scope, case_id)
            if case.right != "child":
                raise Rejected("This case is not about a child.", code="no_child", where="case")
        if not (groups := await self._cases.fulfilling.groups(scope, case)):
            raise NotFound("Everybody whom this case is about was erased.")
        for one, *_ in groups:
            await self._children.parent_verified(scope, one, purposes, actor=actor)
        async with book.database.session(scope) as session:
            case = await book.open_(session, scope, case_id)
            case.consent_shown = True
            kept = Fulfilment("done", "A parent's consent was verified: the data stays.")
            await book.answer(session, case, PERSON, "A person of the business", kept, by=str(actor))
            session.add(case)
            book.note(session, case, "consent_shown", actor, words=evidence.strip()[:1000], purposes=list(purposes))
            await session.commit()
        return await self._cases.read(scope, case_id, actor=actor)
