"""The rights, what is done for each, and the reasons for which the law lets one refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Act = Literal["copy", "erase", "restrict", "object", "opt_out", "limit", "withdraw", "person"]


@dataclass(frozen=True, slots=True)
class Right:
    """A right and its act. `person`: what is done needs a human being. `law` says where it stands."""

    key: str
    act: Act
    law: str


_ALL = (
    Right("access", "copy", "Art. 15 GDPR"),
    Right("portability", "copy", "Art. 20 GDPR"),
    Right("rectification", "person", "Art. 16 GDPR"),
    Right("erasure", "erase", "Art. 17 GDPR"),
    Right("restriction", "restrict", "Art. 18 GDPR"),
    Right("objection", "object", "Art. 21 GDPR"),
    Right("automated_decision", "person", "Art. 22 GDPR, Arts. 22A to 22D UK GDPR"),
    Right("withdrawal", "withdraw", "Art. 7(3) GDPR"),
    Right("know", "copy", "Cal. Civ. Code § 1798.110"),
    Right("delete", "erase", "Cal. Civ. Code § 1798.105"),
    Right("correct", "person", "Cal. Civ. Code § 1798.106"),
    Right("opt_out", "opt_out", "Cal. Civ. Code § 1798.120"),
    Right("limit", "limit", "Cal. Civ. Code § 1798.121"),
    Right("safeguards", "person", "Arts. 13(1)(f), 15(2) GDPR"),
    Right("complaint", "person", "Art. 77 GDPR, s. 164A DPA 2018"),
    Right("child", "erase", "Art. 8 GDPR, 16 CFR § 312.5"),
)
RIGHTS: Mapping[str, Right] = {right.key: right for right in _ALL}
OFFERED = tuple(key for key in RIGHTS if key != "child")
"""In the order of the public page; `child` stands there as its last, in words for a parent."""
AUTOMATIC = frozenset(right.key for right in _ALL if right.act != "person" and right.key != "child")
"""What may be done without a person, once identity is shown. A domain may narrow this."""

GROUNDS = "A21-grounds"
"""The only reason for which an objection is refused, purpose by purpose (`objections.py`)."""
REFUSALS: Mapping[str, str] = {
    "A12-identity": "Art. 12(2), 12(6) GDPR: who asks could not be identified",
    "A12-unfounded": "Art. 12(5) GDPR: manifestly unfounded",
    "A12-excessive": "Art. 12(5) GDPR: excessive, above all repeated",
    "A15-others": "Art. 15(4) GDPR: it would harm the rights of others",
    "A17-expression": "Art. 17(3)(a) GDPR: freedom of expression and information",
    "A17-obligation": "Art. 17(3)(b) GDPR: a legal obligation",
    "A17-health": "Art. 17(3)(c) GDPR: public interest in public health",
    "A17-archive": "Art. 17(3)(d) GDPR: archiving, research, statistics",
    "A17-claims": "Art. 17(3)(e) GDPR: legal claims",
    GROUNDS: "Art. 21(1) GDPR: compelling grounds that override the person's",
    "CCPA-verification": "11 CCR § 7060: who asks could not be verified",
    "CCPA-exception": "Cal. Civ. Code § 1798.105(d): an exception from deleting",
}
"""Why a request may be refused, by code. Without one of them no refusal is taken."""


def fits(code: str, right: str) -> bool:
    """Whether a case of this right, as a whole, may be refused for that reason."""
    return code.startswith("A12-") if right == "objection" else code != GROUNDS
