"""Core's own assessments of legitimate interests: the four that it relies on, weighed against the people's.

Art. 6(1)(f) GDPR asks three questions: the interest, the need, the balance (EDPB Guidelines 1/2024).

An operator who has weighed anew, or whose business differs, says so in the setting `assessments`.
"""

from __future__ import annotations

from datetime import date

from omniops.contracts.declaration import Assessment

AUTHOR = "The maintainers of OmniOps"
MADE, REVIEW = date(2026, 11, 30), date(2028, 11, 30)

SECURITY = Assessment(
    author=AUTHOR,
    made_on=MADE,
    review_by=REVIEW,
    interest="To keep the service and everybody's data from abuse and fraud, which recital 49 GDPR names.",
    need="Attacks are known by their pattern over time. Addresses are kept as keyed hashes only, for a short time.",
    balance="Whoever writes expects it, is not profiled, and is protected by it as well.",
)
IMPROVE = Assessment(
    author=AUTHOR,
    made_on=MADE,
    review_by=REVIEW,
    interest="To answer what visitors ask and the pages leave open.",
    need="Only real questions show the gaps. They are opened in groups, without name or address beside them.",
    balance="Nothing is decided about anybody, no one else receives it, and an objection ends it at once.",
)
FAULTS = Assessment(
    author=AUTHOR,
    made_on=MADE,
    review_by=REVIEW,
    interest="To find and mend what does not work.",
    need="A fault is found by when and where it occurs. What people wrote is not part of its report.",
    balance="Who uses a service expects that it works; little is used, and an objection ends it at once.",
)
TERMS = Assessment(
    author=AUTHOR,
    made_on=MADE,
    review_by=REVIEW,
    interest="To end a use of the service that its terms forbid.",
    need="Whether a use breaks the terms shows in that use alone; nothing else is looked at.",
    balance="The terms are known beforehand, a person decides, and an objection ends it at once.",
)
