"""Members: the set-up link, sign-in, sessions."""

from __future__ import annotations

import asyncio
import builtins
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from omniops.accounts.models import Factor, Member, MemberSession, SetupLink, SignInTicket
from omniops.accounts.permissions import ROLES, Principal, Role
from omniops.accounts.throttle import Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.errors import NotFound, Refused, Rejected, SecondFactorNeeded
from omniops.vault.models import Subject
from omniops.vault.service import Vault

SESSION_DAYS = 14
SETUP_HOURS = 72
USED = timedelta(hours=1)
"""How exactly a session's last use is kept: nobody's working hours are watched."""
LEAST_PASSWORD = 12
"""NIST SP 800-63B-4 asks for at least 15 characters where a password stands alone and 8 with a second factor. Members
may have one or not: this floor is for both."""
TICKET = timedelta(minutes=5)
"""How long a code may follow the password."""


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member in clear, as another member with the right may see it."""

    id: UUID
    email: str
    name: str
    role: Role
    second_factor: bool
    """Whether a code is asked for as well when they sign in."""


@dataclass(frozen=True, slots=True)
class SetupView:
    """What a one-time link opens. `invited` says that a member gave it, and not the operator."""

    account_id: UUID
    role: Role
    invited: bool


class Members:
    """The people of an account."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, throttle: Throttle, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._throttle = throttle
        self._clock = clock

    async def setup_link(self, account_id: UUID) -> str:
        """A token that lets one person become the account's owner, once, within three days."""
        token = new_token("oo_setup_")
        scope = Scope(account_id)
        async with self._database.session(scope) as session:
            session.add(
                SetupLink(
                    account_id=account_id,
                    hash=token_hash(token),
                    expires_at=self._clock.now() + timedelta(hours=SETUP_HOURS),
                )
            )
            remember(session, "setup", token_hash(token), scope)
            await session.commit()
        return token

    async def setup_account(self, token: str) -> UUID:
        """The account that a set-up token still opens. Raises `NotFound` when it was used, is too old or is wrong."""
        return (await self.setup_open(token)).account_id

    async def setup_open(self, token: str) -> SetupView:
        """What a set-up token still opens: whose account, as what, and whether it is an invitation."""
        scope = await self._database.resolve("setup", token_hash(token))
        if scope is None:
            raise NotFound("This set-up link is not valid any more.")
        async with self._database.session(scope) as session:
            link = (await session.exec(select(SetupLink).where(SetupLink.hash == token_hash(token)))).first()
        if link is None or link.for_member or link.used_at is not None or link.expires_at <= self._clock.now():
            raise NotFound("This set-up link is not valid any more.")
        return SetupView(scope.account_id, role_of(link.role), link.given_by is not None)

    async def finish_setup(self, token: str, *, email: str, name: str, password: str) -> str:
        """Makes the member and signs them in: a session token. The link is used up in the same transaction.

        Raises `NotFound` for a link that is not valid any more, and `Rejected` for an address or a password that does
        not fit; the link stays valid then.
        """
        account_id = await self.setup_account(token)
        email = _checked_email(email)
        secret = await hashed(password)
        async with self._database.session(Scope(account_id)) as session:
            statement = select(SetupLink).where(SetupLink.hash == token_hash(token)).with_for_update()
            link = (await session.exec(statement)).one()
            if link.used_at is not None:
                raise NotFound("This set-up link is not valid any more.")
            link.used_at, role = self._clock.now(), role_of(link.role)
            session.add(link)
            member = await self._add_member(session, account_id, email, name, secret, role)
            try:
                await session.commit()
            except IntegrityError as error:
                raise Rejected(
                    "Somebody signs in with this address already.",
                    code="address_taken",
                    where="email",
                    do="Use another address.",
                ) from error
        await self._audit.write(Entry(account_id, "system:setup", "member.add", "member", detail={"role": role}))
        return await self.open_session(account_id, member.id)

    async def _add_member(
        self, session: AsyncSession, account_id: UUID, email: str, name: str, hashed: str, role: Role
    ) -> Member:
        subject = Subject(account_id=account_id, home_id=account_id, kind="member")
        member = Member(
            account_id=account_id,
            subject_id=subject.id,
            email=seal(email),
            name=seal(name.strip()),
            password=seal(hashed),
            role=role,
        )
        session.add_all([subject, member])
        address = await self._vault.address_hash("email", email, session=session)
        remember(session, "member_address", address, Scope(account_id))
        return member

    async def sign_in(self, email: str, password: str, *, network: str) -> str:
        """A session token. Wrong address and wrong password are refused in the same words and the same time.

        Raises `Refused`, and `Throttled` after too many tries of one address (10 in 15 minutes) or network (50). Where
        both fit and the member has a second factor: `SecondFactorNeeded`, with the ticket for `Factors.sign_in`.
        """
        await self._throttle.hit("sign-in network", network, limit=50, seconds=900)
        address = await self._vault.address_hash("email", email)  # one hash for all spellings of one address
        await self._throttle.hit("sign-in address", address.hex(), limit=10, seconds=900)
        member = await self.by_address(email)
        stored = nobody = await asyncio.to_thread(_nobody)
        if member is not None:
            opened = await self._vault.open([member], purpose="account.sign_in", actor=Actor.system("accounts.sign_in"))
            stored = opened(member.password, otherwise=nobody)
        # The comparison runs for unknown addresses too, so that time does not tell which addresses exist.
        fits = await asyncio.to_thread(hasher().verify, password, stored)
        if not fits or member is None:
            raise Refused("Address and password do not fit together.", reason="wrong_credentials")
        if await self._has_factor(member):
            raise SecondFactorNeeded(await self._ticket(member))
        return await self.open_session(member.account_id, member.id)

    async def by_address(self, email: str) -> Member | None:
        """Who signs in with an address, in whichever account."""
        scope = await self._vault.account_of("member_address", "email", email)
        if scope is None:
            return None
        subject = await self._vault.find_in(scope, "email", email)
        if subject is None:
            return None
        async with self._database.session(scope) as session:
            return (await session.exec(select(Member).where(Member.subject_id == subject))).first()

    async def check_password(self, me: Principal, password: str) -> Member:
        """For what a session alone may not do. Raises `Refused` for a wrong one, `Throttled` after ten tries in a
        quarter of an hour."""
        await self._throttle.hit("password change", str(me.id), limit=10, seconds=900)
        async with self._database.session(me.scope) as session:
            member = await session.get(Member, (me.account_id, me.id)) if me.kind == "member" else None
        if member is None:
            raise NotFound("A key has no account of its own.")
        opened = await self._vault.open([member], purpose="account.sign_in", actor=me.actor)
        if not await asyncio.to_thread(hasher().verify, password, opened(member.password)):
            raise Refused("The present password is another one.", reason="wrong_credentials")
        return member

    async def _has_factor(self, member: Member) -> bool:
        async with self._database.session(Scope(member.account_id)) as session:
            statement = select(Factor.id).where(Factor.member_id == member.id, col(Factor.confirmed_at).is_not(None))
            return (await session.exec(statement)).first() is not None

    async def _ticket(self, member: Member) -> str:
        token, scope = new_token("oo_ticket_"), Scope(member.account_id)
        async with self._database.session(scope) as session:
            session.add(
                SignInTicket(
                    account_id=member.account_id,
                    member_id=member.id,
                    hash=token_hash(token),
                    expires_at=self._clock.now() + TICKET,
                )
            )
            remember(session, "ticket", token_hash(token), scope)
            await session.commit()
        return token

    async def open_session(self, account_id: UUID, member_id: UUID) -> str:
        """A session token for a member who has shown all that is asked for."""
        token = new_token("oo_session_")
        scope = Scope(account_id)
        async with self._database.session(scope) as session:
            session.add(
                MemberSession(
                    account_id=account_id,
                    member_id=member_id,
                    hash=token_hash(token),
                    expires_at=self._clock.now() + timedelta(days=SESSION_DAYS),
                )
            )
            remember(session, "session", token_hash(token), scope)
            await session.commit()
        await self._audit.write(Entry(account_id, f"member:{member_id}", "member.sign_in", "session"))
        return token

    async def principal(self, token: str) -> Principal | None:
        """Who a session token belongs to, or None."""
        scope = await self._database.resolve("session", token_hash(token))
        if scope is None:
            return None
        now = self._clock.now()
        async with self._database.session(scope) as session:
            statement = (
                select(Member, MemberSession)
                .join(
                    MemberSession,
                    (col(MemberSession.member_id) == Member.id) & (col(MemberSession.account_id) == Member.account_id),
                )
                .where(MemberSession.hash == token_hash(token), MemberSession.expires_at > now)
            )
            found = (await session.exec(statement)).first()
            if found is None:
                return None
            member, row = found
            if row.used_at is None or now - row.used_at >= USED:
                row.used_at = now
                session.add(row)
                await session.commit()
        return Principal("member", member.id, member.account_id, frozenset(ROLES[role_of(member.role)]))

    async def sign_out(self, token: str) -> None:
        scope = await self._database.resolve("session", token_hash(token))
        if scope is None:
            return
        async with self._database.session(scope) as session:
            row = (await session.exec(select(MemberSession).where(MemberSession.hash == token_hash(token)))).first()
            if row is not None:
                await session.delete(row)
            await forget(session, "session", token_hash(token))
            await session.commit()

    async def list(self, account_id: UUID, *, actor: Actor) -> list[MemberView]:
        """All of them, in clear."""
        return await self._views(select(Member).where(Member.account_id == account_id), account_id, actor)

    async def me(self, me: Principal) -> MemberView:
        """A member's own, and nobody else's opened. Raises `NotFound` for a key."""
        mine = select(Member).where(Member.account_id == me.account_id, Member.id == me.id)
        found = await self._views(mine, me.account_id, me.actor) if me.kind == "member" else []
        if not found:
            raise NotFound("A key has no account of its own.")
        return found[0]

    async def _views(self, wanted: SelectOfScalar[Member], account_id: UUID, actor: Actor) -> builtins.list[MemberView]:
        async with self._database.session(Scope(account_id)) as session:
            rows = (await session.exec(wanted)).all()
            statement = select(Factor.member_id).where(col(Factor.confirmed_at).is_not(None))
            guarded = set((await session.exec(statement)).all())
        opened = await self._vault.open(rows, purpose="account.manage", actor=actor)
        return [
            MemberView(
                row.id,
                opened(row.email, otherwise=""),
                opened(row.name, otherwise=""),
                role_of(row.role),
                row.id in guarded,
            )
            for row in rows
        ]


