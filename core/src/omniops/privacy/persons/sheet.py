"""What Art. 15(1) GDPR says that a person is to be told beside the copy, (a) to (h), computed from what is there: the
marks of the columns that hold a value, the catalog, the retention rules, the ledger, the person's own answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from omniops.contracts.declaration import Mark, Purpose
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.privacy.catalog import Catalog
from omniops.privacy.fields import CORE
from omniops.privacy.persons.fields import FieldMap, Held
from omniops.privacy.persons.people import home_of
from omniops.privacy.persons.recipients import Recipients
from omniops.privacy.persons.sheet_text import readable
from omniops.privacy.persons.titles import Titles
from omniops.privacy.policy import decide
from omniops.vault.keys import state_of
from omniops.vault.models import Subject

BASES = {"contract": "6(1)(b)", "consent": "6(1)(a)", "legal_obligation": "6(1)(c)", "legitimate_interests": "6(1)(f)"}
RIGHTS = (
    ("15", "access"),
    ("16", "rectification"),
    ("17", "erasure"),
    ("18", "restriction"),
    ("20", "portability"),
    ("21", "objection"),
    ("22", "automated_decision"),
    ("7(3)", "withdrawal"),
)
"""Articles of the GDPR, and the rights as `rights.kinds` names them."""


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

    async def of(self, scope: Scope, subjects: Sequence[Subject], language: str = "en") -> dict[str, Any]:
        """The sheet, as JSON can hold it, with titles in a language given as an ISO 639-1 code or a longer tag."""
        titles = Titles(self._catalog, language)
        found = [one for held in await self._fields.of(scope) if (one := await self._count(scope, held, subjects))]
        return {
            "language": titles.language,
            "subjects": [str(subject.id) for subject in subjects],
            "since": min(subject.created_at for subject in subjects).isoformat(),
            "purposes": self._purposes(found, subjects, titles),
            "categories": self._categories(found, titles),
            "recipients": [
                one.to_json() for one in await self._recipients.of(scope, [subject.id for subject in subjects])
            ],
            "retention": self._retention(found, titles),
            "rights": [
                {"article": article, "key": key, "title": titles.word(f"right.{key}")} for article, key in RIGHTS
            ],
            "complaint": titles.word("sheet.authority"),
            "sources": _sources(found, titles),
            "automated": self._automated(found, subjects, titles),
            "consents": _merged(subjects),
            "limits": {
                "restricted_since": _earliest(subjects),
                "objections": sorted({one for subject in subjects for one in subject.objections}),
                "objections_refused": sorted({one for subject in subjects for one in subject.objections_refused}),
                "opt_outs": sorted({one for subject in subjects for one in subject.opt_outs}),
                "shut_for_age": sorted({one for subject in subjects for one in subject.shut_for_age}),
                "sensitive_limited": any(subject.sensitive_limited for subject in subjects),
            },
        }

    def text(self, sheet: Mapping[str, Any]) -> str:
        """The sheet as a person reads it, in its language."""
        return readable(sheet, Titles(self._catalog, sheet["language"]))

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

    def _purposes(self, found: Sequence[_Found], subjects: Sequence[Subject], titles: Titles) -> list[dict[str, Any]]:
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
                "title": titles.purpose(purpose.key),
                "basis": purpose.basis,
                "article": BASES[purpose.basis],
                "categories": sorted(used[purpose.key]),
                "stopped": _stopped(purpose, subjects),
            }
            for purpose in self._catalog.purposes.values()
            if purpose.key in used
        ]

    def _categories(self, found: Sequence[_Found], titles: Titles) -> list[dict[str, Any]]:
        """Art. 15(1)(b), with the categories of California's law."""
        counts: dict[str, int] = defaultdict(int)
        for one in found:
            for field in one.held.personal:
                counts[field.category] += one.values[field.column]
        return [
            {
                "key": category.key,
                "title": titles.category(category.key),
                "california": category.california,
                "sensitive": category.sensitive,
                "values": counts[category.key],
            }
            for category in self._catalog.categories.values()
            if counts.get(category.key)
        ]

    def _retention(self, found: Sequence[_Found], titles: Titles) -> list[dict[str, Any]]:
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
                    "title": titles.retention(key),
                    "days": days,
                    "until": until.date().isoformat() if until else None,
                }
            )
        return said

    def _automated(self, found: Sequence[_Found], subjects: Sequence[Subject], titles: Titles) -> list[dict[str, Any]]:
        """Art. 15(1)(h)."""
        used = {p for one in found for field in one.held.personal if one.values[field.column] for p in field.purposes}
        return [
            {
                "purpose": purpose.key,
                "title": titles.purpose(purpose.key),
                "opted_out": any(purpose.key in state_of(subject).opt_outs for subject in subjects),
                "logic": titles.word("sheet.logic"),
            }
            for purpose in self._catalog.purposes.values()
            if purpose.automated and purpose.key in used
        ]


def _sources(found: Sequence[_Found], titles: Titles) -> list[dict[str, Any]]:
    """Art. 15(1)(g): who brought it: OmniOps itself, from the person and the business, or a plugin."""
    tables: dict[str, list[str]] = defaultdict(list)
    for one in found:
        tables[one.held.owner].append(one.held.name)
    return [
        {
            "source": owner,
            "title": titles.word("sheet.from_person")
            if owner == CORE
            else titles.word("sheet.from_plugin").format(name=owner),
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
