"""Refusing an objection on compelling grounds (Art. 21(1) GDPR): for security alone, by a person, and told.

The objection stays on record. It stands until the refusal is recorded and told, and again as soon as the person objects
anew.
"""

from __future__ import annotations

from uuid import UUID

from omniops.contracts.scope import Actor, Scope, only_a_person
from omniops.errors import Refused, Rejected
from omniops.privacy.persons.service import Persons
from omniops.privacy.rights.cases import Cases, worded
from omniops.privacy.rights.kinds import GROUNDS, REFUSALS
from omniops.privacy.rights.models import RightsCase
from omniops.privacy.rights.views import CaseView


class Objections:
    """Refuses them."""

    def __init__(self, cases: Cases, persons: Persons) -> None:
        self._cases = cases
        self._persons = persons

    async def refuse(
        self, scope: Scope, case_id: UUID, purpose: str, code: str, reason: str, *, actor: Actor
    ) -> CaseView:
        """Lets one purpose go on against an objection, from when the person was told: the grounds, the law, and where
        to complain. `code` is `A21-grounds`.

        Raises `Refused` for who is no person (`needs_a_member`) and where the person cannot be told (`not_told`);
        `Rejected` for another purpose or code, without grounds, and for a case that is no written objection;
        `NotFound`.
        """
        self._persons.limits.check_refusable(purpose)
        if code != GROUNDS:
            raise Rejected(
                f"An objection is not refused for {code!r}.",
                code="no_such_refusal",
                where="code",
                do=f"Give {GROUNDS}.",
            )
        worded(reason, "reason")
        book, letters = self._cases.book, self._cases.letters
        async with book.database.session(scope) as session:
            case = await book.get(session, scope, case_id, lock=True)
            only_a_person(actor, "An objection is refused")
            if case.right != "objection" or case.outcome != "done":
                raise Rejected(
                    "This case is no objection that was written.",
                    code="no_objection",
                    where="case",
                    do="Close the case first: an objection stands until it is refused.",
                )
            told = {"law": REFUSALS[GROUNDS], "reason": reason.strip()}
            letter = await letters.at_once(session, scope, case, "refused", told)
            if letter.state != "sent" and case.identity != "session":
                raise Refused(
                    "The person cannot be told: there is no way to them.",
                    reason="not_told",
                    do="The objection stands. Tell the person another way first, and record the address.",
                )
            book.note(session, case, "objection_refused", actor, words=reason.strip(), code=GROUNDS, purpose=purpose)
            await session.commit()
        await self._go_on(scope, case, purpose, actor)
        return await self._cases.read(scope, case_id, actor=actor)

    async def _go_on(self, scope: Scope, case: RightsCase, purpose: str, actor: Actor) -> None:
        for group in await self._cases.fulfilling.groups(scope, case):
            await self._persons.override(scope, group[0], purpose, actor=actor)
