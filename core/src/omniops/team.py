"""The team as one part for the composition root, with the letters to members: an invitation, and the way to a new
password. Each holds a link that counts once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from omniops.accounts.factors import Factors
from omniops.accounts.members import Members
from omniops.accounts.own import OwnAccount
from omniops.accounts.permissions import Role
from omniops.accounts.service import Accounts
from omniops.accounts.team import Team
from omniops.accounts.throttle import Throttle
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.scope import Scope
from omniops.contracts.tokens import token_hash
from omniops.database.service import Database
from omniops.errors import NotReady
from omniops.inbox.leaving import let_go
from omniops.mail.service import Post
from omniops.vault.service import Vault

ROLE_NAMES: dict[Role, str] = {
    "owner": "owner", "admin": "administrator", "agent": "agent", "analyst": "analyst",
    "privacy_officer": "privacy officer", "viewer": "viewer",
}  # fmt: skip


class MemberLetters:
    """Writes them in the name of the account's first website: mail has a sender whom its reader knows."""

    def __init__(self, post: Post, accounts: Accounts, address: str) -> None:
        """`address` is the public one of this server."""
        self._post = post
        self._accounts = accounts
        self._address = address

    def invitation_link(self, token: str) -> str:
        return f"{self._address}/setup/{token}"

    async def invite(self, scope: Scope, to: str, role: Role, token: str) -> None:
        """Raises `NotReady` where no plugin can send mail, `Rejected` for an address that is none."""
        name = await self._accounts.account_name(scope.account_id)
        text = (
            f"You are invited to work for {name} in OmniOps, as {ROLE_NAMES[role]}.\n\n"
            f"Choose how you sign in, within seven days:\n{self.invitation_link(token)}\n\n"
            "The link counts once. If you did not expect it, do nothing: without you nothing happens."
        )
        await self._send(scope, to, f"Your invitation to {name}", text, token)

    async def reset(self, scope: Scope, to: str, token: str) -> None:
        """Raises as `invite` does."""
        text = (
            "Somebody asked for a new password for this address, it may have been you.\n\n"
            f"Choose one within half an hour:\n{self._address}/app/new-password/{token}\n\n"
            "The link counts once, and signs you out everywhere. If it was not you, do nothing: your password stays."
        )
        await self._send(scope, to, "A new password", text, token)

    async def _send(self, scope: Scope, to: str, subject: str, text: str, token: str) -> None:
        domains = await self._accounts.domains(scope.account_id)
        if not domains:
            raise NotReady("Mail has no sender before there is a website.", do="Add a website first.")
        await self._post.send(
            domains[0].scope, to=to, kind="notice", subject=subject, text=text, key=token_hash(token).hex()
        )


@dataclass(frozen=True, slots=True)
class TeamRoom:
    """Who belongs to an account and signs in (`members`), how that changes (`changes`), what members do with their own
    account (`own`, `factors`), and what is written to them."""

    members: Members
    changes: Team
    own: OwnAccount
    factors: Factors
    letters: MemberLetters

    @classmethod
    def over(
        cls,
        database: Database,
        vault: Vault,
        audit: Audit,
        accounts: Accounts,
        throttle: Throttle,
        post: Post,
        address: str,
        clock: Clock,
        log: Log,
    ) -> TeamRoom:
        letters = MemberLetters(post, accounts, address)
        members = Members(database, vault, audit, throttle, clock)
        team = Team(database, vault, audit, clock)
        team.on_leave(partial(let_go, database, accounts))
        own = OwnAccount(database, vault, audit, members, throttle, letters.reset, clock, log)
        factors = Factors(database, vault, audit, members, throttle, clock)
        return cls(members, team, own, factors, letters)
