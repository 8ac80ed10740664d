"""Telling the persons of a case (Art. 34 GDPR) by mail, with a log; and those who answer for it that time runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import load_only
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Domain, Member
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.marks import marks_of
from omniops.database.service import Database
from omniops.errors import OmniOpsError
from omniops.mail.service import Post
from omniops.privacy.breach.affected import Affected
from omniops.privacy.breach.models import PURPOSE, BreachPerson
from omniops.privacy.holding import holding
from omniops.vault.service import Vault

ACTOR = Actor.system("breach.tell")
AT_ONCE = 200
_ADDRESS = "contact.email"


class Telling:
    """The log of who is to be told and who was, and the mails."""

    def __init__(self, database: Database, vault: Vault, post: Post, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._post = post
        self._clock = clock

    async def keep(self, account_id: UUID, breach_id: UUID, affected: Affected) -> None:
        """Makes the log hold exactly the affected set. Who was told already stays in it."""
        for home, people in affected.persons.items():
            async with self._database.session(_scope(account_id, home)) as session:
                known = {row.subject_id: row for row in await self._rows(session, home, breach_id)}
                for subject_id, row in known.items():
                    if subject_id not in people and row.told_at is None:
                        await session.delete(row)
                session.add_all(
                    BreachPerson(
                        account_id=account_id, home_id=home, breach_id=breach_id, subject_id=one, state="found"
                    )
                    for one in sorted(people - set(known))
                )
                await session.commit()

    async def states(self, account_id: UUID, breach_id: UUID) -> dict[str, int]:
        """How many persons are in which state."""
        found: dict[str, int] = {}
        for home in await self._homes(account_id):
            async with self._database.session(_scope(account_id, home)) as session:
                statement = (
                    select(BreachPerson.state, func.count())
                    .where(BreachPerson.home_id == home, BreachPerson.breach_id == breach_id)
                    .group_by(BreachPerson.state)
                )
                for state, count in (await session.exec(statement)).all():
                    found[state] = found.get(state, 0) + count
        return found

    async def persons(self, account_id: UUID, breach_id: UUID, *, after: UUID | None, limit: int) -> list[BreachPerson]:
        """The log, person by person."""
        found: list[BreachPerson] = []
        for home in await self._homes(account_id):
            async with self._database.session(_scope(account_id, home)) as session:
                found += [row for row in await self._rows(session, home, breach_id) if after is None or row.id > after]
        return sorted(found, key=lambda row: row.id)[:limit]

    async def tell(self, account_id: UUID, breach_id: UUID, subject: str, words: str, *, drill: bool) -> None:
        """Hands a mail to each person who was not told yet. Safe to repeat: a mail's key is the person's. In a drill
        nobody is mailed, and the log says so."""
        for home in await self._homes(account_id):
            scope = _scope(account_id, home)
            async with self._database.session(scope) as session:
                waiting = [
                    r.id for r in await self._rows(session, home, breach_id) if r.state in ("found", "no_address")
                ]
            for begin in range(0, len(waiting), AT_ONCE):
                await self._tell_some(scope, home, waiting[begin : begin + AT_ONCE], subject, words, drill=drill)

    async def _tell_some(
        self, scope: Scope, home: UUID, ids: Sequence[UUID], subject: str, words: str, *, drill: bool
    ) -> None:
        sending = scope if scope.domain_id else await self._first_domain(scope.account_id)
        async with self._database.session(scope) as session:
            statement = select(BreachPerson).where(BreachPerson.home_id == home, col(BreachPerson.id).in_(ids))
            rows = (await session.exec(statement)).all()
            addresses = {} if drill else await self._addresses(scope, {row.subject_id for row in rows})
            for row in rows:
                address = addresses.get(row.subject_id)
                if drill:
                    row.state = "drill"
                elif address is None or sending is None:
                    row.state = "no_address"
                else:
                    row.mail_id = await self._post.send(
                        sending,
                        to=address,
                        kind="breach",
                        subject=subject,
                        text=words,
                        key=f"breach:{row.breach_id}:{row.subject_id}",
                        subject_id=row.subject_id if scope.domain_id else None,
                    )
                    row.state, row.told_at = "told", self._clock.now()
                session.add(row)
            await session.commit()

    async def warn(self, account_id: UUID, breach_id: UUID, subject: str, words: str, key: str) -> int:
        """Mails the owners and admins of the account. Returns how many; 0 where nothing can send."""
        scope = await self._first_domain(account_id)
        if scope is None:
            return 0
        async with self._database.session(Scope(account_id)) as session:
            statement = select(Member.subject_id).where(col(Member.role).in_(("owner", "admin")))
            people = set((await session.exec(statement)).all())
        addresses = await self._addresses(Scope(account_id), people)
        sent = 0
        for subject_id, address in addresses.items():
            try:
                named = f"breach:{breach_id}:{key}:{subject_id}"
                await self._post.send(scope, to=address, kind="breach", subject=subject, text=words, key=named)
                sent += 1
            except OmniOpsError:
                continue
        return sent

    async def _addresses(self, scope: Scope, people: Collection[UUID]) -> Mapping[UUID, str]:
        """An e-mail address of each, from whatever table has one. Only the addresses are opened."""
        found: dict[UUID, str] = {}
        home = scope.domain_id or scope.account_id
        async with self._database.session(scope) as session:  # a plugin's tables may be declared and not be there
            there = await holding(await session.connection(), "domain_id" if scope.domain_id else "account_id")
        for model, column in _with_address(scope):
            if model.__tablename__ not in there:
                continue
            missing = [one for one in people if one not in found]
            if not missing:
                break
            place = model.domain_id if scope.domain_id else model.account_id  # type: ignore[attr-defined]
            statement = (
                select(model)
                .options(load_only(getattr(model, column), model.subject_id, raiseload=True))  # type: ignore[attr-defined]
                .where(place == home, model.subject_id.in_(missing), getattr(model, column).is_not(None))  # type: ignore[attr-defined]
            )
            async with self._database.session(scope) as session:
                rows = (await session.exec(statement)).all()
                opened = await self._vault.open(rows, purpose=PURPOSE, actor=ACTOR, session=session)
            for row in rows:
                address = opened(getattr(row, column), otherwise=None)
                if isinstance(address, str):
                    found.setdefault(row.subject_id, address)  # type: ignore[attr-defined]
        return found

    async def _rows(self, session: AsyncSession, home: UUID, breach_id: UUID) -> Sequence[BreachPerson]:
        statement = select(BreachPerson).where(BreachPerson.home_id == home, BreachPerson.breach_id == breach_id)
        return (await session.exec(statement.order_by(col(BreachPerson.id)))).all()

    async def _homes(self, account_id: UUID) -> list[UUID]:
        async with self._database.session(Scope(account_id)) as session:
            domains = (await session.exec(select(Domain.id).order_by(col(Domain.id)))).all()
        return [account_id, *domains]

    async def _first_domain(self, account_id: UUID) -> Scope | None:
        """Where mail that belongs to no website is sent from."""
        homes = await self._homes(account_id)
        return Scope(account_id, homes[1]) if len(homes) > 1 else None


def _scope(account_id: UUID, home: UUID) -> Scope:
    return Scope(account_id, None if home == account_id else home)


def _with_address(scope: Scope) -> list[tuple[type[SQLModel], str]]:
    """Models of a domain (or of the account) that hold an address of a person, plugins' too, by their marks."""
    key = "domain_id" if scope.domain_id else "account_id"
    found = []
    for mapper in SQLModel._sa_registry.mappers:
        table = mapper.local_table
        if key not in table.primary_key.columns or "subject_id" not in table.c:  # type: ignore[attr-defined]
            continue
        for name, mark in marks_of(table).items():  # type: ignore[arg-type]
            if mark.kind == "personal" and mark.category == _ADDRESS:
                found.append((mapper.class_, name))
    return sorted(found, key=lambda one: (one[0].__name__, one[1]))
