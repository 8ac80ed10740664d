"""Scope and actor: for whom a transaction sees rows, and who is looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from omniops.errors import Refused

ActorKind = Literal["member", "visitor", "plugin", "system", "key"]


@dataclass(frozen=True, slots=True)
class Scope:
    """One account and, for rows of a website, one of its domains.

    A session opened with a scope sees the rows of that account and of that domain and no others, whatever the
    statement says (row-level security). Without a domain it sees the account's own tables only.
    """

    account_id: UUID
    domain_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `name` is a member id, an API key id, a subject id, a plugin's name or a task's name.

    `purposes` is None for core's own actors; for a plugin it holds the purposes that it declared, and nothing else
    is opened for it.
    """

    kind: ActorKind
    name: str
    purposes: frozenset[str] | None = None

    @classmethod
    def system(cls, task: str) -> Actor:
        """Core itself, in the named task, for example `conversation.answer`."""
        return cls("system", task)

    @classmethod
    def operator(cls) -> Actor:
        """Whoever runs the deployment, at its command line."""
        return cls.system("operator")

    @classmethod
    def plugin(cls, name: str, purposes: frozenset[str]) -> Actor:
        """A plugin, limited to the purposes of its declaration."""
        return cls("plugin", name, purposes)

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def only_a_person(actor: Actor, what: str, *, operator: bool = False) -> None:
    """Raises `Refused` (`needs_a_member`) unless a signed-in member acts, or with `operator` who runs the deployment.
    `what` begins the sentence: `A plan is approved`. A key or a task has no name that somebody answers to."""
    if actor.kind == "member" or (operator and actor == Actor.operator()):
        return
    raise Refused(
        f"{what} by a person, with a name; this is {str(actor).partition(':')[0]!r}.",
        reason="needs_a_member",
        do="Sign in as a member; an API key cannot do this. At the command line, name a member with --by.",
    )
