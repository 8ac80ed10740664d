"""A case as members, keys and its own requester see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from omniops.privacy.rights.clocks import Due
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase, RightsEvent, RightsLetter, RightsTask


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with its terms and tasks. What the requester wrote, and the letters, are there for who may read them."""

    case: RightsCase
    terms: Sequence[Due] = ()
    tasks: Sequence[RightsTask] = ()
    events: Sequence[RightsEvent] = ()
    letters: Sequence[tuple[RightsLetter, str]] = ()
    words: str = ""
    email: str = ""
    written: Mapping[UUID, str] = field(default_factory=dict)
    """What members wrote about tasks and events, by the id of the row."""

    def short(self) -> dict[str, Any]:
        """What a list shows."""
        case = self.case
        return {
            "id": str(case.id),
            "reference": case.reference,
            "right": case.right,
            "law": RIGHTS[case.right].law,
            "channel": case.channel,
            "language": case.language,
            "region": case.region,
            "identity": case.identity,
            "by_agent": case.by_agent,
            "urgent": case.right == "child",
            "state": case.state,
            "outcome": case.outcome,
            "received_at": case.received_at.isoformat(),
            "due_at": case.due_at.isoformat(),
            "confirm_by": _iso(case.confirm_by),
            "escalated": case.escalated,
            "closed_at": _iso(case.closed_at),
        }

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        case = self.case
        return {
            **self.short(),
            "subjects": list(case.subjects),
            "paused": any(ended is None for _, ended in case.pauses),
            "extended_at": _iso(case.extended_at),
            "refusal": case.refusal,
            "consent_shown": case.consent_shown,
            "terms": [one.to_json() for one in self.terms],
            "tasks": [
                {
                    "id": str(one.id),
                    "store": one.store,
                    "title": one.title,
                    "state": one.state,
                    "code": one.code,
                    "evidence": self.written.get(one.id, one.evidence),
                    "attempts": one.attempts,
                    "by": one.by,
                }
                for one in self.tasks
            ],
            "events": [
                {
                    "name": one.name,
                    "actor": one.actor,
                    "detail": one.detail,
                    "words": self.written.get(one.id, ""),
                    "at": one.at.isoformat(),
                }
                for one in self.events
            ],
            "letters": [
                {"id": str(one.id), "kind": one.kind, "state": one.state, "approved_by": one.approved_by, "text": text}
                for one, text in self.letters
            ],
            "words": self.words,
            "email": self.email,
        }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
