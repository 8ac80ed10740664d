"""Contacts of a Google account: one entry, found by its exact address, and of it no more than is listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from omniops.contracts.contacts import LONGEST_NAME, LONGEST_NOTE, Contact, Contacts
from omniops.contracts.integration import Link

from omniops_google.client import EMAIL, GoogleClient, Why

CONTACTS, NOTES = "contacts", "contact_notes"
"""Features: name and company, and the notes as well."""
SCOPE = "https://www.googleapis.com/auth/contacts.readonly"
MOST = 30
"""Entries that Google gives for one search at most."""


class GoogleContacts(Contacts):
    """Asks Google's search, which knows only how words begin, and looks at the addresses itself."""

    feature = CONTACTS

    def __init__(self, client: GoogleClient) -> None:
        self._client = client

    async def find(self, link: Link, email: str, *, subjects: Sequence[UUID]) -> Contact | None:
        notes = NOTES in link.features
        # Google asks for a search for nothing before, which brings its index up to date.
        await self._search(link, "", Why(scope=link.scope), notes=False)
        about = Why("support.provide", (EMAIL,), tuple(subjects), link.scope)
        found = await self._search(link, email, about, notes=notes)
        mine = {read(person, notes=notes) for person in found if has(person, email)}
        return mine.pop() if len(mine) == 1 else None

    async def _search(self, link: Link, words: str, why: Why, *, notes: bool) -> Sequence[Mapping[str, Any]]:
        names = "results/person(names/displayName,emailAddresses/value,organizations(name,current)"
        said = await self._client.call(
            link.connection,
            "GET",
            "people",
            "/v1/people:searchContacts",
            why,
            query=words,
            pageSize=MOST,
            readMask="names,emailAddresses,organizations" + (",biographies" if notes else ""),
            fields=names + (",biographies(value,contentType))" if notes else ")"),
        )
        return [one["person"] for one in said.get("results") or () if isinstance(one.get("person"), dict)]


def has(person: Mapping[str, Any], email: str) -> bool:
    """Whether an entry has exactly this address."""
    wanted = email.strip().casefold()
    return any(str(one.get("value") or "").strip().casefold() == wanted for one in person.get("emailAddresses") or ())


def read(person: Mapping[str, Any], *, notes: bool) -> Contact:
    """What is taken of an entry: the first name, the present company, and the note where the business wants it."""
    companies = sorted(person.get("organizations") or (), key=lambda one: not one.get("current"))
    plain = [one for one in person.get("biographies") or () if one.get("contentType") != "TEXT_HTML"]
    return Contact(
        _first(one.get("displayName") for one in person.get("names") or ())[:LONGEST_NAME],
        _first(one.get("name") for one in companies)[:LONGEST_NAME],
        _first(one.get("value") for one in plain)[:LONGEST_NOTE] if notes else "",
    )


def _first(values: Iterator[Any]) -> str:
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")
