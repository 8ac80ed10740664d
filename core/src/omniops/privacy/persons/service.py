"""Everything that can be done with one person's data, by name: `runtime.privacy.persons`.

Each act runs over all subjects that are the person, and leaves an entry in the audit that names them as pseudonyms.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from omniops.audit.service import Audit, Entry
from omniops.contracts.rights import Fulfilment, Person
from omniops.contracts.scope import Actor, Scope
from omniops.privacy.fields import Field
from omniops.privacy.persons.duties import Duties
from omniops.privacy.persons.exporting import MEDIA_TYPE, Exporting
from omniops.privacy.persons.fields import FieldMap
from omniops.privacy.persons.importing import Imported, Importing
from omniops.privacy.persons.limits import Limits
from omniops.privacy.persons.models import ErasureDuty, ErasureTask
from omniops.privacy.persons.people import PURPOSE, People
from omniops.privacy.persons.recipients import Recipient, Recipients
from omniops.privacy.persons.rectifying import Rectifying
from omniops.privacy.persons.scanning import Scan, Scanner
from omniops.privacy.persons.sheet import Sheets
from omniops.privacy.persons.stores import Stores
from omniops.vault.blobs import Blobs
from omniops.vault.nights import Nights
from omniops.vault.service import Vault

LARGEST = 2**30
"""Bytes of an export that is kept."""
Outside = Sequence[tuple[str, Fulfilment]]
"""What the stores outside answered, by key."""


@dataclass(frozen=True, slots=True)
class Rectified:
    """What was corrected: values by field, what stores outside answered, and whom it is to be told (Art. 19)."""

    written: Mapping[str, int]
    outside: Outside
    to_tell: Sequence[Recipient]

    def to_json(self) -> dict[str, Any]:
        return {
            "written": dict(self.written),
            "outside": _answers(self.outside),
            "to_tell": [one.to_json() for one in self.to_tell],
        }


@dataclass(frozen=True, slots=True)
class Restricted:
    """Which subjects changed, what stores outside answered, and whom it is to be told (Art. 19)."""

    subjects: Sequence[UUID]
    outside: Outside
    to_tell: Sequence[Recipient]

    def to_json(self) -> dict[str, Any]:
        return {
            "subjects": [str(one) for one in self.subjects],
            "outside": _answers(self.outside),
            "to_tell": [one.to_json() for one in self.to_tell],
        }


@dataclass(frozen=True, slots=True)
class DutyView:
    """A duty to erase: open until `waits_for` is None. Evidence and codes never name the person; `written` is what
    members wrote, by task, and may. From `unreadable_from` on no copy of the database, wherever it lies, leads to the
    person's keys; None while the duty is open."""

    duty: ErasureDuty
    tasks: Sequence[ErasureTask]
    to_tell: Sequence[Recipient] = ()
    unreadable_from: datetime | None = None
    written: Mapping[UUID, str] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        return self.duty.state == "closed"

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.duty.id),
            "state": self.duty.state,
            "waits_for": self.duty.waits_for,
            "subjects": list(self.duty.subjects),
            "deleted": dict(sorted(self.duty.deleted.items())),
            "tasks": [
                {
                    "id": str(task.id),
                    "store": task.store,
                    "title": task.title,
                    "state": task.state,
                    "code": task.code,
                    "evidence": self.written.get(task.id, task.evidence),
                    "attempts": task.attempts,
                    "by": task.by,
                }
                for task in self.tasks
            ],
            "to_tell": [one.to_json() for one in self.to_tell],
            "created_at": self.duty.created_at.isoformat(),
            "closed_at": self.duty.closed_at.isoformat() if self.duty.closed_at else None,
            "unreadable_from": self.unreadable_from.isoformat() if self.unreadable_from else None,
        }


