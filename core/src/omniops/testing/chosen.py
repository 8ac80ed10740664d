"""What an integration must do that offers documents or an address book."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omniops.contracts.documents import DocumentContent, DocumentStore
from omniops.contracts.ids import new_id
from omniops.contracts.integration import Integration, Link
from omniops.contracts.plugin import GateDoor
from omniops.errors import NotFound, Rejected
from omniops.testing.suite import Suite

Change = Callable[..., None]


class ReadingSuite(Suite):
    """Part of `IntegrationSuite`, for those that have `documents` or `contacts`: override `document` and `change`, and
    `contact`."""

    @pytest.fixture
    def document(self) -> str:
        """The id of a document that the double has, and that may be read."""
        return ""

    @pytest.fixture
    def change(self) -> Change | None:
        """Changes a document of the double, by its id; with `gone=True` nobody may read it any more."""
        return None

    @pytest.fixture
    def contact(self) -> str:
        """The address of somebody who stands in the double's address book."""
        return ""

    @pytest.fixture
    def store(self, integration: Integration, gate: GateDoor, document: str) -> DocumentStore:
        self.skip_shut(gate, outside=True)
        if integration.documents is None:
            pytest.skip("this integration has no documents")
        assert document, "the double has no document: override the fixture `document`"
        return integration.documents

    def test_documents_and_contacts_are_of_features(self, integration: Integration) -> None:
        keys = {feature.key for feature in integration.features}
        for part in (integration.documents, integration.contacts):
            assert part is None or part.feature in keys, f"{part!r} is of a feature that is not there"

    async def test_a_document_is_read_once_and_offered(
        self, store: DocumentStore, link: Link, document: str, change: Change | None
    ) -> None:
        content = await store.read(link, document, "")
        assert isinstance(content, DocumentContent), "read() gives nothing of a document that is not known"
        assert content.data, "the document is empty"
        assert content.version, "without a version it is fetched again and again"
        assert await store.read(link, document, content.version) is None, "what is known is fetched again"
        assert document in {one.id for one in await store.offered(link)}, "it is not among those that may be chosen"
        if change is not None:
            change(document)
            assert await store.read(link, document, content.version) is not None, "a change has the version of before"

    async def test_what_may_not_be_read_is_not_found(
        self, store: DocumentStore, link: Link, document: str, change: Change | None
    ) -> None:
        with pytest.raises(NotFound):
            await store.read(link, f"none-{new_id().hex}", "")
        if change is not None:
            content = await store.read(link, document, "")
            assert content is not None
            change(document, gone=True)
            with pytest.raises(NotFound):
                await store.read(link, document, content.version)

    async def test_changes_are_told_from_a_place_on(
        self, store: DocumentStore, link: Link, document: str, change: Change | None
    ) -> None:
        place = await store.begin(link)
        assert 0 < len(place) <= 1500, "a place has 1 to 1,500 characters"
        told = await store.changes(link, place)
        assert document not in told.ids, "what did not change since is told"
        if change is not None:
            change(document)
            told = await store.changes(link, told.place)
            assert document in told.ids, "a change is not told"
            assert document not in (await store.changes(link, told.place)).ids, "a change is told again"
        with pytest.raises(Rejected) as refused:
            await store.changes(link, "no place")
        assert refused.value.code == "bad_cursor", "what is no place begins anew only with the code `bad_cursor`"

    async def test_a_contact_is_found_by_its_whole_address_alone(
        self, integration: Integration, link: Link, gate: GateDoor, contact: str
    ) -> None:
        self.skip_shut(gate, outside=True)
        book = integration.contacts
        if book is None:
            pytest.skip("this integration has no address book")
        assert contact, "nobody stands in the double's address book: override the fixture `contact`"
        found = await book.find(link, contact, subjects=())
        assert found is not None, "who stands in the address book is not found"
        assert await book.find(link, contact.upper(), subjects=()) == found, "case makes another person of it"
        for other in (contact[1:], contact[:-1], f"x{contact}", f"{contact}x", contact.partition("@")[0], "*", ""):
            assert await book.find(link, other, subjects=()) is None, f"{other!r} finds somebody else"
