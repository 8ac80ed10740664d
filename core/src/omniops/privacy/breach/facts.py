"""Law facts about breaches: deadline, exceptions, and which authority is competent. Read from `rules.json`, where each
has its source, how well that was read, and the day of its last review."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any

from omniops.privacy.fact import Fact
from omniops.privacy.transfers import EEA


@lru_cache(maxsize=1)
def rules() -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(files("omniops.privacy.breach").joinpath("rules.json").read_bytes())
    return found


def deadline() -> timedelta:
    """From awareness to the notification of the authority."""
    return timedelta(hours=rules()["deadline"]["hours"])


def timers() -> tuple[int, ...]:
    """Hours after awareness at which an open case calls."""
    return tuple(rules()["timers"])


def facts() -> list[Fact]:
    """What is stated about breaches: the deadlines, and who is competent."""
    said = rules()
    stated = {
        "deadline": (f"{said['deadline']['hours']} hours to the authority", said["deadline"]),
        "us-ca.persons": (f"{said['persons']['days']} days to the persons", said["persons"]),
        **{key: (one["name"].format(country="the country"), one) for key, one in said["authorities"].items()},
    }
    review_by = date.fromisoformat(said["review_by"])
    return [
        Fact(
            "breach",
            key,
            says,
            one["source"],
            one["url"],
            one["grade"],
            date.fromisoformat(one["reviewed"]),
            review_by,
            one.get("note", ""),
        )
        for key, (says, one) in stated.items()
    ]


@dataclass(frozen=True, slots=True)
class Authority:
    """Who is to be notified. `key` names it in notifications: a regime and a country. `must` is False where only people
    can tell whether it applies."""

    key: str
    regime: str
    name: str
    why: str
    must: bool = True


def competent(countries: Mapping[str, int], establishment: str | None) -> list[Authority]:
    """The authorities for a controller with its main establishment in `establishment` and so many persons by country
    (ISO 3166; an empty country is not known).

    In the EEA the lead authority of the main establishment, or without one that of each state where persons live
    (Arts. 55, 56 GDPR). In the UK the ICO, for persons there or an establishment there.
    """
    lives = {country for country, count in countries.items() if count and country in EEA}
    found = []
    if establishment is not None and establishment in EEA:
        found.append(_eea(establishment, "lead authority of the main establishment (Art. 56)"))
    else:
        found += [
            _eea(country, "persons live there, and there is no establishment in the EU") for country in sorted(lives)
        ]
    if countries.get("GB") or establishment == "GB":
        why = "persons live in the UK" if countries.get("GB") else "the establishment is in the UK"
        british = rules()["authorities"]["GB"]
        found.append(Authority("uk:GB", "uk", british["name"], f"{why}. {british['note']}"))
    american = rules()["authorities"]["US"]
    if countries.get("US", 0) > american["more_than"]:
        why = f"{countries['US']} persons in the United States; a sample within 15 calendar days of telling them"
        found.append(Authority("us-ca:US", "us-ca", american["name"], why, must=False))
    return found


def _eea(country: str, why: str) -> Authority:
    name = rules()["authorities"]["EEA"]["name"].format(country=country)
    return Authority(f"gdpr:{country}", "gdpr", name, why)
