"""From which age a person may say yes alone: by country, as data with its law (Art. 8 GDPR, COPPA).

`ages.json` says until when the facts hold without another look (`review_by`). A country that is not known has the
strictest age, and so has one whose age nobody could verify.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from omniops.privacy.fact import Fact, Grade
from omniops.vault.models import Subject


@dataclass(frozen=True, slots=True)
class AgeRule:
    """From `age` years on a person consents alone; `law` says where that stands, `grade` and `url` how and where it
    was read, `note` what may change it."""

    age: int
    law: str
    grade: Grade
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AgeRules:
    """All of them, as read on a day. After `review_by` somebody must have looked again."""

    read: date
    review_by: date
    default: AgeRule
    countries: Mapping[str, AgeRule]

    def of(self, country: str) -> AgeRule:
        """The rule of a country, as ISO 3166; the strictest where it is not known, or not verified."""
        rule = self.countries.get(country.upper(), self.default)
        return self.default if rule.grade == "unverified" else rule


def too_young(subject: Subject, country: str) -> bool:
    """Whether somebody is known to be younger than a yes needs."""
    return subject.child_below is not None and subject.child_below <= age_rules().of(country).age


def known_child(subject: Subject) -> bool:
    """Whether an age was said of somebody that shuts something."""
    return subject.child_below is not None or bool(subject.shut_for_age)


def child(person: Sequence[Subject], country: str, purpose: str) -> bool:
    """Whether any of the subjects that are one person is too young for a yes to a purpose that no parent's verified
    consent names: below the age of a country, or shut for an age that was said in a chat."""
    return any(
        (too_young(one, country) or purpose in one.shut_for_age) and purpose not in one.parent_allows for one in person
    )


@lru_cache(1)
def age_rules() -> AgeRules:
    said = json.loads(files("omniops.privacy").joinpath("ages.json").read_bytes())
    countries = {country: AgeRule(**rule) for country, rule in said["countries"].items()}
    read, review_by = date.fromisoformat(said["read"]), date.fromisoformat(said["review_by"])
    return AgeRules(read, review_by, AgeRule(**said["default"]), countries)


def facts() -> list[Fact]:
    """What is stated about ages of consent."""
    rules = age_rules()
    found = []
    for country, rule in {"": rules.default, **rules.countries}.items():
        says = f"{rule.age} years"
        if rule.grade == "unverified" and rule.age != rules.default.age:
            says += f", not verified, so {rules.default.age} counts"
        where = country or "elsewhere"
        found.append(Fact("age", where, says, rule.law, rule.url, rule.grade, rules.read, rules.review_by, rule.note))
    return found
