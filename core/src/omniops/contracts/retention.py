"""What a plugin is asked before data is deleted at the end of its time, and told afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from omniops.contracts.scope import Scope


@dataclass(frozen=True, slots=True)
class Expiring:
    """What is about to go. `before` gives, for each table and each of its times, the moment up to which rows are over
    time: `{"message": {"created_at": …}}`. Rows of persons under a legal hold are out already."""

    scope: Scope
    before: Mapping[str, Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class KeptBack:
    """What must stay for now: all rows of some persons, or single rows by table and id. An empty one keeps nothing.

    `why` is shown in the plan; write no name of anybody into it.
    """

    subjects: frozenset[UUID] = frozenset()
    rows: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """A run that is over. `deleted` counts rows by table, and emptied fields by `table.field`; `shredded` counts
    persons of whom nothing was left, so that their keys were destroyed."""

    scope: Scope
    run_id: UUID
    state: Literal["done", "incomplete"]
    deleted: Mapping[str, int]
    shredded: int
