"""Permissions, and which role has which. Every route names one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from omniops.contracts.scope import Actor, Scope

Permission = Literal[
    "account.manage",
    "member.read",
    "member.manage",
    "key.manage",
    "domain.read",
    "domain.manage",
    "knowledge.read",
    "knowledge.manage",
    "conversation.read",
    "conversation.reply",
    "analytics.read",
    "connection.manage",
    "webhook.manage",
    "plugin.manage",
    "audit.read",
    "privacy.read",
    "privacy.manage",
]
Role = Literal["owner", "admin", "agent", "analyst", "privacy_officer", "viewer"]

_VIEWER: frozenset[Permission] = frozenset({"domain.read", "knowledge.read"})
_AGENT: frozenset[Permission] = _VIEWER | {
    "conversation.read", "conversation.reply", "member.read", "analytics.read",
}  # fmt: skip
_ANALYST: frozenset[Permission] = _VIEWER | {"analytics.read"}
_PRIVACY_OFFICER: frozenset[Permission] = frozenset({
    "domain.read", "member.read", "audit.read", "privacy.read", "privacy.manage",
})  # fmt: skip
_ADMIN: frozenset[Permission] = _AGENT | {
    "member.manage", "key.manage", "domain.manage", "knowledge.manage", "connection.manage", "webhook.manage",
    "plugin.manage", "audit.read", "privacy.read", "privacy.manage",
}  # fmt: skip
_OWNER: frozenset[Permission] = _ADMIN | {"account.manage"}

ROLES: dict[Role, frozenset[Permission]] = {
    "owner": _OWNER,
    "admin": _ADMIN,
    "agent": _AGENT,
    "analyst": _ANALYST,
    "privacy_officer": _PRIVACY_OFFICER,
    "viewer": _VIEWER,
}
ALL: frozenset[Permission] = _OWNER


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls the business API: a signed-in member, or an API key.

    `only_domain` limits a key to one domain of its account, `test` to its sandbox domains.
    """

    kind: Literal["member", "key"]
    id: UUID
    account_id: UUID
    permissions: frozenset[str]
    only_domain: UUID | None = None
    test: bool = False

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, str(self.id))

    @property
    def scope(self) -> Scope:
        return Scope(self.account_id)

    def may(self, permission: str) -> bool:
        return permission in self.permissions
