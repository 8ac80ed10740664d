"""What is done about a case, in our own database and at every place outside, and what came of it, as tasks.

Safe to repeat: a place that failed is asked again, and one that answered is not forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from omniops.audit.service import Audit, Entry
from omniops.contracts.rights import Fulfilment
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Refused
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.persons.recipients import Recipient
from omniops.privacy.persons.service import DutyView, Outside, Persons
from omniops.privacy.rights.book import CLOSED, HELD, Book
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase
from omniops.privacy.sensitive import sensitive_uses

OWN, PERSON = "own", "person"
_OWN_TITLE = "This service"
Found = list[tuple[str, str, Fulfilment | None]]
"""Places, their titles and what they answered."""


class Fulfilling:
    """Does what a case asks for."""

    def __init__(self, book: Book, persons: Persons, consents: Consents, catalog: Catalog, audit: Audit) -> None:
        self._book = book
        self._persons = persons
        self._consents = consents
        self._catalog = catalog
        self._audit = audit

    async def carry(self, scope: Scope, case: RightsCase, *, actor: Actor) -> None:
        """One run. Afterwards the tasks say how each place stands."""
        found, duties = await self._done(scope, case, actor)
        await self._keep(scope, case, found, duties)

    async def _keep(self, scope: Scope, case: RightsCase, found: Found, duties: Sequence[str]) -> None:
        async with self._book.database.session(scope) as session:
            row = await self._book.get(session, scope, case.id, lock=True)
            row.duties = sorted({*row.duties, *duties})
            for store, title, answer in found:
                await self._book.answer(session, row, store, title, answer)
            session.add(row)
            await session.commit()

    async def groups(self, scope: Scope, case: RightsCase) -> list[tuple[UUID, ...]]:
        """The people of a case that were not erased: of each, all subjects that are linked."""
        found: dict[frozenset[UUID], tuple[UUID, ...]] = {}
        for one in case.subjects:
            try:
                same = await self._persons.same(scope, UUID(one))
            except NotFound:  # erased
                continue
            found.setdefault(frozenset(same), same)
        return list(found.values())

    async def _done(self, scope: Scope, case: RightsCase, actor: Actor) -> tuple[Found, list[str]]:
        act = RIGHTS[case.right].act
        if act == "person":
            return [(PERSON, "A person of the business", None)], []
        if act == "erase":
            return await self._erase(scope, case, actor)
        groups = await self.groups(scope, case)
        if not groups:
            return [(OWN, _OWN_TITLE, _nobody(case))], []
        match act:
            case "copy":
                return await self._copy(scope, groups, actor), []
            case "restrict":
                return await self._restrict(scope, groups, actor), []
            case "object":
                purposes = [key for key, one in self._catalog.purposes.items() if one.objectable]
                for group in groups:
                    for purpose in purposes:
                        await self._persons.object_to(scope, group[0], purpose, actor=actor)
                return [_own(f"Objection written for {', '.join(purposes)}; the vault refuses them from now on.")], []
            case "opt_out" | "limit" as wish:
                purposes = [k for k, one in self._catalog.purposes.items() if one.objectable or one.basis == "consent"]
                for group in groups:
                    for purpose in purposes:
                        await self._persons.opt_out(scope, group[0], purpose, actor=actor)
                    if wish == "limit":
                        await self._persons.limit(scope, group[0], actor=actor)
                said = f"Opted out of {', '.join(purposes)}. Nothing is sold or shared; only what is needed goes on."
                if wish == "limit":
                    said += f" Sensitive data is used for {', '.join(sorted(sensitive_uses().purposes))} only."
                return [_own(said)], []
            case _:
                return [await self._withdraw(scope, case, groups, actor)], []

    async def correct(
        self, scope: Scope, case: RightsCase, what: str, value: str, row_id: UUID | None, *, actor: Actor
    ) -> None:
        """Corrects a value of the people of a case. Stores and recipients become tasks."""
        found: Found = []
        written = 0
        for group in await self.groups(scope, case):
            done = await self._persons.rectify(scope, group[0], what, value, row_id=row_id, actor=actor)
            written += sum(done.written.values())
            found += [*self.outside(done.outside), *self.to_tell(done.to_tell)]
        found.append(_own(f"{what}: {written} values corrected."))
        await self._keep(scope, case, found, [])

    async def _copy(self, scope: Scope, groups: Sequence[Sequence[UUID]], actor: Actor) -> Found:
        ids = [one for group in groups for one in group]
        found: Found = [_own("A copy of all that is held here can be fetched by a one-time link.")]
        outside = await self._persons.stores.of(scope)
        if outside:
            person = await self._persons.people.person(scope, ids, actor=actor)
            answers = await self._persons.stores.ask_all(outside, "export", person)
            found += [(one.key, one.store.title, answer) for one, answer in answers]
        return found

    async def _restrict(self, scope: Scope, groups: Sequence[Sequence[UUID]], actor: Actor) -> Found:
        found: Found = [_own("Restricted: the vault opens this data for keeping, legal claims and rights only.")]
        for group in groups:
            done = await self._persons.restrict(scope, group[0], actor=actor)
            found += [*self.outside(done.outside), *self.to_tell(done.to_tell)]
        return found

    async def _withdraw(
        self, scope: Scope, case: RightsCase, groups: Sequence[Sequence[UUID]], actor: Actor
    ) -> tuple[str, str, Fulfilment | None]:
        """Counted in the ledger since the request came: a chat may have ended them by then, or an earlier run."""
        async with self._book.database.session(scope) as session:
            for group in groups:
                await self._consents.withdraw(session, scope, group[0], case.channel, actor=actor)
            await session.commit()
        events = [event for group in groups for one in group for event in await self._consents.history(scope, one)]
        ended = sum(event.answer == "withdrawn" and event.created_at >= case.received_at for event in events)
        if ended:
            return _own(f"{ended} consents withdrawn in the ledger.")
        said = "The ledger holds no consent of this person that is still given."
        return OWN, _OWN_TITLE, Fulfilment("nothing_held", said)

    async def _erase(self, scope: Scope, case: RightsCase, actor: Actor) -> tuple[Found, list[str]]:
        views: list[DutyView] = []
        begun: set[UUID] = set()
        while left := [group for group in await self.groups(scope, case) if not begun & set(group)]:
            begun |= set(left[0])
            try:
                views.append(await self._persons.erase(scope, left[0][0], actor=actor))
            except Refused as error:
                return [(OWN, _OWN_TITLE, Fulfilment("refused", str(error), error.reason))], []
        # Somebody whom an earlier case erased: what is still to be done outside is this case's as well.
        before = await self._persons.duties.of(scope, [UUID(one) for one in case.subjects]) if not views else None
        if before is not None:
            views.append(await self._persons.duty(scope, before[0].id))
        known = {str(view.duty.id) for view in views}
        views += [await self._persons.duty(scope, UUID(one)) for one in case.duties if one not in known]
        if not views:
            return [(OWN, _OWN_TITLE, _nobody(case))], []
        rows = sum(sum(view.duty.deleted.values()) for view in views)
        waits_for = {view.duty.waits_for for view in views}
        if HELD in waits_for:
            said = "A legal hold was placed before the keys were destroyed. Nothing was erased."
            own = Fulfilment("refused", said, HELD)
        elif "rows" in waits_for:
            own = Fulfilment("failed", "A scan still finds rows.", "rows")
        else:
            said = f"Keys destroyed, {rows} rows deleted; a scan of all tables finds nothing."
            if all(view.unreadable_from for view in views):
                said += (
                    f" From {max(v.unreadable_from for v in views if v.unreadable_from):%Y-%m-%d} on no backup opens."
                )
            own = Fulfilment("done", said)
        found: Found = [(OWN, _OWN_TITLE, own)]
        for view in views:
            for task in view.tasks:
                waiting = task.state not in ("done", "nothing_held", "refused", "failed")
                answer = None if waiting else Fulfilment(task.state, task.evidence or "It answered.", task.code)  # type: ignore[arg-type]
                found.append((task.store, task.title, answer))
            found += self.to_tell(view.to_tell, {task.store for task in view.tasks})
        return found, [str(view.duty.id) for view in views]

    async def settled(self, scope: Scope, case: RightsCase, store: str, answer: Fulfilment, *, actor: Actor) -> None:
        """A person settled what a place was to do: the erasures of a case that wait for the same place do so no more.
        Raises `Rejected` for an answer that closes nothing."""
        for duty_id in map(UUID, case.duties):
            duty = await self._persons.duty(scope, duty_id)
            for task in duty.tasks:
                if task.store == store and task.state not in CLOSED:
                    await self._persons.settle(scope, duty_id, task.id, answer, actor=actor)

    # What other places are to do

    def outside(self, answers: Outside) -> Found:
        """Tasks of the stores that answered."""
        titles = {one.key: one.store.title for one in self._persons.stores.declared()}
        return [(key, titles.get(key, key), answer) for key, answer in answers]

    def to_tell(self, recipients: Iterable[Recipient], known: Collection[str] = ()) -> Found:
        """Tasks for processors that received something and whose plugin has no store that answers for them: a person
        tells them (Art. 19 GDPR)."""
        covered = {one.store.processor for one in self._persons.stores.declared()}
        found: Found = []
        for one in recipients:
            key = f"processor:{one.processor}"
            if one.processor not in covered and key not in known and not one.processor.startswith("own-"):
                found.append((key, one.name, None))
        return found

    async def living(self, scope: Scope, subject_id: UUID) -> None:
        """Raises `NotFound` for nobody of this scope, and for somebody who was erased."""
        await self._persons.same(scope, subject_id)

    async def noted(self, scope: Scope, ids: Sequence[UUID], action: str, actor: Actor) -> None:
        """An entry in the audit that names the people as pseudonyms."""
        refs = await self._persons.vault.pseudonyms(scope, ids)
        await self._audit.write(Entry(scope.account_id, str(actor), action, "subject", refs, "rights.answer"))


def _own(said: str) -> tuple[str, str, Fulfilment | None]:
    return OWN, _OWN_TITLE, Fulfilment("done", said)


def _nobody(case: RightsCase) -> Fulfilment:
    if case.subjects:
        return Fulfilment("nothing_held", "Everybody whom this case is about was erased before.")
    if case.identity == "person":
        said = "Who decided, on evidence, who asks named nobody of whom something is held here."
        return Fulfilment("nothing_held", said)
    return Fulfilment("nothing_held", "The look-up of the proven address among all identifiers of the domain is empty.")
