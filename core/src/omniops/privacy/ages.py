"""From which age a person may say yes alone: by country, as data with its law (Art. 8 GDPR, COPPA).

`ages.json` says until when the facts hold without another look (`review_by`). A country that is not known has the
strictest age.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from omniops.vault.models import Subject


@dataclass(frozen=True, slots=True)
class AgeRule:
    """From `age` years on a person consents alone; `law` says where that stands."""

    age: int
    law: str


@dataclass(frozen=True, slots=True)
class AgeRules:
    """All of them. After `review_by` somebody must have looked again."""

    review_by: date
    default: AgeRule
    countries: Mapping[str, AgeRule]

    def of(self, country: str) -> AgeRule:
        """The rule of a country, as ISO 3166; the strictest where it is not known."""
        return self.countries.get(country.upper(), self.default)


def child(person: Sequence[Subject], country: str) -> bool:
    """Whether any of the subjects that are one person is known to be younger than a yes needs, without a parent whose
    consent was verified."""
    needed = age_rules().of(country).age
    return any(
        one.child_below is not None and one.child_below <= needed and one.parent_verified_at is None for one in person
    )


@lru_cache(1)
def age_rules() -> AgeRules:
    read = json.loads(files("omniops.privacy").joinpath("ages.json").read_bytes())
    countries = {country: AgeRule(**rule) for country, rule in read["countries"].items()}
    return AgeRules(date.fromisoformat(read["review_by"]), AgeRule(**read["default"]), countries)
