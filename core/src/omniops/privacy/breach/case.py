"""A case as the sum of its steps, and when it may close. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from omniops.privacy.breach.facts import Authority, competent, deadline

FACTS = ("nature", "consequences", "measures", "effects", "remedial", "contact", "began", "ended")
"""What a business writes about a breach. `nature`, `effects` and `remedial` are what Art. 33(5) GDPR asks of the
register; `nature`, `consequences`, `measures` and `contact` what Art. 33(3) asks of the notification."""
REGISTER = ("nature", "effects", "remedial")
UNREADABLE = "unreadable"
"""What the body of a step holds alone that does not open: somebody changed it."""


@dataclass(slots=True)
class Case:
    """A breach case as it stands."""

    id: UUID
    account_id: UUID
    aware_at: datetime
    drill: bool = False
    role: str = "controller"
    establishment: str | None = None
    actors: list[str] = field(default_factory=list)
    since: str | None = None
    until: str | None = None
    copied: bool = False
    keys_exposed: bool = False
    facts: dict[str, str] = field(default_factory=dict)
    affected: dict[str, Any] | None = None
    risk: str | None = None
    reasons: str = ""
    approver: str = ""
    exception: str | None = None
    notified: list[dict[str, Any]] = field(default_factory=list)
    told: dict[str, int] | None = None
    timers: list[int] = field(default_factory=list)
    closed_at: datetime | None = None
    steps: int = 0

    @property
    def due_at(self) -> datetime:
        return self.aware_at + deadline()

    def authorities(self) -> list[Authority]:
        """Who is competent, by where the affected persons live and where the business is established."""
        countries = (self.affected or {}).get("countries", {})
        return competent(countries, self.establishment)

    def missing(self) -> list[str]:
        """What still stands against closing, in words."""
        found = [f"The register has no {name} (Art. 33(5))." for name in REGISTER if not self.facts.get(name)]
        if self.affected is None:
            found.append("Whom it touches was not computed.")
        if self.risk is None:
            found.append("The risk was not assessed.")
        elif self.risk == "unlikely":
            if not self.reasons or not self.approver:
                found.append("That a risk is unlikely needs reasons and an approver (Art. 33(1)).")
        else:
            found += self._untold()
        if self.risk == "high" and self.exception is None and not self._all_told():
            found.append("The persons were not told, and no exception of Art. 34(3) is recorded.")
        return found

    def _untold(self) -> list[str]:
        done = {one["to"] for one in self.notified}
        if self.role == "processor":
            return [] if "controller" in done else ["The controller was not told (Art. 33(2))."]
        wanted = [one for one in self.authorities() if one.must]
        if not wanted and not done:
            return ["No authority was notified, and none could be found: set the establishment, or name one."]
        return [f"Not notified: {one.name} ({one.why})." for one in wanted if one.key not in done]

    def _all_told(self) -> bool:
        return self.told is not None and not self.told.get("found") and not self.told.get("no_address")


def summed(steps: Iterable[tuple[str, datetime, datetime | None, UUID, UUID, Mapping[str, Any]]]) -> Case:
    """The case from its steps (kind, moment, awareness, account, case, body), the first first."""
    case: Case | None = None
    for kind, at, aware_at, account_id, breach_id, body in steps:
        if case is None:
            assert aware_at is not None, "a case begins with its declaration"
            case = Case(breach_id, account_id, aware_at)
        case.steps += 1
        _take(case, kind, at, body)
    assert case is not None
    return case


def _take(case: Case, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
    match kind.partition("."):
        case ("timer", _, hours):
            case.timers.append(int(hours))
        case ("closed", _, _):
            case.closed_at = at
        case _ if UNREADABLE in body:  # `problems` of the register says which
            return
        case ("declared", _, _):
            for name in ("drill", "role", "establishment", "actors", "since", "until", "copied", "keys_exposed"):
                setattr(case, name, body[name])
            case.facts |= {name: body["facts"].get(name, "") for name in FACTS if body["facts"].get(name)}
        case ("noted", _, _):
            case.facts |= body["facts"]
            case.establishment = body.get("establishment") or case.establishment
        case ("scoped", _, _):
            case.affected = dict(body)
        case ("assessed", _, _):
            case.risk, case.reasons, case.approver = body["risk"], body["reasons"], body["approver"]
            case.exception = body["exception"]
        case ("notified", _, _):
            case.notified.append({**body, "at": at.isoformat(timespec="seconds")})
        case ("told", _, _):
            case.told = dict(body["states"])
