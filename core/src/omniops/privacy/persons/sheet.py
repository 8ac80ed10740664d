"""What Art. 15(1) GDPR says that a person is to be told beside the copy, (a) to (h), computed from what is there: the
marks of the columns that hold a value, the catalog, the retention rules, the ledger, the person's own answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from omniops.contracts.declaration import Mark, Purpose
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.privacy.catalog import Catalog
from omniops.privacy.persons.fields import CORE, FieldMap, Held
from omniops.privacy.persons.people import home_of
from omniops.privacy.persons.recipients import Recipients
from omniops.privacy.policy import decide
from omniops.vault.keys import state_of
from omniops.vault.models import Subject

BASES = {"contract": "6(1)(b)", "consent": "6(1)(a)", "legal_obligation": "6(1)(c)", "legitimate_interests": "6(1)(f)"}
RIGHTS = (
    ("15", "copy", "have a copy of all that is held"),
    ("16", "rectification", "have what is wrong corrected"),
    ("17", "erasure", "have it erased"),
    ("18", "restriction", "have its use restricted"),
    ("20", "portability", "take it elsewhere, in files that programs read"),
    ("21", "objection", "object to what rests on a legitimate interest"),
    ("22", "human", "be answered by a person, not by a machine"),
    ("7(3)", "withdrawal", "withdraw a consent, as easily as it was given"),
)
_LOGIC = (
    "A language model, or a search, answers from the business's own pages. It writes text; what has legal or similarly"
    " significant effects is decided by a person."
)
_COMPLAINT = "The data protection authority of the country where the person lives or works, or of the business."


@dataclass(frozen=True, slots=True)
class _Found:
    """What one table holds of the person: values by column, and the age of its rows."""

    held: Held
    rows: int
    values: dict[str, int]
    oldest: datetime | None
    newest: datetime | None


class Sheets:
    """Makes access sheets."""

    def __init__(self, database: Database, fields: FieldMap, recipients: Recipients, catalog: Catalog) -> None:
        self._database = database
        self._fields = fields
        self._recipients = recipients
        self._catalog = catalog

    async def of(self, scope: Scope, subjects: Sequence[Subject]) -> dict[str, Any]:
        """The sheet, as JSON can hold it. `sheet_text.py` makes it readable."""
        found = [one for held in await self._fields.of(scope) if (one := await self._count(scope, held, subjects))]
        return {
            "subjects": [str(subject.id) for subject in subjects],
            "since": min(subject.created_at for subject in subjects).isoformat(),
            "purposes": self._purposes(found, subjects),
            "categories": self._categories(found),
            "recipients": [
                one.to_json() for one in await self._recipients.of(scope, [subject.id for subject in subjects])
            ],
            "retention": self._retention(found),
            "rights": [{"article": article, "key": key, "title": title} for article, key, title in RIGHTS],
            "complaint": _COMPLAINT,
            "sources": _sources(found),
            "automated": self._automated(found, subjects),
            "consents": _merged(subjects),
            "limits": {
                "restricted_since": _earliest(subjects),
                "objections": sorted({one for subject in subjects for one in subject.objections}),
                "opt_outs": sorted({one for subject in subjects for one in subject.opt_outs}),
            },
        }

    async def _count(self, scope: Scope, held: Held, subjects: Sequence[Subject]) -> _Found | None:
        columns = [field.column for field in held.personal]
        dated = any(field.column == "created_at" for field in held.fields)
        ages = "min(created_at), max(created_at)" if dated else "null, null"
        counts = "".join(f', count("{column}")' for column in columns)
        statement = text(
            f'select count(*), {ages}{counts} from "{held.name}"'  # noqa: S608 - our own names
            f" where {held.home} = :home and subject_id = any(:subjects)"
        )
        place = {"home": home_of(scope), "subjects": [subject.id for subject in subjects]}
        async with self._database.session(scope) as session:
            rows, oldest, newest, *values = (await (await session.connection()).execute(statement, place)).one()
        return _Found(held, rows, dict(zip(columns, values, strict=True)), oldest, newest) if rows else None

    def _purposes(self, found: Sequence[_Found], subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        """Art. 15(1)(a): purposes that a column with a value names, and whether the door lets them through now."""
        used: dict[str, set[str]] = defaultdict(set)
        for one in found:
            for field in one.held.personal:
                if one.values[field.column]:
                    for purpose in field.purposes:
                        used[purpose].add(field.category)
        return [
            {
                "key": purpose.key,
                "title": purpose.title,
                "basis": purpose.basis,
                "article": BASES[purpose.basis],
                "categories": sorted(used[purpose.key]),
                "stopped": _stopped(purpose, subjects),
            }
            for purpose in self._catalog.purposes.values()
            if purpose.key in used
        ]

    def _categories(self, found: Sequence[_Found]) -> list[dict[str, Any]]:
        """Art. 15(1)(b), with the categories of California's law."""
        counts: dict[str, int] = defaultdict(int)
        for one in found:
            for field in one.held.personal:
                counts[field.category] += one.values[field.column]
        return [
            {
                "key": category.key,
                "title": category.title,
                "california": category.california,
                "sensitive": category.sensitive,
                "values": counts[category.key],
            }
            for category in self._catalog.categories.values()
            if counts.get(category.key)
        ]

    def _retention(self, found: Sequence[_Found]) -> list[dict[str, Any]]:
        """Art. 15(1)(d): per class the rule, and when the newest row of the person goes by it."""
        newest: dict[str, datetime | None] = {}
        for one in found:
            for field in one.held.personal:
                if one.values[field.column]:
                    ages = [age for age in (newest.get(field.retain), one.newest) if age is not None]
                    newest[field.retain] = max(ages, default=None)
        said = []
        for key, age in sorted(newest.items()):
            rule = self._catalog.retention.get(key)
            days = rule.days if rule else None
            until = age + timedelta(days=days) if days is not None and age is not None else None
            said.append(
                {
                    "class": key,
                    "title": rule.title if rule else key,
                    "days": days,
                    "until": until.date().isoformat() if until else None,
                }
            )
        return said

    def _automated(self, found: Sequence[_Found], subjects: Sequence[Subject]) -> list[dict[str, Any]]:
        """Art. 15(1)(h)."""
        used = {p for one in found for field in one.held.personal if one.values[field.column] for p in field.purposes}
        return [
            {
                "purpose": purpose.key,
                "title": purpose.title,
                "opted_out": any(purpose.key in subject.opt_outs for subject in subjects),
                "logic": _LOGIC,
            }
            for purpose in self._catalog.purposes.values()
            if purpose.automated and purpose.key in used
        ]


