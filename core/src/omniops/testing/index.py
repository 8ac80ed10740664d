"""What every knowledge index must do: find, forget at once, and never look into another domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest

from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import (
    Encoder,
    Found,
    IndexOffer,
    IndexParts,
    KnowledgeIndex,
    Passage,
    PassageStore,
    StoredPassages,
)
from omniops.contracts.scope import Scope
from omniops.hookspecs import Plugin
from omniops.testing.provider import TEXTS, UNICODE, hit
from omniops.testing.suite import Suite

ROUNDS = 200
"""Searches within which a change is seen. The built-in index answers from the state before for at most half a second
of each search."""


class MemoryStore(PassageStore):
    """The passages of some domains. Every change makes a new generation, as committing one does."""

    def __init__(self, encoder: Encoder | None = None) -> None:
        self._encoder = encoder
        self._rows: dict[UUID | None, dict[UUID, Passage]] = {}
        self._generation = 0

    def put(self, scope: Scope, *passages: Passage) -> None:
        self._rows.setdefault(scope.domain_id, {}).update({passage.id: passage for passage in passages})
        self._generation += 1

    def remove(self, scope: Scope, passage: Passage) -> None:
        del self._rows[scope.domain_id][passage.id]
        self._generation += 1

    async def generation(self, scope: Scope) -> str:
        return str(self._generation)

    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Passage]:
        rows = self._rows.get(scope.domain_id, {})
        return {one: rows[one] for one in ids if one in rows}

    async def passages(self, scope: Scope, encoder_id: str | None) -> StoredPassages:
        rows = list(self._rows.get(scope.domain_id, {}).values())
        stored = StoredPassages(
            generation=str(self._generation),
            ids=[row.id for row in rows],
            texts=[row.text for row in rows],
            contexts=[row.context for row in rows],
            questions=[row.question for row in rows],
            vectors=None,
            languages=[row.language for row in rows],
        )
        if self._encoder is None or self._encoder.id != encoder_id or not rows:
            return stored
        import numpy

        scaled = numpy.rint(self._encoder.encode([f"{row.context} {row.text}" for row in rows]) * self._encoder.scale)
        return replace(stored, vectors=numpy.clip(scaled, -127, 127).astype(numpy.int8))


class KnowledgeIndexSuite(Suite):
    """The contract of an index, tried over a store in memory."""

    index_name: ClassVar[str | None] = None
    """Which index, where the plugin offers several."""

    @pytest.fixture
    def encoder(self) -> Encoder | None:
        """The sentence encoder of the deployment. Override it to try the index with vectors."""
        return None

    @pytest.fixture
    def offer(self, plugin: Plugin) -> IndexOffer:
        """The offer under test."""
        found: Sequence[IndexOffer] = self.offered(plugin, "knowledge_indexes")
        return self.only(found, [offer.name for offer in found], self.index_name, "index_name")

    @pytest.fixture
    def store(self, encoder: Encoder | None) -> MemoryStore:
        """The rows that the index reads."""
        return MemoryStore(encoder)

    @pytest.fixture
    def scope(self, store: MemoryStore) -> Scope:
        """A domain with the passages of a small shop."""
        scope = Scope(new_id(), new_id())
        store.put(scope, *(hit(text, title).passage for title, text in TEXTS))
        return scope

    @asynccontextmanager
    async def opened(
        self, offer: IndexOffer, store: MemoryStore, encoder: Encoder | None, folder: Path
    ) -> AsyncIterator[KnowledgeIndex]:
        """The index, opened as core opens it."""
        index = offer.open(IndexParts(store=store, encoder=lambda: encoder, folder=folder, memory=64 << 20))
        try:
            yield index
        finally:
            await index.close()

    async def test_it_finds_the_right_passage(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            for (title, _), question in zip(
                TEXTS, ("open on Saturday", "postage for returns", "parcels before noon"), strict=True
            ):
                found = await index.search(scope, question)
                _check_found(found, limit=10)
                assert found.hits, f"nothing was found for {question!r}"
                assert found.hits[0].passage.title == title, (
                    f"{question!r} finds {found.hits[0].passage.title!r} first, not {title!r}"
                )

    async def test_the_limit_holds(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            found = await index.search(scope, "We open, return and deliver things for you", limit=1)
            _check_found(found, limit=1)

    async def test_an_empty_domain_has_nothing(
        self, offer: IndexOffer, store: MemoryStore, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            found = await index.search(Scope(new_id(), new_id()), "open on Saturday")
            assert found.hits == (), "something was found in a domain without passages"

    async def test_another_domain_is_never_seen(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        other = Scope(scope.account_id, new_id())
        store.put(other, hit("The warehouse is open on Saturday for staff only.", "Staff").passage)
        async with self.opened(offer, store, encoder, tmp_path) as index:
            for searched, foreign in ((scope, "Staff"), (other, TEXTS[0][0])):
                titles = [one.passage.title for one in (await index.search(searched, "open on Saturday")).hits]
                assert titles, "nothing was found"
                assert foreign not in titles, "a passage of another domain was found"

    async def test_a_deleted_passage_is_gone_at_once(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            first = (await index.search(scope, "open on Saturday")).hits[0].passage
            store.remove(scope, first)  # nobody calls changed(): a notice may be late or lost
            for _ in range(3):
                ids = [one.passage.id for one in (await index.search(scope, "open on Saturday")).hits]
                assert first.id not in ids, "a passage that was deleted is still found"

    async def test_a_new_passage_is_found(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            await index.search(scope, "open on Saturday")
            new = hit("Gift cards are valid for three years.", "Gift cards").passage
            store.put(scope, new)
            for _ in range(ROUNDS):
                if new.id in [one.passage.id for one in (await index.search(scope, "gift cards valid")).hits]:
                    return
        pytest.fail(f"a new passage was not found in {ROUNDS} searches")

    async def test_every_process_finds_the_same(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        question = "When do you open, deliver and take things back?"
        async with (
            self.opened(offer, store, encoder, tmp_path) as first,
            self.opened(offer, store, encoder, tmp_path) as second,
        ):
            one, two = await first.search(scope, question), await second.search(scope, question)
        assert [found.passage.id for found in one.hits] == [found.passage.id for found in two.hits], (
            "two processes over the same rows find different passages"
        )
        assert [found.score for found in one.hits] == [found.score for found in two.hits]

    async def test_any_question_is_a_question(
        self, offer: IndexOffer, store: MemoryStore, scope: Scope, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        store.put(scope, hit(UNICODE, "Ünïcode").passage)
        async with self.opened(offer, store, encoder, tmp_path) as index:
            for question in ("", " ", "?", "👩‍👩‍👧", "東京店", "the the the", "'; drop table passage; --", "x" * 5000):
                _check_found(await index.search(scope, question), limit=10)

    async def test_closing_twice_is_harmless(
        self, offer: IndexOffer, store: MemoryStore, encoder: Encoder | None, tmp_path: Path
    ) -> None:
        async with self.opened(offer, store, encoder, tmp_path) as index:
            await index.close()


def _check_found(found: Found, *, limit: int) -> None:
    assert isinstance(found, Found), f"search() gave {type(found).__name__}, not Found"
    assert len(found.hits) <= limit, f"search() gave {len(found.hits)} passages, at most {limit} were asked for"
    scores = [one.score for one in found.hits]
    assert scores == sorted(scores, reverse=True), f"hits are not best first: {scores}"
    assert 0 <= found.cover <= 1 + 1e-6, f"cover is {found.cover}; it is a share"
    ids = [one.passage.id for one in found.hits]
    assert len(set(ids)) == len(ids), "one passage was found twice"
