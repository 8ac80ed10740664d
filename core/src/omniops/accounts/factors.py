"""The second factor of members: codes of an authenticator app (RFC 6238), and recovery codes for who lost it.

A code counts once: the time step of the last one is kept, and no code of that step or an earlier one is taken again.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.members import Members
from omniops.accounts.models import Factor, RecoveryCode, SignInTicket
from omniops.accounts.permissions import Principal
from omniops.accounts.throttle import Limit, Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import token_hash
from omniops.database.service import Database
from omniops.database.tables import forget
from omniops.errors import NotFound, Refused, Rejected
from omniops.vault.service import Vault

STEP = 30
DIGITS = 6
TOLERANCE = 1
"""Steps by which a phone's clock may be wrong, in either direction."""
RECOVERY_CODES = 10
ISSUER = "OmniOps"
OVER = "This sign-in is over: it was finished, or more than five minutes have passed."


@dataclass(frozen=True, slots=True)
class FactorView:
    """How a member's own second factor stands."""

    since: datetime | None
    """When it was confirmed; None where there is none."""
    recovery_codes: int
    """How many are left."""


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A key that waits for its first code, and the address by which an app takes it over."""

    key: str
    address: str


class Factors:
    """What members do with their second factor, and the second half of a sign-in."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, members: Members, throttle: Throttle, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._members = members
        self._throttle = throttle
        self._clock = clock

    async def view(self, me: Principal) -> FactorView:
        async with self._database.session(me.scope) as session:
            factor = await _factor(session, me.account_id, me.id)
            if factor is None or factor.confirmed_at is None:
                return FactorView(None, 0)
            statement = select(func.count()).where(col(RecoveryCode.factor_id) == factor.id)
            return FactorView(factor.confirmed_at, (await session.exec(statement)).one())

    async def begin(self, me: Principal, password: str) -> None:
        """Makes a key; one that was never confirmed is replaced. Raises `Refused` for a wrong password, `Rejected`
        where there is a second factor already, `Throttled`."""
        member = await self._members.check_password(me, password)
        async with self._database.session(me.scope) as session:
            before = await _factor(session, me.account_id, me.id, lock=True)
            if before is not None:
                if before.confirmed_at is not None:
                    raise _already()
                await session.delete(before)
                await session.flush()
            session.add(
                Factor(
                    account_id=me.account_id,
                    subject_id=member.subject_id,
                    member_id=member.id,
                    key=seal(pyotp.random_base32()),
                )
            )
            await session.commit()

    async def begun(self, me: Principal) -> NewFactor | None:
        """The key that waits for its first code. Once confirmed it is shown no more."""
        async with self._database.session(me.scope) as session:
            factor = await _factor(session, me.account_id, me.id)
        if factor is None or factor.confirmed_at is not None:
            return None
        key = (await self._vault.open([factor], purpose="account.sign_in", actor=me.actor))(factor.key)
        email = (await self._members.me(me)).email
        return NewFactor(key, pyotp.TOTP(key).provisioning_uri(name=email, issuer_name=ISSUER))

    async def confirm(self, me: Principal, code: str) -> list[str]:
        """From now on a code is asked for at every sign-in. Gives the recovery codes, which are told once. Raises
        `Refused` for a wrong code, `NotFound` where none was begun, `Rejected` where it is confirmed already."""
        await self._hit(me.id)
        async with self._database.session(me.scope) as session:
            factor = await _factor(session, me.account_id, me.id, lock=True)
            if factor is None:
                raise NotFound("No second factor was begun.")
            if factor.confirmed_at is not None:
                raise _already()
            if not await self._took(session, factor, code, me.actor):
                raise _wrong()
            factor.confirmed_at = self._clock.now()
            codes = _recovery_codes(session, factor)
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.add_factor")
        return codes

    async def renew_codes(self, me: Principal, password: str) -> list[str]:
        """Ten new recovery codes; those before count no more. Raises as `off` does."""
        await self._members.check_password(me, password)
        async with self._database.session(me.scope) as session:
            factor = await self._own(session, me)
            await session.exec(delete(RecoveryCode).where(col(RecoveryCode.factor_id) == factor.id))
            codes = _recovery_codes(session, factor)
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.renew_recovery_codes")
        return codes

    async def off(self, me: Principal, password: str) -> None:
        """The password alone signs in again. Raises `Refused` for a wrong one, `NotFound` where there is no second
        factor, `Throttled`."""
        await self._members.check_password(me, password)
        async with self._database.session(me.scope) as session:
            await session.delete(await self._own(session, me))
            await session.commit()
        await self._wrote(me.account_id, me.id, "member.remove_factor")

    async def sign_in(self, ticket: str, code: str, *, network: str) -> str:
        """A session token for the ticket of a right password and a code of the app or a recovery code.

        Raises `Refused`: `sign_in_over` for a ticket that counts no more, `wrong_code` for a code that does not fit or
        was used; the ticket still counts then. `Throttled` after ten tries of a member in 15 minutes or 30 in a day,
        codes and recovery codes each, or 50 of a network in 15 minutes.
        """
        await self._throttle.hit("factor network", network, limit=50, seconds=900)
        digest, app = token_hash(ticket), _digits(code)
        scope = await self._database.resolve("ticket", digest)
        if scope is None:
            raise Refused(OVER, reason="sign_in_over")
        member_id = (await self._waiting(scope, digest)).member_id
        await self._hit(member_id, "factor" if app else "recovery")
        async with self._database.session(scope) as session:
            row = await self._locked(session, digest)
            factor = await _factor(session, scope.account_id, member_id, lock=True)
            if factor is None or factor.confirmed_at is None:
                raise Refused(OVER, reason="sign_in_over", do="Sign in again.")
            actor = Actor.system("accounts.sign_in")
            if not (await self._took(session, factor, code, actor) if app else await _spent(session, factor, code)):
                raise _wrong()
            await forget(session, "ticket", digest)
            await session.delete(row)
            await session.commit()
        if not app:
            await self._wrote(scope.account_id, member_id, "member.use_recovery_code")
        return await self._members.open_session(scope.account_id, member_id)

    async def _waiting(self, scope: Scope, digest: bytes) -> SignInTicket:
        async with self._database.session(scope) as session:
            return await self._locked(session, digest)

    async def _locked(self, session: AsyncSession, digest: bytes) -> SignInTicket:
        """Of two that finish one sign-in at once, the second waits and then finds it over."""
        statement = select(SignInTicket).where(SignInTicket.hash == digest).with_for_update()
        row = (await session.exec(statement)).first()
        if row is None or row.expires_at <= self._clock.now():
            raise Refused(OVER, reason="sign_in_over", do="Sign in again.")
        return row

    async def _own(self, session: AsyncSession, me: Principal) -> Factor:
        factor = await _factor(session, me.account_id, me.id, lock=True)
        if factor is None or factor.confirmed_at is None:
            raise NotFound("You have no second factor.")
        return factor

    async def _took(self, session: AsyncSession, factor: Factor, code: str, actor: Actor) -> bool:
        """Whether a code of the app fits; from then on it is used up, part of the session's transaction."""
        opened = await self._vault.open([factor], purpose="account.sign_in", actor=actor, session=session)
        totp = pyotp.TOTP(opened(factor.key), digits=DIGITS, interval=STEP)
        given, now = _digits(code), int(self._clock.now().timestamp()) // STEP
        for step in range(max(now - TOLERANCE, factor.last_step + 1), now + TOLERANCE + 1):
            if secrets.compare_digest(totp.generate_otp(step), given):
                factor.last_step = step
                session.add(factor)
                return True
        return False

    async def _hit(self, member_id: UUID, what: str = "factor") -> None:
        who = str(member_id)
        await self._throttle.hit_all([Limit(what, who, 10, 900), Limit(f"{what} of a day", who, 30, 86400)])

    async def _wrote(self, account_id: UUID, member_id: UUID, action: str) -> None:
        await self._audit.write(Entry(account_id, str(Actor("member", str(member_id))), action, "member"))


