"""The suite's tests of documents and address books notice who breaks the contract."""

from types import SimpleNamespace

import pytest
from cabinet import Cabinet, Paper
from omniops.errors import Rejected
from omniops.testing.chosen import ReadingSuite
from omniops.testing.fakes import AnsweringGate
from rolodex import ANN_CARD, Rolodex


class Clinging(Cabinet):
    async def read(self, link, document_id, known):
        self.papers[document_id].seen = True
        return await super().read(link, document_id, known)


class Restless(Cabinet):
    async def read(self, link, document_id, known):
        return await super().read(link, document_id, "")


class Blind(Cabinet):
    async def offered(self, link):
        return []


class Stale(Cabinet):
    async def read(self, link, document_id, known):
        return None if known else await super().read(link, document_id, known)


class Deaf(Cabinet):
    async def changes(self, link, place):
        return (await super().changes(link, place)).__class__(frozenset(), place)


class Repeating(Cabinet):
    async def changes(self, link, place):
        return await super().changes(link, "0")


class Nearly(Rolodex):
    async def find(self, link, email, *, subjects):
        return next((card for known, card in self.cards.items() if known.startswith(email.casefold())), None)


class Exact(Rolodex):
    async def find(self, link, email, *, subjects):
        return self.cards.get(email.casefold())


class Numbered(Cabinet):
    async def changes(self, link, place):
        if not place.isdigit():
            raise Rejected("This is no place.", code="bad_cursor")
        return await super().changes(link, place)


READ, GONE, TOLD = (
    "test_a_document_is_read_once_and_offered",
    "test_what_may_not_be_read_is_not_found",
    "test_changes_are_told_from_a_place_on",
)


async def tried(kind, test):
    store = kind()
    store.fill(a=Paper("Prices", "900 euros"))

    def change(number, *, gone=False):
        store.change(number, seen=not gone)

    await getattr(ReadingSuite(), test)(store, None, "a", change)


@pytest.mark.parametrize("test", [READ, GONE, TOLD])
async def test_who_keeps_the_contract_passes(test):
    await tried(Numbered, test)


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        *((Restless, READ), (Blind, READ), (Stale, READ)),
        *((Clinging, GONE), (Stale, GONE)),
        *((Deaf, TOLD), (Repeating, TOLD)),
    ],
)
async def test_who_breaks_it_fails(kind, test):
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        await tried(kind, test)


async def test_only_a_whole_address_finds_somebody():
    for book, fails in ((Exact(), False), (Nearly(), True)):
        book.fill(ann=ANN_CARD)
        integration, gate = SimpleNamespace(contacts=book), AnsweringGate(lambda request: None)
        asked = ReadingSuite().test_a_contact_is_found_by_its_whole_address_alone(
            integration, None, gate, "ann@customers.example"
        )
        if not fails:
            await asked
            continue
        with pytest.raises(AssertionError, match="finds somebody else"):
            await asked
