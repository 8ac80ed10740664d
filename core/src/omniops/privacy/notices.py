"""What people are told, word for word: each notice by id and language, with a version that is the hash of its words.

Texts lie in `notices.json`. Every version that this deployment ever showed stays in the table `notice_text`, so that
what a person saw when saying yes can be shown again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files

from sqlalchemy import text

from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.privacy.catalog import Catalog

CAUTIONS = ("may_be_wrong", "no_advice", "may_be_outdated")
"""What a person is told about the answers of an AI, in each conversation once and always in the chat's panel."""
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr", "ar")

_KEEP = text(
    "insert into notice_text (id, version, locale, body, created_at)"
    " select id, version, locale, body, now()"
    " from jsonb_to_recordset(cast(:rows as jsonb)) as shown (id text, version text, locale text, body text)"
    " on conflict do nothing"
)
_FIND = text("select id, version, locale, body from notice_text where id = :id and version = :version")


@dataclass(frozen=True, slots=True)
class Notice:
    """One text as it is shown. `version` is the SHA-256 of id, language and words, as hex."""

    id: str
    version: str
    locale: str
    body: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A purpose as a person is asked for it: `title` and `note` are the two lines of the notice's words."""

    purpose: str
    title: str
    note: str
    notice: str
    version: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def notice(key: str, locale: str, body: str) -> Notice:
    digest = hashlib.sha256("\0".join((key, locale, body)).encode()).hexdigest()
    return Notice(key, digest, locale, body)


def cautions(language: str) -> Sequence[Notice]:
    """The notices about an AI's answers, in a language given as a code or a longer tag; English where it is missing."""
    return [_in(key, _texts()[key], language) for key in CAUTIONS]


def choices(catalog: Catalog, language: str) -> Sequence[Choice]:
    """What a person may say yes or no to. A plugin's purpose is asked for by its title."""
    return [_choice(purpose, found) for purpose, found in _asked(catalog, language)]


class NoticeTexts:
    """The versions that this deployment shows and has shown."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog

    async def keep(self) -> None:
        """Stores what is shown from now on; a version that is there already stays as it is."""
        shown = [found for language in LANGUAGES for found in cautions(language)]
        shown += [found for language in LANGUAGES for _, found in _asked(self._catalog, language)]
        async with self._database.connect() as connection:
            await connection.execute(_KEEP, {"rows": json.dumps([asdict(found) for found in shown])})
            await connection.commit()

    async def find(self, key: str, version: str) -> Notice:
        """The words of a version. Raises `Rejected` for one that was never shown."""
        async with self._database.connect() as connection:
            row = (await connection.execute(_FIND, {"id": key, "version": version})).first()
        if row is None:
            raise Rejected(
                f"There is no version {version!r} of the notice {key!r}.", code="unknown_notice", where="version"
            )
        return Notice(row.id, row.version, row.locale, row.body)


def _asked(catalog: Catalog, language: str) -> list[tuple[str, Notice]]:
    found = []
    for purpose in catalog.choices():
        key = f"choice.{purpose.key}"
        found.append((purpose.key, _in(key, _texts().get(key, {"en": purpose.title}), language)))
    return found


def _choice(purpose: str, shown: Notice) -> Choice:
    title, _, note = shown.body.partition("\n")
    return Choice(purpose, title, note, shown.id, shown.version)


def _in(key: str, texts: Mapping[str, str], language: str) -> Notice:
    short = language[:2].lower()
    locale = short if short in texts else "en"
    return notice(key, locale, texts[locale])


@lru_cache(1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(files("omniops.privacy").joinpath("notices.json").read_bytes())
    return found