async def _factor(session: AsyncSession, account_id: UUID, member_id: UUID, *, lock: bool = False) -> Factor | None:
    statement = select(Factor).where(Factor.account_id == account_id, Factor.member_id == member_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).first()


def _recovery_codes(session: AsyncSession, factor: Factor) -> list[str]:
    """New ones of 80 random bits: too many to guess, so that a fast hash is enough."""
    codes = [b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    session.add_all(
        RecoveryCode(account_id=factor.account_id, factor_id=factor.id, hash=token_hash(code)) for code in codes
    )
    return [grouped(code).replace(" ", "-") for code in codes]


async def _spent(session: AsyncSession, factor: Factor, code: str) -> bool:
    """Whether a recovery code fits; it is gone then, part of the session's transaction."""
    plain = "".join(code.split()).replace("-", "").upper()
    statement = select(RecoveryCode).where(RecoveryCode.factor_id == factor.id, RecoveryCode.hash == token_hash(plain))
    row = (await session.exec(statement)).first()
    if row is None:
        return False
    await session.delete(row)
    return True


def grouped(text: str) -> str:
    """In groups of four, as people read and type it."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digits(code: str) -> str:
    """A code of an app as it stands there, or nothing for whatever is none."""
    plain = "".join(code.split())
    return plain if len(plain) == DIGITS and plain.isascii() and plain.isdigit() else ""


def _wrong() -> Refused:
    return Refused(
        "This code does not fit, or was used already.",
        reason="wrong_code",
        do="Send the next one, or another recovery code.",
    )


def _already() -> Rejected:
    return Rejected("You have a second factor already.", code="already_on", do="Switch it off first.")
