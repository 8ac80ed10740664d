"""The list of the inbox: which conversations, how many there are of each kind, and who takes care of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query

from omniops.accounts.permissions import Principal
from omniops.inbox.queue import Wanted, place
from omniops.runtime import Runtime
from omniops.server.permissions import DomainAccess

View = Literal["waiting", "mine", "unassigned", "approve", "ai", "snoozed", "closed", "all"]
VIEWS: dict[View, str] = {
    "waiting": "Waiting",
    "mine": "Yours",
    "unassigned": "Nobody's",
    "approve": "To approve",
    "ai": "AI",
    "snoozed": "Snoozed",
    "closed": "Closed",
    "all": "All",
}
ROWS = 40
EVENTS = (
    "message", "person_asked", "ai_failed", "ai_handed_over", "ai_off", "opted_out", "drafted", "asked_again",
    "draft_sent", "draft_rejected", "taken_over", "replied", "assigned", "mode_set", "noted", "labelled", "snoozed",
    "handed_back", "closed", "reopened",
)  # fmt: skip
"""What the stream of a website tells that changes these pages."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which list stands beside a conversation: a view, and of it those with a label or of a member."""

    show: View = "waiting"
    label: UUID | None = None
    member: UUID | None = None

    @property
    def query(self) -> str:
        """The list as it stands in an address."""
        narrowed = {name: str(one) for name, one in (("label", self.label), ("member", self.member)) if one}
        return urlencode({"show": self.show, **narrowed})

    def wanted(self, principal: Principal, after: str | None) -> Wanted:
        """What is asked of the queue, one more than a page shows."""
        limit = ROWS + 1
        match self.show:
            case "waiting":
                found = Wanted(waiting=True, limit=limit)
            case "mine":
                found = Wanted(assigned_to=principal.id, open=True, snoozed=False, limit=limit)
            case "unassigned":
                found = Wanted(assigned_to="nobody", waiting=True, limit=limit)
            case "approve":
                found = Wanted(state="draft", limit=limit)
            case "ai" | "closed":
                found = Wanted(state=self.show, limit=limit)
            case "snoozed":
                found = Wanted(snoozed=True, open=True, limit=limit)
            case "all":
                found = Wanted(limit=limit)
        return replace(found, label=self.label, assigned_to=self.member or found.assigned_to, after=after)


async def chosen(
    show: View = "waiting",
    label: Annotated[UUID | Literal[""] | None, Query()] = None,
    member: Annotated[UUID | Literal[""] | None, Query()] = None,
) -> Chosen:
    """The list that an address names."""
    return Chosen(show, label or None, member or None)


async def names(runtime: Runtime, access: DomainAccess) -> Mapping[UUID, str]:
    """What the members are called, by id; none for who may not read members, nor for a test key, which the API shows
    none either."""
    principal = access.principal
    if principal.test or not principal.may("member.read"):
        return {}
    found = await runtime.members.list(principal.account_id, actor=principal.actor)
    return {one.id: one.name or one.email for one in sorted(found, key=lambda one: one.name.casefold())}


async def listed(runtime: Runtime, access: DomainAccess, which: Chosen, after: str | None = None) -> dict[str, object]:
    """The list beside a conversation, or alone."""
    inbox, scope = runtime.inbox, access.scope
    found = await inbox.queue.page(scope, which.wanted(access.principal, after))
    rows = found[:ROWS]
    return {
        "views": VIEWS,
        "show": which.show,
        "chosen": which,
        "counts": await inbox.queue.counts(scope, access.principal.id),
        "rows": rows,
        "lines": await inbox.queue.lines(scope, rows, actor=access.principal.actor),
        "older": place(rows[-1]) if len(found) > ROWS else None,
        "events": EVENTS,
        "names": await names(runtime, access),
        "labels": await inbox.labels.all(scope),
        "put": await inbox.labels.of(scope, [one.id for one in rows]),
    }
