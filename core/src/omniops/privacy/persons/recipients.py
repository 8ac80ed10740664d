"""Who really received something about a person, from the ledger of the gate: not who might have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.privacy.register import ProcessorRegister

# A call that is not closed yet counts: what may have left, has left.
_RECEIVED = text(
    "select e.processor, count(distinct e.id) as calls, min(e.at) as first_at, max(e.at) as last_at,"
    " coalesce(array_agg(distinct e.purpose), '{}') as purposes,"
    " coalesce(array_agg(distinct c.category) filter (where c.category is not null), '{}') as categories"
    " from egress_entry e left join lateral jsonb_array_elements_text(e.categories) as c(category) on true"
    " where e.account_id = :account and e.for_domain is not distinct from :domain"
    " and e.subjects ?| cast(:subjects as text[]) and (e.bytes_out > 0 or e.ended_at is null)"
    " group by e.processor order by e.processor"
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A processor that received something about a person. `known` is False where no loaded plugin declares it any more:
    then `name` is its key."""

    processor: str
    name: str
    role: str
    countries: tuple[str, ...]
    known: bool
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    calls: int
    first_at: datetime
    last_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "processor": self.processor,
            "name": self.name,
            "role": self.role,
            "countries": list(self.countries),
            "known": self.known,
            "purposes": list(self.purposes),
            "categories": list(self.categories),
            "calls": self.calls,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
        }


class Recipients:
    """Reads the ledger."""

    def __init__(self, database: Database, register: ProcessorRegister) -> None:
        self._database = database
        self._register = register

    async def of(
        self, scope: Scope, subject_ids: Sequence[UUID], *, category: str | None = None
    ) -> tuple[Recipient, ...]:
        """All recipients, or those of a category: whom a correction, an erasure or a restriction is to be told
        (Art. 19 GDPR)."""
        place = {
            "account": scope.account_id,
            "domain": scope.domain_id,
            "subjects": [str(one) for one in subject_ids],
        }
        async with self._database.session(scope) as session:
            rows = (await (await session.connection()).execute(_RECEIVED, place)).all()
        found = []
        for row in rows:
            entry = self._register.get(row.processor)
            processor = entry.processor if entry else None
            found.append(
                Recipient(
                    processor=row.processor,
                    name=processor.name if processor else row.processor,
                    role=processor.role if processor else "",
                    countries=processor.countries if processor else (),
                    known=processor is not None,
                    purposes=tuple(row.purposes),
                    categories=tuple(row.categories),
                    calls=row.calls,
                    first_at=row.first_at,
                    last_at=row.last_at,
                )
            )
        return tuple(one for one in found if category is None or category in one.categories)
