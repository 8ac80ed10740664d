"""Who calls about their own choices: a browser by its random number, or a chat's session."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request

from omniops.accounts.service import DomainView
from omniops.contracts.scope import Actor
from omniops.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Bearer:
    """A person who showed a token of this domain. `browser` is the number of a browser that chose, None for a chat.
    `subjects` are all that were found to be the same person."""

    subject_id: UUID
    subjects: tuple[UUID, ...]
    browser: str | None

    @property
    def actor(self) -> Actor:
        return Actor("visitor", str(self.subject_id))


async def bearer_of(request: Request, runtime: Runtime, domain: DomainView) -> Bearer | None:
    """Whose token the request carries, or None. Our own pages may carry a session of any website of the domain."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    if token.startswith("oo_consent_"):
        subject_id = await runtime.consents.bearer(domain.scope, token)
        return Bearer(subject_id, (subject_id,), token) if subject_id is not None else None
    own = request.headers.get("sec-fetch-site") == "same-origin"
    visitor = await runtime.visitors.recognise(token, None if own else request.headers.get("origin"))
    if visitor is None or visitor.scope != domain.scope:
        return None
    return Bearer(visitor.subject_id, visitor.subjects or (visitor.subject_id,), None)
