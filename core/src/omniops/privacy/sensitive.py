"""For what sensitive data may be used by somebody who limits it (Cal. Civ. Code 1798.121): the list of 11 CCR 7027(m),
as data with its source and the day by which somebody looks at it again.

A purpose that is not in the list, as one of a plugin, is shut.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from omniops.privacy.fact import Fact, Grade


@dataclass(frozen=True, slots=True)
class Use:
    """A use that the law allows: its words in short, where it stands, how that was read, and the purposes here that
    are one."""

    use: str
    law: str
    grade: Grade
    url: str
    purposes: Sequence[str]


@dataclass(frozen=True, slots=True)
class SensitiveUses:
    """The whole list. After `review_by` somebody must have looked again."""

    source: str
    reviewed: date
    review_by: date
    uses: Sequence[Use]
    purposes: frozenset[str]


@lru_cache(1)
def sensitive_uses() -> SensitiveUses:
    read = json.loads(files("omniops.privacy").joinpath("sensitive.json").read_bytes())
    uses = tuple(Use(one["use"], one["law"], one["grade"], one["url"], tuple(one["purposes"])) for one in read["uses"])
    return SensitiveUses(
        read["source"],
        date.fromisoformat(read["reviewed"]),
        date.fromisoformat(read["review_by"]),
        uses,
        frozenset(purpose for one in uses for purpose in one.purposes),
    )


def facts() -> list[Fact]:
    """What is stated about uses of sensitive data."""
    whole = sensitive_uses()
    return [
        Fact(
            "sensitive",
            ", ".join(one.purposes),
            one.use,
            one.law,
            one.url,
            one.grade,
            whole.reviewed,
            whole.review_by,
        )
        for one in whole.uses
    ]
