"""Points on which a policy easily contradicts itself or the law: the position that ours takes, and its check."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omniops.database.marks import personal_columns
from omniops.privacy.catalog import Catalog
from omniops.proof.policy import Policy
from omniops.settings import Settings


@dataclass(frozen=True, slots=True)
class Point:
    """`settled` is the check's answer; a point that is open is shown, never hidden."""

    id: str
    position: str
    settled: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the checks look at."""

    policy: Policy
    catalog: Catalog
    settings: Settings

    def says(self, claim: str, pattern: str) -> bool:
        """Whether a sentence of that claim matches."""
        found = (s.text for s in self.policy.sentences if claim in s.ids)
        return any(re.search(pattern, text, re.IGNORECASE) for text in found)


_CHECKS: Mapping[str, tuple[str, Callable[[Ground], bool]]] = {
    "X1": (
        "A session number is a pseudonym, and nothing is called anonymous.",
        lambda on: "anonymous" not in on.policy.text.lower() and on.says("P10", "pseudonym"),
    ),
    "X2": (
        "Counting visits rests on consent and on nothing else.",
        lambda on: on.catalog.purposes["analytics"].basis == "consent" and not on.says("P39", "analytics|visits"),
    ),
    "X3": (
        "Addresses for security stand in a sentence of their own, as keyed hashes, apart from counting.",
        lambda on: on.says("P39", "keyed hash") and not any(
            "security.protect" in mark.purposes
            for _, _, mark in personal_columns()
            if mark.category == "usage.network"
        ),
    ),
    "X4": (
        "Who receives data is compiled from the register; what needs somebody who is not in it waits.",
        lambda on: on.says("P115", "^Processors that are enabled"),
    ),
    "X5": (
        "Every sentence that names the EU's clauses names the UK's instrument too.",
        lambda on: all(
            re.search(r"IDTA|UK Addendum", s.text) for s in on.policy.sentences if re.search(r"\bSCC\b", s.text)
        ),
    ),
    "X6": (
        "For what visitors write the business decides; for accounts and security, the operator.",
        lambda on: on.says("P4", "the business decides and we act"),
    ),
    "X7": ("The earlier of 30 days and one month counts.", lambda on: on.says("P107", "month where that is earlier")),
    "X8": (
        "Essential storage cannot be switched off; no sentence speaks of what happens if it is.",
        lambda on: on.says("P110", "cannot be switched off") and "disabling essential" not in on.policy.text.lower(),
    ),
    "X9": ("TLS 1.3, and every exception is named in the sentence.", lambda on: on.says("P58", "exceptions: ")),
    "X10": ("Both signals are named.", lambda on: on.says("P114", "Do Not Track.*Global Privacy Control")),
    "X11": (
        "The period of access logs is the operator's own choice, with its reason; no rule is claimed.",
        lambda on: on.says("P81", "we chose") and not on.says("P81", "required by"),
    ),
    "X12": ("Only the phone's address book is meant.", lambda on: on.says("P19", "address book of the phone")),
    "X13": (
        "The UK's own articles are cited.",
        lambda on: on.says("P104", "22A to 22D") and on.says("P128", r"s\. 164A"),
    ),
    "X14": (
        "A contact for breaches is named.",
        lambda on: bool(on.settings.privacy_contact or on.settings.privacy_email),
    ),
    "X15": (
        "Erasure comes before the period of accounts, but for what tax law names.",
        lambda on: on.says("P80", "erasure comes first, except for what tax law"),
    ),
    "X16": ("Fraud prevention needs a person too.", lambda on: on.says("P104", "fraud prevention included")),
    "X17": (
        "A representative in the EU is named, or why none is needed.",
        lambda on: bool(on.settings.eu_representative),
    ),
    "X18": (
        "Shopify: orders and customers only with their own consent; Microsoft: no documents, no contacts.",
        lambda on: on.says("P23", "own recorded consent") and not on.says("P25", "document|contact"),
    ),
    "X19": ("A refresh is by schedule or by hand.", lambda on: on.says("P78", "by schedule or by hand")),
    "X20": (
        "Inferences are neither stored nor listed.",
        lambda on: on.says("P127", "no inferences") and not any("inference" in key for key in on.catalog.categories),
    ),
    "X21": (
        "Device data: in the app for mending faults, on the web for seeing where the chat must work.",
        lambda on: on.says("P16", "mend faults under our legitimate") and on.says("P13", "after that yes"),
    ),
    "X22": (
        "Reports of errors go to one country.",
        lambda on: on.says("P94", "United States") and not on.says("P66", r"\bEU\b"),
    ),
}  # fmt: skip


def points(policy: Policy, catalog: Catalog, settings: Settings) -> list[Point]:
    """Every point with its answer, in order."""
    on = Ground(policy, catalog, settings)
    return [Point(key, position, check(on)) for key, (position, check) in _CHECKS.items()]