async def end_tickets(session: AsyncSession, account_id: UUID, member_id: UUID) -> None:
    """Sign-ins of a member that wait for a code lead nowhere any more; part of the session's transaction."""
    statement = select(SignInTicket).where(SignInTicket.account_id == account_id, SignInTicket.member_id == member_id)
    for row in (await session.exec(statement)).all():
        await forget(session, "ticket", row.hash)
        await session.delete(row)


@lru_cache(1)
def hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache(1)
def _nobody() -> str:
    """The hash of a password that nobody has, to compare with where there is no member."""
    return hasher().hash(new_token(""))


async def hashed(password: str) -> str:
    if len(password) < LEAST_PASSWORD:
        raise Rejected(
            f"The password has {len(password)} characters; {LEAST_PASSWORD} are needed.",
            code="short_password",
            where="password",
        )
    return await asyncio.to_thread(hasher().hash, password)


def role_of(value: str) -> Role:
    for role in ROLES:
        if role == value:
            return role
    raise Rejected(f"{value!r} is no role.", code="bad_role", where="role")


def _checked_email(value: str) -> str:
    text = value.strip()
    local, at, host = text.rpartition("@")
    if not (at and local and "." in host) or " " in text or len(text) > 254:
        raise Rejected("This is no e-mail address.", code="bad_email", where="email")
    return text
