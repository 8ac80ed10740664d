"""What the gate is told and what it asks: grants, the register, the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from omniops.contracts.declaration import Origin
from omniops.contracts.scope import Scope

OWN_SITE = "own-site"
CRAWL = "knowledge.crawl"
VERIFY = "domain.verify"
"""Looking for the proof that a host belongs to the business, before anything of it is read."""
OWN_WEBHOOK = "own-webhook"
WEBHOOK = "webhook.deliver"
TLS = Literal["1.3", "1.2"]


@dataclass(frozen=True, slots=True)
class Grant:
    """Why a call may be made: a processor of the register, for a purpose, with these categories and subjects.

    `scope` is the account (and domain) that it is made for, or None for the deployment itself. For `own-site`, the
    `hosts` are the verified hosts of the domain; the purpose is `knowledge.crawl` (or `domain.verify`, for the one
    host that is being verified) and no personal data goes along. For a processor that is the business's own system,
    they are the one host that its connection names.

    `origins` are where the data comes from; None, as long as nobody looked, counts as everywhere. Whoever makes a grant
    leaves it so: the register looks (`Register.traced`).
    """

    processor: str
    purpose: str
    scope: Scope | None = None
    categories: tuple[str, ...] = ()
    subjects: tuple[UUID, ...] = ()
    hosts: frozenset[str] = frozenset()
    origins: frozenset[Origin] | None = None

    @property
    def personal(self) -> bool:
        """Whether data about somebody goes along."""
        return bool(self.categories or self.subjects)

    @classmethod
    def own_site(cls, scope: Scope, hosts: frozenset[str]) -> Grant:
        """For reading the business's own public pages."""
        return cls(OWN_SITE, CRAWL, scope, hosts=hosts)

    @classmethod
    def ownership(cls, scope: Scope, host: str) -> Grant:
        """For looking whether a host proves to be the business's own."""
        return cls(OWN_SITE, VERIFY, scope, hosts=frozenset({host}))

    @classmethod
    def own_webhook(cls, scope: Scope, host: str) -> Grant:
        """For telling a receiver that the business chose what happened in its domain."""
        return cls(OWN_WEBHOOK, WEBHOOK, scope, hosts=frozenset({host}))


@dataclass(frozen=True, slots=True)
class Admission:
    """The register's yes, with the least version of TLS (1.2 only where the entry is a named exception)."""

    tls: TLS = "1.3"


@dataclass(frozen=True, slots=True)
class Allow:
    """An operator's exception to the address table. `plaintext` allows it without TLS as well."""

    host: str
    port: int
    reason: str
    plaintext: bool = False


class Register(Protocol):
    """Who is this processor, and may it receive this? Implemented by `privacy`."""

    async def traced(self, grant: Grant) -> Grant:
        """The grant with the origins of its data. Whatever `admit` needs from the database is fresh after it."""

    def admit(self, grant: Grant, host: str, port: int) -> Admission:
        """Raises `EgressRefused` unless host, port, purpose and categories are all declared for the processor, and a
        contract and a mechanism of transfer cover personal data at this second."""

    async def allowed(self, host: str, port: int) -> Allow | None:
        """The operator's exception for this target, or None."""


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing call, as the ledger knows it before its first byte."""

    grant: Grant
    host: str
    port: int


@dataclass(slots=True)
class Closing:
    """How a call ended. `outcome` is `ok`, or a stable code of what went wrong."""

    outcome: str = "ok"
    tls: str | None = None
    bytes_out: int = 0
    bytes_in: int = 0


class Ledger(Protocol):
    """Who got what, when. A call whose opening cannot be written is not made."""

    async def opened(self, call: Call) -> UUID:
        """Returns when the entry is on disk."""

    def closed(self, entry: UUID, call: Call, closing: Closing) -> None:
        """Adds how it ended; may be written a little later."""
