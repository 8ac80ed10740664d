"""The texts to authorities, controllers and persons, filled from a case. They lie in `texts.json`, each with its
source, how well that was read and the day of its last review; a business may change the words, never leave an item
out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from string import Formatter
from typing import Any, cast

from omniops.errors import NotFound, Rejected
from omniops.privacy.breach.case import Case
from omniops.privacy.breach.facts import rules
from omniops.privacy.catalog import Catalog
from omniops.privacy.fact import Fact, Grade


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with the case's facts in it. `missing` names the items that are still blank: it cannot be sent so."""

    key: str
    regime: str
    to: str
    title: str
    source: str
    url: str
    grade: Grade
    reviewed: str
    body: str
    missing: tuple[str, ...]


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(files("omniops.privacy.breach").joinpath("texts.json").read_bytes())
    return found


def facts() -> list[Fact]:
    """Where the law asks for each text."""
    review_by = date.fromisoformat(rules()["review_by"])
    return [
        Fact(
            "text",
            key,
            text["title"],
            text["source"],
            text["url"],
            cast("Grade", text["grade"]),
            date.fromisoformat(text["reviewed"]),
            review_by,
        )
        for key, text in _texts().items()
    ]


def drafts(case: Case, business: str, catalog: Catalog) -> list[Draft]:
    """Every text, as far as the case fills it."""
    return [draft(key, case, business, catalog) for key in _texts()]


def draft(key: str, case: Case, business: str, catalog: Catalog, *, authority: str = "", late: str = "") -> Draft:
    """One text. Raises `NotFound` for an unknown key."""
    text = _texts().get(key)
    if text is None:
        raise NotFound(f"There is no text {key!r}.", do=f"There are: {', '.join(_texts())}.")
    values = _values(case, business, catalog, text["regime"], authority, late)
    names = {name for _, name, _, _ in Formatter().parse(text["body"]) if name}
    missing = tuple(sorted(name for name in names - {"late"} if not values[name]))
    body = text["body"].format_map(
        {name: value or f"[{name}]" if name != "late" else value for name, value in values.items()}
    )
    law = (text["source"], text["url"], cast("Grade", text["grade"]), text["reviewed"])
    return Draft(key, text["regime"], text["to"], text["title"], *law, body, missing)


def complete(found: Draft) -> Draft:
    """The draft, if no item of it is blank. Raises `Rejected`, which names those that are."""
    if found.missing:
        raise Rejected(
            f"{found.title}: still blank: {', '.join(found.missing)}.",
            code="blank",
            where=found.missing[0],
            do="Add it to the case.",
        )
    return found


def _values(case: Case, business: str, catalog: Catalog, regime: str, authority: str, late: str) -> dict[str, str]:
    affected: Mapping[str, Any] = case.affected or {}
    categories = affected.get("categories", {})
    named = [f"{_title(key, catalog)} ({count})" for key, count in sorted(categories.items()) if count]
    return {
        **{name: case.facts.get(name, "") for name in ("nature", "consequences", "measures", "contact")},
        "business": business,
        "authority": authority or ", ".join(one.name for one in case.authorities() if one.regime == regime),
        "phase": str(sum(one["to"].startswith(regime) for one in case.notified) + 1),
        "aware_at": case.aware_at.isoformat(timespec="minutes"),
        "began": case.facts.get("began") or affected.get("first_at") or "",
        "ended": case.facts.get("ended") or affected.get("last_at") or "",
        "categories": ", ".join(named) or ("none" if affected else ""),
        "persons": str(affected["persons"]) if "persons" in affected else "",
        "records": str(affected["records"]) if "records" in affected else "",
        "intelligible": _intelligible(affected),
        "late": f"Reasons for the delay (Article 33(1)): {late}\n" if late else "",
    }


def _title(key: str, catalog: Catalog) -> str:
    known = catalog.categories.get(key)
    return known.title if known is not None else key


def _intelligible(affected: Mapping[str, Any]) -> str:
    if "intelligible" not in affected:
        return ""
    if affected["intelligible"]:
        return "The data could be read by whoever got it."
    return "The data was encrypted and the keys stayed safe: whoever got it cannot read it."
