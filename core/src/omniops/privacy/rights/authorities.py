"""Lawful requests of authorities: recorded with their law and scope, approved by two people, answered with the least.

What may be given is named when the request is recorded, as people and categories, and nothing else leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope, only_a_person
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import NotFound, Refused, Rejected
from omniops.jobs.service import scope_argument
from omniops.privacy.persons.encoding import plain
from omniops.privacy.persons.service import Persons
from omniops.privacy.rights.models import AuthorityRequest
from omniops.vault.service import Vault

APPROVERS = 2
PURPOSE = "rights.answer"


@dataclass(frozen=True, slots=True)
class Demand:
    """What an authority asks for, by its own words and numbers."""

    authority: str
    statute: str
    file_number: str
    reason: str
    subjects: Sequence[UUID]
    categories: Sequence[str]


@dataclass(frozen=True, slots=True)
class DemandShown:
    """A request as members see it: its row, and what of it is sealed."""

    row: AuthorityRequest
    authority: str
    file_number: str
    reason: str

    @property
    def id(self) -> UUID:
        return self.row.id

    @property
    def state(self) -> str:
        return self.row.state

    def to_json(self) -> dict[str, Any]:
        row = self.row
        return {
            "id": str(row.id),
            "authority": self.authority,
            "statute": row.statute,
            "file_number": self.file_number,
            "reason": self.reason,
            "subjects": list(row.subjects),
            "categories": list(row.categories),
            "state": row.state,
            "approvals": list(row.approvals),
            "rows": dict(row.rows),
            "recorded_by": row.recorded_by,
            "created_at": row.created_at.isoformat(),
            "given_at": row.given_at.isoformat() if row.given_at else None,
        }


class Authorities:
    """Records, approves, gives."""

    def __init__(self, database: Database, vault: Vault, persons: Persons, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._persons = persons
        self._audit = audit
        self._clock = clock

    async def record(self, scope: Scope, demand: Demand, *, actor: Actor) -> DemandShown:
        """Raises `Rejected` where authority, law, number, reason, people or categories are missing or unknown, and
        `NotFound` for people of another scope."""
        for name in ("authority", "statute", "file_number", "reason"):
            if not getattr(demand, name).strip():
                raise Rejected(f"{name} is missing.", code="empty", where=name)
        known = {field.category for field in await self._persons.fields() if field.kind == "personal"}
        if not demand.subjects or not demand.categories:
            raise Rejected("Name whom it is about, and which categories.", code="empty", where="categories")
        if strange := sorted(set(demand.categories) - known):
            raise Rejected(f"No data is of the category {strange[0]!r}.", code="no_such_category", where="categories")
        for one in demand.subjects:
            await self._persons.same(scope, one)
        row = AuthorityRequest(
            domain_id=scope_argument(scope),
            account_id=scope.account_id,
            authority=seal(demand.authority.strip()),
            statute=demand.statute.strip(),
            file_number=seal(demand.file_number.strip()),
            reason=seal(demand.reason.strip()),
            subjects=[str(one) for one in demand.subjects],
            categories=sorted(set(demand.categories)),
            recorded_by=str(actor),
            created_at=self._clock.now(),
        )
        async with self._database.session(scope) as session:
            session.add(row)
            await session.commit()
        await self._note(scope, row, "authority.record", actor)
        return (await self._shown([row], actor))[0]

    async def approve(self, scope: Scope, request_id: UUID, *, actor: Actor) -> DemandShown:
        """One of the two approvals. Raises `Refused` for no member, or a second time; `Rejected`, `NotFound`."""
        async with self._database.session(scope) as session:
            row = await self._get(session, scope, request_id)
            only_a_person(actor, "This is approved")
            if row.state not in ("open", "approved"):
                raise Rejected(f"This request is {row.state}.", code="not_open")
            if str(actor) in [one["by"] for one in row.approvals]:
                raise Refused("The second approval must be another person's.", reason="same_person")
            row.approvals = [*row.approvals, {"by": str(actor), "at": self._clock.now().isoformat()}]
            row.state = "approved" if len(row.approvals) >= APPROVERS else "open"
            session.add(row)
            await session.commit()
        await self._note(scope, row, "authority.approve", actor)
        return (await self._shown([row], actor))[0]

    async def refuse(self, scope: Scope, request_id: UUID, *, actor: Actor) -> DemandShown:
        """Gives nothing, now or later. Raises `Rejected`, `NotFound`."""
        async with self._database.session(scope) as session:
            row = await self._get(session, scope, request_id)
            if row.state not in ("open", "approved"):
                raise Rejected(f"This request is {row.state}.", code="not_open")
            row.state = "refused"
            session.add(row)
            await session.commit()
        await self._note(scope, row, "authority.refuse", actor)
        return (await self._shown([row], actor))[0]

    async def give(self, scope: Scope, request_id: UUID, *, actor: Actor) -> dict[str, Any]:
        """The data: of the named people, the named categories, with the rows' ids and nothing else. May be read again
        by who answers the authority; each time is in the audit. Raises `Refused` (`not_approved`), `NotFound`."""
        async with self._database.session(scope) as session:
            row = _approved(await self._get(session, scope, request_id))
        ids = [UUID(one) for one in row.subjects]
        given: list[dict[str, Any]] = []
        counts: Counter[str] = Counter()
        for held in await self._persons.map.of(scope):
            columns = [field.column for field in held.personal if field.category in row.categories]
            if not columns:
                continue
            async for rows in self._persons.people.rows(scope, held, ids, only=columns):
                clear = await self._persons.people.open(scope, rows, actor=actor)
                for one in rows:
                    values = {name: plain(clear(getattr(one, name), otherwise=None)) for name in columns}
                    if all(value is None for value in values.values()):  # nothing that was asked for
                        continue
                    given.append({"table": held.name, "id": str(one.id), "subject": str(one.subject_id), **values})
                    counts[held.name] += 1
        async with self._database.session(scope) as session:
            row = _approved(await self._get(session, scope, request_id))  # who refused meanwhile is heard
            row.state, row.rows, row.given_at = "given", dict(counts), row.given_at or self._clock.now()
            session.add(row)
            await session.commit()
        await self._note(scope, row, "authority.give", actor)
        return {"request": (await self._shown([row], actor))[0].to_json(), "data": given}

    async def all(self, scope: Scope, *, after: UUID | None = None, limit: int = 50, actor: Actor) -> list[DemandShown]:
        """In the order in which they were recorded. Opening them is on record."""
        statement = select(AuthorityRequest).where(AuthorityRequest.domain_id == scope.domain_id)
        if after is not None:
            statement = statement.where(AuthorityRequest.id > after)
        async with self._database.session(scope) as session:
            rows = (await session.exec(statement.order_by(col(AuthorityRequest.id)).limit(limit))).all()
        return await self._shown(rows, actor)

    async def _shown(self, rows: Sequence[AuthorityRequest], actor: Actor) -> list[DemandShown]:
        clear = await self._vault.open(rows, purpose=PURPOSE, actor=actor)
        sealed = [(row, row.authority, row.file_number, row.reason) for row in rows]
        return [DemandShown(row, *(clear(one) or "" for one in words)) for row, *words in sealed]

    async def _get(self, session: AsyncSession, scope: Scope, request_id: UUID) -> AuthorityRequest:
        statement = select(AuthorityRequest).where(
            AuthorityRequest.domain_id == scope.domain_id, AuthorityRequest.id == request_id
        )
        row = (await session.exec(statement.with_for_update())).first()
        if row is None:
            raise NotFound("There is no such request.")
        return row

    async def _note(self, scope: Scope, row: AuthorityRequest, action: str, actor: Actor) -> None:
        refs = await self._persons.vault.pseudonyms(scope, [UUID(one) for one in row.subjects])
        detail = {"request": str(row.id), "statute": row.statute, "rows": dict(row.rows)}
        purpose = PURPOSE if action == "authority.give" else ""
        await self._audit.write(Entry(scope.account_id, str(actor), action, "authority_request", refs, purpose, detail))


def _approved(row: AuthorityRequest) -> AuthorityRequest:
    if row.state == "refused":
        raise Refused("This request was refused: nothing is given.", reason="not_approved")
    if row.state not in ("approved", "given"):
        raise Refused(
            f"This needs the approval of {APPROVERS} people; it has {len(row.approvals)}.",
            reason="not_approved",
            do="Two members, each signed in, approve it.",
        )
    return row
