"""The team of an account: roles, invitations, and who leaves. Nobody gives or takes more than they have themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.members import end_tickets, role_of
from omniops.accounts.models import Factor, Member, MemberSession, SetupLink
from omniops.accounts.permissions import ROLES, Principal, Role
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.errors import NotFound, Refused, Rejected
from omniops.vault.models import Subject
from omniops.vault.service import Vault

INVITED = timedelta(days=7)
MOST_INVITATIONS = 50
"""Open ones of one account."""
OnLeave = Callable[[UUID, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation that can still be used. Whom it was sent to is not kept."""

    id: UUID
    role: Role
    given_by: str
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new one, with the token that is told once."""

    view: InvitationView
    token: str


class Team:
    """Changes who belongs to an account, and as what. Effective at each member's next request, in every process."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock
        self._leaving: list[OnLeave] = []

    def on_leave(self, tell: OnLeave) -> None:
        """Calls `tell(account_id, member_id)` before a member is removed. Safe to be called again for the same one."""
        self._leaving.append(tell)

    async def invite(self, by: Principal, role: Role) -> Invitation:
        """A one-time link for somebody new, good for seven days. Raises `Refused` for a role above one's own."""
        _check_within(by, role)
        token, scope, now = new_token("oo_setup_"), by.scope, self._clock.now()
        link = SetupLink(
            account_id=by.account_id,
            hash=token_hash(token),
            expires_at=now + INVITED,
            role=role,
            given_by=str(by.actor),
            created_at=now,
        )
        async with self._database.session(scope) as session:
            if len((await session.exec(self._open())).all()) >= MOST_INVITATIONS:
                raise Rejected("Too many invitations are open.", code="too_many", do="Withdraw some first.")
            session.add(link)
            remember(session, "setup", link.hash, scope)
            await session.commit()
        await self._wrote(by, "member.invite", role=role)
        return Invitation(_view(link), token)

    async def invitations(self, account_id: UUID) -> Sequence[InvitationView]:
        """Those that can still be used, the oldest first."""
        async with self._database.session(Scope(account_id)) as session:
            return [_view(link) for link in (await session.exec(self._open())).all()]

    async def withdraw(self, by: Principal, invitation_id: UUID) -> None:
        """The link works no more. Raises `NotFound`."""
        async with self._database.session(by.scope) as session:
            link = (await session.exec(self._open().where(SetupLink.id == invitation_id))).first()
            if link is None:
                raise NotFound("There is no such invitation.")
            await forget(session, "setup", link.hash)
            await session.delete(link)
            await session.commit()
        await self._wrote(by, "member.withdraw_invitation")

    async def change_role(self, by: Principal, member_id: UUID, role: Role) -> None:
        """Gives a member another role. Raises `NotFound`, `Refused` for a role or a member above one's own, `Rejected`
        where nobody would be left to own the account."""
        _check_within(by, role)
        async with self._database.session(by.scope) as session:
            member = await self._locked(session, by, member_id, stays_owner=role == "owner")
            before, member.role = member.role, role
            session.add(member)
            await session.commit()
        if before != role:
            await self._wrote(by, "member.change_role", member=str(member_id), before=before, role=role)

    async def remove(self, by: Principal, member_id: UUID) -> None:
        """A member leaves: every session ends, and what is kept of the person is destroyed with their key. What they
        did stays in the audit, under a random id. Raises as `change_role` does, and `Refused` under a legal hold."""
        async with self._database.session(by.scope) as session:
            member = await self._locked(session, by, member_id, stays_owner=False)
            person = await session.get(Subject, (by.account_id, member.subject_id))
            if person is not None and person.hold:
                raise _held()
        for tell in self._leaving:
            await tell(by.account_id, member_id)
        async with self._database.session(by.scope) as session:
            member = await self._locked(session, by, member_id, stays_owner=False)
            actor = Actor.system("accounts.remove")
            opened = await self._vault.open([member], purpose="account.manage", actor=actor, session=session)
            if email := opened(member.email, otherwise=None):
                await forget(session, "member_address", await self._vault.address_hash("email", email, session=session))
            if await self._vault.shred_in(session, [member.subject_id], actor=by.actor):
                raise _held()
            for row in (await session.exec(select(MemberSession).where(MemberSession.member_id == member_id))).all():
                await forget(session, "session", row.hash)
            await end_tickets(session, by.account_id, member_id)
            subject = member.subject_id
            await session.delete(member)
            await session.commit()
        await self._vault.shredded(by.scope, [subject])
        await self._wrote(by, "member.remove", member=str(member_id))

    async def drop_factor(self, by: Principal, member_id: UUID) -> None:
        """Switches off the second factor of a member who lost it. Raises `NotFound`, and `Refused` for one's own, which
        asks for the password, and for a member above one's own role."""
        if by.kind == "member" and member_id == by.id:
            raise Refused("Your own second factor is switched off in your account.", reason="own_factor")
        async with self._database.session(by.scope) as session:
            await self._locked(session, by, member_id, stays_owner=True)
            factor = (await session.exec(select(Factor).where(Factor.member_id == member_id))).first()
            if factor is None or factor.confirmed_at is None:
                raise NotFound("This member has no second factor.")
            await end_tickets(session, by.account_id, member_id)
            await session.delete(factor)
            await session.commit()
        await self._wrote(by, "member.drop_factor", member=str(member_id))

    def _open(self) -> Any:
        return (
            select(SetupLink)
            .where(col(SetupLink.given_by).is_not(None), col(SetupLink.for_member).is_(None))
            .where(col(SetupLink.used_at).is_(None), SetupLink.expires_at > self._clock.now())
            .order_by(col(SetupLink.id))
        )

    async def _locked(self, session: AsyncSession, by: Principal, member_id: UUID, *, stays_owner: bool) -> Member:
        """The member, locked with every owner of the account in one order: of two owners who step down at once, the
        second waits, and then finds to be the last. Raises what stands against changing the member."""
        statement = (
            select(Member)
            .where(Member.account_id == by.account_id, or_(col(Member.id) == member_id, col(Member.role) == "owner"))
            .order_by(col(Member.id))
            .with_for_update()
        )
        found = {member.id: member for member in (await session.exec(statement)).all()}
        member = found.get(member_id)
        if member is None:
            raise NotFound("There is no such member.")
        _check_within(by, role_of(member.role))
        owners = {one.id for one in found.values() if one.role == "owner"}
        if owners == {member_id} and not stays_owner:
            raise Rejected("Somebody must own the account.", code="last_owner", do="Make somebody else owner first.")
        return member

    async def _wrote(self, by: Principal, action: str, **detail: str) -> None:
        await self._audit.write(Entry(by.account_id, str(by.actor), action, "member", detail=detail))


def _check_within(by: Principal, role: Role) -> None:
    if not ROLES[role] <= by.permissions:
        raise Refused(f"The role {role.replace('_', ' ')} may more than you do.", reason="above_own_role")


def _held() -> Refused:
    return Refused("A legal hold stands against it. Nobody was removed.", reason="hold", do="Lift the hold first.")


def _view(link: SetupLink) -> InvitationView:
    return InvitationView(link.id, role_of(link.role), link.given_by or "", link.expires_at, link.created_at)
