"""What all parts of the privacy centre stand in: their names, and who may enter each."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from omniops.accounts.permissions import Permission
from omniops.errors import Refused
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import frame
from omniops.server.permissions import DomainAccess


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the centre: at `/app/{domain}/privacy/{name}`; rights have no name of their own."""

    name: str
    title: str
    may: Permission


PARTS = (
    Part("", "Rights", "privacy.read"),
    Part("retention", "Retention", "privacy.read"),
    Part("consent", "Consent", "privacy.read"),
    Part("register", "Register", "privacy.read"),
    Part("breaches", "Breaches", "privacy.manage"),
    Part("audit", "Audit", "audit.read"),
    Part("proof", "Proof", "privacy.read"),
)
"""In the order in which they are shown."""


async def inside(runtime: Runtime, access: DomainAccess, part: str) -> dict[str, object]:
    """The frame of a page of the centre."""
    may = access.principal.may
    shell = await frame(runtime, access, "privacy")
    return {**shell, "parts": [one for one in PARTS if may(one.may)], "part": part}


def whole_account(access: DomainAccess) -> UUID:
    """The account of who may see all of it. Raises `Refused` for a key of one website, and for a test key."""
    principal = access.principal
    if principal.only_domain is not None or principal.test:
        raise Refused("This is the account's; the key is for less than that.", reason="one_domain")
    return principal.account_id
