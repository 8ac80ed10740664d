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
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.ledger import Answer, Circumstances
from omniops.privacy.persons.recipients import Recipient
from omniops.privacy.persons.service import DutyView, Outside, Persons
from omniops.privacy.rights.book import Book
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase

OWN, PERSON = "own", "person"
_OWN_TITLE = "This service"
Found = list[tuple[str, str, Fulfilment | None]]
"""Places, their titles and what they answered."""


class Fulfilling:
    """Does what a case asks for."""

    def __init__(
        self, book: Book, persons: Persons, consents: Consents, catalog: Catalog, seams: Seams, audit: Audit
    ) -> None:
        self._book = book
        self._persons = persons
        self._consents = consents
        self._catalog = catalog
        self._seams = seams
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
            case "opt_out":
                purposes = [k for k, one in self._catalog.purposes.items() if one.objectable or one.basis == "consent"]
                for group in groups:
                    for purpose in purposes:
                        await self._persons.opt_out(scope, group[0], purpose, actor=actor)
                said = f"Opted out of {', '.join(purposes)}. Nothing is sold or shared; only what is needed goes on."
                return [_own(said)], []
            case _:
                return [await self._withdraw(scope, [one for group in groups for one in group], actor)], []

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

    async def _withdraw(self, scope: Scope, ids: Sequence[UUID], actor: Actor) -> tuple[str, str, Fulfilment | None]:
        ended = 0
        for one in ids:
            given = {p for p, state in (await self._consents.of(scope, one)).items() if state == "given"}
            latest = {event.purpose: event for event in await self._consents.history(scope, one)}
            for purpose in sorted(given & set(latest)):
                event = latest[purpose]
                no = Answer(purpose, False, event.notice_id, event.notice_version)
                how = Circumstances("api", event.locale, "none", event.jurisdiction)
                await self._consents.record(scope, one, no, how, actor=actor)
                ended += 1
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
            except Refused as error:  # a legal hold: the case stays open until somebody lifts it or refuses
                said = "A legal hold stands against erasing this person."
                return [(OWN, _OWN_TITLE, Fulfilment("failed", said, error.reason))], []
        # Somebody whom an earlier case erased: what is still to be done outside is this case's as well.
        before = await self._persons.duties.of(scope, [UUID(one) for one in case.subjects]) if not views else None
        if before is not None:
            views.append(await self._persons.duty(scope, before[0].id))
        known = {str(view.duty.id) for view in views}
        views += [await self._persons.duty(scope, UUID(one)) for one in case.duties if one not in known]
        if not views:
            return [(OWN, _OWN_TITLE, _nobody(case))], []
        rows = sum(sum(view.duty.deleted.values()) for view in views)
        open_ = [view for view in views if view.duty.waits_for in ("rows", "hold")]
        if open_:
            own = Fulfilment("failed", "A scan still finds rows, or a hold stands.", open_[0].duty.waits_for or "rows")
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

    # What other places are to do

    def outside(self, answers: Outside) -> Found:
        """Tasks of the stores that answered."""
        titles = {
            f"{one.name}.{store.key}": store.title for one in self._seams.loaded for store in one.declaration.stores
        }
        return [(key, titles.get(key, key), answer) for key, answer in answers]

    def to_tell(self, recipients: Iterable[Recipient], known: Collection[str] = ()) -> Found:
        """Tasks for processors that received something and whose plugin has no store that answers for them: a person
        tells them (Art. 19 GDPR)."""
        covered = {store.processor for one in self._seams.loaded for store in one.declaration.stores}
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
    return Fulfilment("nothing_held", "The look-up of the proven address among all identifiers of the domain is empty.")