@dataclass(frozen=True, slots=True)
class Persons:
    """The rights of one person over that person's data."""

    vault: Vault
    audit: Audit
    blobs: Blobs
    people: People
    map: FieldMap
    stores: Stores
    recipients: Recipients
    exporting: Exporting
    importing: Importing
    sheets: Sheets
    limits: Limits
    rectifying: Rectifying
    scanner: Scanner
    duties: Duties
    nights: Nights

    async def fields(self) -> list[Field]:
        """What is held of people in this deployment: every column of every table about them."""
        return await self.map.all()

    async def same(self, scope: Scope, subject_id: UUID) -> tuple[UUID, ...]:
        """All subjects that are one person, the given one first. Raises `NotFound`."""
        return tuple(subject.id for subject in await self.people.living(scope, subject_id))

    async def export(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> AsyncIterator[bytes]:
        """A zip with all that is held (Art. 15(3), 20), in pieces, as it is read. Raises `NotFound` at the first piece,
        and later where the person is erased meanwhile."""
        subjects = await self.people.living(scope, subject_id)
        await self._note(scope, [subject.id for subject in subjects], "rights.export", actor)
        async for piece in self.exporting.export(scope, subjects, actor=actor):
            if piece:
                yield piece

    async def keep_export(self, scope: Scope, subject_id: UUID, *, actor: Actor) -> UUID:
        """An export as a file under the person's own key, so that it goes with the person. It is deleted after a day
        unless a row keeps it (`Blobs.keep`). Raises `NotFound`."""
        return await self.blobs.put(
            scope,
            self.export(scope, subject_id, actor=actor),
            name="export.zip",
            media_type=MEDIA_TYPE,
            most=LARGEST,
            subject_id=subject_id,
        )

    async def import_(self, scope: Scope, file: BinaryIO, *, actor: Actor, consents: bool = False) -> Imported:
        """Reads an export into a domain where the person is not known; an export of that gives the same files. A yes of
        the person counts here only with `consents`: it was given to the business that the export comes from.

        Raises `Rejected`: `bad_export`, `exists`."""
        done = await self.importing.import_(scope, file, consents=consents)
        await self._note(scope, done.subjects, "rights.import", actor, rows=sum(done.rows.values()))
        return done

    async def sheet(self, scope: Scope, subject_id: UUID, *, actor: Actor, language: str = "en") -> dict[str, Any]:
        """What Art. 15(1)(a) to (h) says that a person is to be told. Raises `NotFound`."""
        subjects = await self.people.living(scope, subject_id)
        await self._note(scope, [subject.id for subject in subjects], "rights.sheet", actor)
        return await self.sheets.of(scope, subjects, language)

    async def rectify(
        self, scope: Scope, subject_id: UUID, what: str, value: str, *, row_id: UUID | None = None, actor: Actor
    ) -> Rectified:
        """Corrects a fact (`contact.email`) in every row of the person, or a field (`message.text`) in one row, which
        `row_id` names; stores outside are asked to do so as well where it is a fact (Art. 16).

        Raises `NotFound`, and `Rejected` as `Rectifying.rectify`."""
        ids = await self.same(scope, subject_id)
        category, written = await self.rectifying.rectify(scope, ids, what, value, row_id)
        await self._note(scope, ids, "rights.rectify", actor, category=category, values=sum(written.values()))
        outside: Outside = ()
        if row_id is None:
            person = await self.people.person(scope, ids, actor=actor)
            outside = await self._ask(scope, "rectify", person, category, value.strip())
        return Rectified(written, outside, await self.recipients.of(scope, ids, category=category))

    async def restrict(self, scope: Scope, subject_id: UUID, *, lifted: bool = False, actor: Actor) -> Restricted:
        """Stops all use but keeping, legal claims and rights (Art. 18), or with `lifted` allows it again. The person is
        to be told before it is lifted (Art. 18(3)). Raises `NotFound`."""
        ids = await self.same(scope, subject_id)
        changed = await self.limits.restrict(scope, subject_id, lifted=lifted)
        await self._note(scope, ids, "rights.unrestrict" if lifted else "rights.restrict", actor)
        person = await self.people.person(scope, ids, actor=actor)
        outside = await self._ask(scope, "restrict", person, not lifted)
        return Restricted(changed, outside, await self.recipients.of(scope, ids))

    async def object_to(
        self, scope: Scope, subject_id: UUID, purpose: str, *, lifted: bool = False, actor: Actor
    ) -> tuple[UUID, ...]:
        """Stops a purpose that rests on a legitimate interest (Art. 21), or with `lifted` allows it again. The subjects
        that changed. Raises `NotFound`, and `Rejected` for any other purpose."""
        ids = await self.same(scope, subject_id)
        changed = await self.limits.object_to(scope, subject_id, purpose, lifted=lifted)
        await self._note(scope, ids, "rights.unobject" if lifted else "rights.object", actor, purpose=purpose)
        return changed

    async def override(self, scope: Scope, subject_id: UUID, purpose: str, *, actor: Actor) -> tuple[UUID, ...]:
        """Lets a purpose go on whose objection was refused on compelling grounds, and the person told (Art. 21(1)). The
        subjects that changed. Raises `NotFound`, and `Rejected` for a purpose that no grounds can keep."""
        ids = await self.same(scope, subject_id)
        changed = await self.limits.override(scope, subject_id, purpose)
        await self._note(scope, ids, "rights.object_refused", actor, purpose=purpose)
        return changed

    async def limit(self, scope: Scope, subject_id: UUID, *, lifted: bool = False, actor: Actor) -> tuple[UUID, ...]:
        """Sensitive data is used only for what the law lists (Cal. Civ. Code 1798.121). Raises `NotFound`."""
        ids = await self.same(scope, subject_id)
        changed = await self.limits.limit(scope, subject_id, lifted=lifted)
        await self._note(scope, ids, "rights.limit_lifted" if lifted else "rights.limit", actor)
        return changed

    async def opt_out(
        self, scope: Scope, subject_id: UUID, purpose: str, *, lifted: bool = False, actor: Actor
    ) -> tuple[UUID, ...]:
        """Shuts a purpose that is automated, optional or objectable, whatever was consented to; with `lifted` opens it.
        The subjects that changed. Raises `NotFound`, and `Rejected` for any other purpose."""
        ids = await self.same(scope, subject_id)
        changed = await self.limits.opt_out(scope, subject_id, purpose, lifted=lifted)
        await self._note(scope, ids, "rights.opt_in" if lifted else "rights.opt_out", actor, purpose=purpose)
        return changed

    async def erase(self, scope: Scope, subject_id: UUID, *, actor: Actor, wait: bool = True) -> DutyView:
        """Begins the person's erasure, or carries it on (Art. 17). With `wait` as far as it goes now; else a job does
        it. Safe to repeat. Raises `NotFound`, and `Refused` (`hold`) while a legal hold stands."""
        duty_id = await self.duties.begin(scope, subject_id, actor=actor, wait=wait)
        duty, _ = await self.duties.read(scope, duty_id)
        await self._note(scope, [UUID(one) for one in duty.subjects], "rights.erase", actor)
        if wait:
            await self.duties.advance(scope, duty_id)
        return await self.duty(scope, duty_id, actor=actor)

    async def duty(self, scope: Scope, duty_id: UUID, *, actor: Actor | None = None) -> DutyView:
        """How an erasure stands; what members wrote is opened for `actor` only. Raises `NotFound`."""
        duty, tasks = await self.duties.read(scope, duty_id)
        by_hand = [task for task in tasks if task.words is not None]
        written: dict[UUID, str] = {}
        if by_hand and actor is not None:
            clear = await self.people.open(scope, by_hand, actor=actor)
            written = {task.id: clear(task.words, otherwise="") or "" for task in by_hand}
        to_tell = await self.recipients.of(scope, [UUID(one) for one in duty.subjects])
        copies = self.nights.unreadable_from(duty.closed_at) if duty.closed_at else None
        return DutyView(duty, tasks, to_tell, copies, written)

    async def settle(self, scope: Scope, duty_id: UUID, task_id: UUID, answer: Fulfilment, *, actor: Actor) -> DutyView:
        """A person closes a task on evidence, where a store cannot answer. Raises `NotFound`, `Rejected`."""
        await self.duties.settle(scope, duty_id, task_id, answer, actor=actor)
        await self.audit.write(Entry(scope.account_id, str(actor), "rights.settle", "erasure"))
        await self.duties.advance(scope, duty_id)
        return await self.duty(scope, duty_id, actor=actor)

    async def scan(
        self, scope: Scope, subject_id: UUID, *, identifiers: Mapping[str, Sequence[str]] | None = None, actor: Actor
    ) -> Scan:
        """Looks for anything that is left of a person, here and at the stores outside, and changes nothing. A store
        that refused the erasure for a reason of law is not asked. `identifiers` are for a person whose erasure is over:
        then nobody here knows any. Raises `NotFound`."""
        known = await self.duties.of(scope, [subject_id])
        if known is None:
            ids = [subject.id for subject in await self.people.anyone(scope, subject_id)]
            person = await self.people.person(scope, ids, actor=actor)
            refused: set[str] = set()
        else:
            person = await self.duties.person(scope, known[0])
            refused = {task.store for task in known[1] if task.state == "refused"}
        if identifiers:
            merged = {kind: tuple({*person.identifiers.get(kind, ()), *given}) for kind, given in identifiers.items()}
            person = Person(scope, person.subjects, {**person.identifiers, **merged})
        outside = [one for one in await self.stores.of(scope) if one.key not in refused]
        await self._note(scope, person.subjects, "rights.scan", actor)
        return await self.scanner.scan(person, outside)

    async def _ask(self, scope: Scope, act: Any, person: Person, *arguments: Any) -> Outside:
        answers = await self.stores.ask_all(await self.stores.of(scope), act, person, *arguments)
        return [(one.key, answer) for one, answer in answers]

    async def _note(self, scope: Scope, ids: Sequence[UUID], action: str, actor: Actor, **detail: Any) -> None:
        refs = await self.vault.pseudonyms(scope, ids)
        purpose = PURPOSE if action in ("rights.export", "rights.sheet") else ""
        entry = Entry(scope.account_id, str(actor), action, "subject", refs, purpose, detail)
        await self.audit.write(entry)


def _answers(outside: Outside) -> list[dict[str, Any]]:
    return [
        {"store": key, "state": answer.state, "code": answer.code, "evidence": answer.evidence}
        for key, answer in outside
    ]
