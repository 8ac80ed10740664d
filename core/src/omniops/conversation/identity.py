"""Who a visitor is, vouched for by the business: a signed token (JWT), or the older hash over an id.

Whatever does not hold is refused in the same words, so that nobody can feel the way to a valid proof; why it did not
is for the business's developers, in the log.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token
from omniops.conversation.messages import one_at_a_time
from omniops.conversation.models import IdentitySecret, VisitorIdentity
from omniops.conversation.visitors import Visitor, identity_of
from omniops.database.service import Database
from omniops.errors import Refused, Rejected
from omniops.privacy.service import SubjectLink, first_known, same_person
from omniops.vault.models import Subject
from omniops.vault.service import Vault

LONGEST_LIFE = timedelta(hours=1)
SKEW = timedelta(seconds=30)
LONGEST_ID = 255
ACTOR = Actor.system("conversation.identify")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class SecretView:
    """An identity secret without the secret."""

    id: UUID
    created_at: datetime
    retires_at: datetime | None


class _Unproven(Exception):
    """Why a proof does not hold."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Identities:
    """Makes the secrets, checks the proofs, joins the person's conversations."""

    def __init__(self, database: Database, vault: Vault, audit: Audit, clock: Clock, log: Log) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock = clock
        self._log = log

    async def new_secret(self, scope: Scope, *, overlap: timedelta, actor: Actor) -> tuple[SecretView, str]:
        """A new secret, which is never shown again. Those before it are good for `overlap` more."""
        assert scope.domain_id is not None
        value, now = new_token("oo_identity_"), self._clock.now()
        row = IdentitySecret(domain_id=scope.domain_id, secret=seal(value), created_at=now)
        async with self._database.session(scope) as session:
            await one_at_a_time(session, f"{scope.domain_id}|identity secret")
            for old in await self._live(session, scope):
                old.retires_at = min(old.retires_at or now + overlap, now + overlap)
                session.add(old)
            session.add(row)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(actor), "identity_secret.create", "domain", detail={"id": str(row.id)})
        )
        return _view(row), value

    async def secrets(self, scope: Scope) -> list[SecretView]:
        """The secrets that are good now, newest first."""
        async with self._database.session(scope) as session:
            return [_view(row) for row in await self._live(session, scope)]

    async def identify(self, visitor: Visitor, domain: DomainView, proof: str | tuple[str, str]) -> Visitor:
        """Checks a proof, a JWT or an (id, hash), and joins the visitor with the person that it names.

        Raises `Refused` for a proof that does not hold, and `Rejected` where the session is another person's already.
        """
        secrets = await self._secrets(visitor.scope)
        try:
            if isinstance(proof, str):
                method = "jwt"
                external_id, email = self._from_jwt(proof, secrets, domain)
            else:
                method, external_id, email = "hash", _from_hash(*proof, secrets), None
        except _Unproven as error:
            self._log.info("identity.refused", domain=str(domain.id), why=error.why)
            raise Refused("This identity was not accepted.", reason="identity_refused") from error
        return await self._join(visitor, external_id, email, method)

    def _from_jwt(self, token: str, secrets: Sequence[str], domain: DomainView) -> tuple[str, str | None]:
        """The id and, where the business vouches for it, the e-mail address."""
        claims = _signed_claims(token, secrets)
        now = self._clock.now().timestamp()
        issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
        if issued > now + SKEW.total_seconds() or ("nbf" in claims and _seconds(claims, "nbf") > now + SKEW.seconds):
            raise _Unproven("not valid yet")
        if expires <= now - SKEW.total_seconds():
            raise _Unproven("expired")
        if not 0 < expires - issued <= LONGEST_LIFE.total_seconds():
            raise _Unproven("exp is more than one hour after iat")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not {str(domain.id), domain.widget_key} & {name for name in named if isinstance(name, str)}:
            raise _Unproven("wrong audience")
        return _checked_id(claims.get("sub")), _vouched_email(claims)

    async def _join(self, visitor: Visitor, external_id: str, email: str | None, method: str) -> Visitor:
        scope, fingerprint = visitor.scope, hashlib.sha256(external_id.encode()).hexdigest()
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            await one_at_a_time(session, f"{scope.domain_id}|identity|{fingerprint}")
            await one_at_a_time(session, f"{scope.domain_id}|identified|{visitor.subject_id}")
            known = await self._vault.find_in(scope, "external_id", fingerprint, session=session)
            root = None if known is None else await first_known(session, scope.domain_id, known)
            if (identity := await identity_of(session, scope, visitor.subject_id)) is not None:
                if root != await first_known(session, scope.domain_id, visitor.subject_id):
                    raise Rejected(
                        "This chat session belongs to another person.",
                        code="identified_as_another",
                        do="End the session and start a new one.",
                    )
                identity.email = seal(email) if email is not None else None
                session.add(identity)
            else:
                session.add(
                    VisitorIdentity(
                        domain_id=scope.domain_id,
                        subject_id=visitor.subject_id,
                        external_id=seal(external_id),
                        fingerprint=seal(fingerprint),
                        email=seal(email) if email is not None else None,
                        method=method,
                    )
                )
                if root is not None:
                    link = SubjectLink(
                        domain_id=scope.domain_id,
                        subject_id=visitor.subject_id,
                        other_id=root,
                        evidence=f"identity by {method}",
                    )
                    session.add(link)
                    await session.flush()
            same = await same_person(session, scope.domain_id, visitor.subject_id)
            await _share_limits(session, scope.domain_id, same)
            await session.commit()
        await self._audit.write(
            Entry(scope.account_id, str(ACTOR), "subject.identify", "subject", detail={"method": method})
        )
        return replace(visitor, verified=True, subjects=same)

    async def _secrets(self, scope: Scope) -> list[str]:
        async with self._database.session(scope) as session:
            rows = await self._live(session, scope)
        opened = await self._vault.open(rows, purpose="connection.use", actor=ACTOR)
        return [opened(row.secret) for row in rows]

    async def _live(self, session: AsyncSession, scope: Scope) -> list[IdentitySecret]:
        statement = (
            select(IdentitySecret)
            .where(IdentitySecret.domain_id == scope.domain_id)
            .order_by(col(IdentitySecret.id).desc())
        )
        now = self._clock.now()
        return [r for r in (await session.exec(statement)).all() if r.retires_at is None or r.retires_at > now]


