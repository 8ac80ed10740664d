"""A member's own account: name, password, sessions, and the way back in when the password is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.members import Members, end_tickets, hashed
from omniops.accounts.models import Member, MemberSession, SetupLink
from omniops.accounts.permissions import Principal
from omniops.accounts.throttle import Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.errors import NotFound
from omniops.vault.service import Vault

RESET = timedelta(minutes=30)
FORGOT_TAKES = 0.5
"""Seconds that the answer to a forgotten password takes, whether there is such a member or not."""
LONGEST_NAME = 120
GONE = "This link was used already, or is older than half an hour."
SendsLink = Callable[[Scope, str, str], Awaitable[None]]
"""Queues the mail with a link: whose account, the address, and the token."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A signed-in browser of a member. `used_at` is kept to the hour, and no browser or address at all."""

    id: UUID
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime
    own: bool


class OwnAccount:
    """What members do with their own account, and nobody does for them."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: Audit,
        members: Members,
        throttle: Throttle,
        sends_link: SendsLink,
        clock: Clock,
        log: Log,
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._members = members
        self._throttle = throttle
        self._sends_link = sends_link
        self._clock = clock
        self._log = log

    async def rename(self, me: Principal, name: str) -> None:
        """The name that colleagues, and visitors whom this member answers, see."""
        async with self._database.session(me.scope) as session:
            member = await self._me(session, me)
            member.name = seal(" ".join(name.split())[:LONGEST_NAME])
            session.add(member)
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.rename")

    async def change_password(self, me: Principal, before: str, after: str, *, session_token: str) -> None:
        """Ends every other session. Raises `Refused` for a wrong present password, `Rejected` for a new one that does
        not fit, `Throttled` after ten tries in a quarter of an hour."""
        await self._members.check_password(me, before)
        fresh = await hashed(after)
        async with self._database.session(me.scope) as session:
            await self._set_password(session, await self._me(session, me), fresh, but=token_hash(session_token))
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.change_password")

    async def sessions(self, me: Principal, *, session_token: str) -> list[SessionView]:
        """One's own, the newest first."""
        own = token_hash(session_token)
        async with self._database.session(me.scope) as session:
            statement = select(MemberSession).where(
                MemberSession.account_id == me.account_id,
                MemberSession.member_id == me.id,
                MemberSession.expires_at > self._clock.now(),
            )
            rows = (await session.exec(statement.order_by(col(MemberSession.id).desc()))).all()
        return [SessionView(row.id, row.created_at, row.used_at, row.expires_at, row.hash == own) for row in rows]

    async def end_session(self, me: Principal, session_id: UUID) -> None:
        """Signs one browser out. Raises `NotFound` for a session of somebody else."""
        async with self._database.session(me.scope) as session:
            row = await session.get(MemberSession, (me.account_id, session_id))
            if row is None or row.member_id != me.id:
                raise NotFound("There is no such session.")
            await forget(session, "session", row.hash)
            await session.delete(row)
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.end_session")

    async def end_others(self, me: Principal, *, session_token: str) -> None:
        """Signs every other browser out."""
        async with self._database.session(me.scope) as session:
            await self._end_sessions(session, me.account_id, me.id, but=token_hash(session_token))
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.end_sessions")

    async def forgot(self, email: str, *, network: str) -> None:
        """Sends a link for a new password, where there is such a member. Nobody is told whether there is: an address
        that is unknown gives the same answer in the same time. Raises `Throttled`."""
        await self._throttle.hit("reset network", network, limit=20, seconds=3600)
        address = await self._vault.address_hash("email", email)
        await self._throttle.hit("reset address", address.hex(), limit=3, seconds=3600)
        _, done = await asyncio.gather(asyncio.sleep(FORGOT_TAKES), self._send_reset(email), return_exceptions=True)
        if isinstance(done, BaseException):
            self._log.error("accounts.reset_not_sent", error=type(done).__name__)

    async def _send_reset(self, email: str) -> None:
        member = await self._members.by_address(email)
        if member is None:
            return
        token, scope, now = new_token("oo_reset_"), Scope(member.account_id), self._clock.now()
        async with self._database.session(scope) as session:
            link = SetupLink(
                account_id=member.account_id,
                hash=token_hash(token),
                expires_at=now + RESET,
                role=member.role,
                for_member=member.id,
                created_at=now,
            )
            session.add(link)
            remember(session, "setup", link.hash, scope)
            await session.commit()
        await self._sends_link(scope, email, token)

    async def reset_open(self, token: str) -> None:
        """Raises `NotFound` for a link that does not count (any more)."""
        await self._link(token)

    async def reset(self, token: str, password: str) -> None:
        """Sets a new password, ends every session; a second factor stays. The link counts once. Raises `NotFound`, and
        `Rejected` for a password that does not fit: then the link still counts."""
        scope = await self._link(token)
        fresh = await hashed(password)
        async with self._database.session(scope) as session:
            statement = select(SetupLink).where(SetupLink.hash == token_hash(token)).with_for_update()
            link = (await session.exec(statement)).first()
            if link is None or link.used_at is not None or link.for_member is None:
                raise NotFound(GONE)
            member = await session.get(Member, (scope.account_id, link.for_member))
            if member is None:
                raise NotFound(GONE)
            link.used_at = self._clock.now()
            session.add(link)
            await self._set_password(session, member, fresh, but=b"")
            await session.commit()
        await self._wrote(scope.account_id, member.id, "member.reset_password")

    async def _link(self, token: str) -> Scope:
        scope = await self._database.resolve("setup", token_hash(token))
        if scope is not None:
            async with self._database.session(scope) as session:
                link = (await session.exec(select(SetupLink).where(SetupLink.hash == token_hash(token)))).first()
            if link is not None and link.for_member and link.used_at is None and link.expires_at > self._clock.now():
                return scope
        raise NotFound(GONE)

    async def _me(self, session: AsyncSession, me: Principal) -> Member:
        member = await session.get(Member, (me.account_id, me.id)) if me.kind == "member" else None
        if member is None:
            raise NotFound("A key has no account of its own.")
        return member

    async def _set_password(self, session: AsyncSession, member: Member, fresh: str, *, but: bytes) -> None:
        member.password = seal(fresh)
        session.add(member)
        await end_tickets(session, member.account_id, member.id)
        await self._end_sessions(session, member.account_id, member.id, but=but)

    async def _end_sessions(self, session: AsyncSession, account_id: UUID, member_id: UUID, *, but: bytes) -> None:
        """All of a member's, but for the one with this hash."""
        statement = select(MemberSession).where(
            MemberSession.account_id == account_id, MemberSession.member_id == member_id, MemberSession.hash != but
        )
        for row in (await session.exec(statement)).all():
            await forget(session, "session", row.hash)
            await session.delete(row)

    async def _wrote(self, account_id: UUID, member_id: UUID, action: str) -> None:
        await self._audit.write(Entry(account_id, str(Actor("member", str(member_id))), action, "member"))