def _sources(found: Sequence[_Found]) -> list[dict[str, Any]]:
    """Art. 15(1)(g): who brought it: OmniOps itself, from the person and the business, or a plugin."""
    tables: dict[str, list[str]] = defaultdict(list)
    for one in found:
        tables[one.held.owner].append(one.held.name)
    return [
        {
            "source": owner,
            "title": "The person, and the business's answers" if owner == CORE else f"The plugin {owner}",
            "tables": sorted(names),
        }
        for owner, names in sorted(tables.items())
    ]


def _stopped(purpose: Purpose, subjects: Sequence[Subject]) -> str | None:
    """The vault's own decision, on a column that names the purpose: None, or the reason why it stays shut. What holds
    for one subject holds for the person."""
    mark, actor = Mark("personal", purposes=frozenset({purpose.key})), Actor.system("privacy.sheet")
    reasons = [decide(mark, purpose, state_of(subject), actor) for subject in subjects]
    firm = [reason for reason in reasons if reason not in (None, "no_consent")]
    return firm[0] if firm else ("no_consent" if all(reason == "no_consent" for reason in reasons) else None)


def _merged(subjects: Sequence[Subject]) -> dict[str, list[str]]:
    """Each purpose with the person's answers, one for every subject that answered."""
    found: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        for purpose, state in subject.consents.items():
            found[purpose].append(str(state))
    return {purpose: sorted(set(states)) for purpose, states in sorted(found.items())}


def _earliest(subjects: Sequence[Subject]) -> str | None:
    dates = [subject.restricted_at for subject in subjects if subject.restricted_at is not None]
    return min(dates).isoformat() if dates else None