async def _share_limits(session: AsyncSession, domain_id: UUID, same: Sequence[UUID]) -> None:
    """What a person forbade anywhere holds everywhere: opt-outs, objections, restriction, limit and hold of all
    subjects that are this person; and what a child's age shut, but for what a parent allowed wherever it was known."""
    statement = (
        select(Subject)
        .where(Subject.home_id == domain_id, col(Subject.id).in_(same))
        .order_by(col(Subject.id))
        .with_for_update()
    )
    people = (await session.exec(statement)).all()
    opt_outs = sorted({purpose for person in people for purpose in person.opt_outs})
    objections = sorted({purpose for person in people for purpose in person.objections})
    # A refusal holds only where nobody of them objects without one.
    stands = {one for person in people for one in set(person.objections) - set(person.objections_refused)}
    refused = sorted({one for person in people for one in person.objections_refused} - stands)
    restricted = min((p.restricted_at for p in people if p.restricted_at is not None), default=None)
    hold, limited = any(person.hold for person in people), any(person.sensitive_limited for person in people)
    shut = sorted({purpose for person in people for purpose in person.shut_for_age})
    children = [set(person.parent_allows) for person in people if person.shut_for_age or person.child_below is not None]
    allowed = sorted(set.intersection(*children)) if children else []
    for person in people:
        person.opt_outs, person.objections, person.hold = opt_outs, objections, hold
        person.objections_refused = refused
        person.restricted_at = person.restricted_at or restricted
        person.shut_for_age, person.parent_allows, person.sensitive_limited = shut, allowed, limited
        session.add(person)


def _signed_claims(token: str, secrets: Sequence[str]) -> Mapping[str, Any]:
    """The claims of a token that one of the secrets signed. The algorithm is ours to say, never the token's."""
    for secret in secrets:
        try:
            claims: Mapping[str, Any] = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims
        except (JoseError, ValueError, TypeError):
            continue
        return claims
    raise _Unproven("no signature of ours")


def _from_hash(external_id: str, given: str, secrets: Sequence[str]) -> str:
    external_id = _checked_id(external_id)
    digests = [hmac.new(secret.encode(), external_id.encode(), hashlib.sha256).hexdigest() for secret in secrets]
    # All are compared, each in constant time.
    if not sum(hmac.compare_digest(digest.encode(), given.lower().encode()) for digest in digests):
        raise _Unproven("no hash of ours")
    return external_id


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unproven(f"{name} is missing or no number")
    try:
        return float(value)
    except OverflowError:
        raise _Unproven(f"{name} is no time") from None


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_ID or not value.isprintable():
        raise _Unproven("sub is missing, too long or not printable")
    return value


def _vouched_email(claims: Mapping[str, Any]) -> str | None:
    """The address of which the business says that it is the person's (OpenID Connect Core 1.0, 5.1), or None."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    email = email.strip()
    return email if len(email) <= LONGEST_ID and email.isprintable() and _EMAIL.fullmatch(email) else None


def _view(row: IdentitySecret) -> SecretView:
    return SecretView(row.id, row.created_at, row.retires_at)
