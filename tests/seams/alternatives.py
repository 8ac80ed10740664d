"""A second index and a second encoder, whole: what a plugin's author has to write, and no more.

The index keeps a table of its own in PostgreSQL and ranks by its full-text search. It ranks worse than the built-in one
(see docs/figures.md) and shows what the contract asks of an index that lives outside the process: rows are copied when
the generation is another one, in one transaction, so that every process finds the same; what is found is fetched from
the store again, so that a deleted passage is never in an answer. The encoder counts hashed pieces of words.
"""

import math
import re
import zlib
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

import numpy as np
import psycopg
from omniops import Info, Plugin, hookimpl
from omniops.contracts.knowledge import Encoder, EncoderOffer, Found, Hit, IndexOffer, IndexParts, KnowledgeIndex
from omniops.contracts.scope import Scope

WORD = re.compile(r"\w+")
TABLES = """
create table if not exists words_state (domain_id uuid primary key, generation text not null, passages int not null);
create table if not exists words_passage (
    domain_id uuid not null, id uuid not null, words tsvector not null, primary key (domain_id, id)
);
create index if not exists words_passage_words on words_passage using gin (words);
"""
COPY = """
insert into words_passage (domain_id, id, words) values (%s, %s,
    setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector('simple', %s), 'B'))
"""
RANK = """
select id, ts_rank(words, query, 1) as rank from words_passage, to_tsquery('simple', %s) as query
where domain_id = %s and words @@ query order by rank desc, id limit %s
"""
HAVING = "select count(*) from words_passage where domain_id = %s and words @@ to_tsquery('simple', %s)"


class PostgresIndex(KnowledgeIndex):
    """Full-text search of PostgreSQL over a copy of the rows."""

    name: ClassVar[str] = "postgres"

    def __init__(self, parts: IndexParts, conninfo: str) -> None:
        self._store = parts.store
        self._conninfo = conninfo
        self._ready = False

    async def search(self, scope: Scope, question: str, *, limit: int = 10) -> Found:
        asked = list(dict.fromkeys(WORD.findall(question.lower())))[:64]
        if not asked:
            return Found((), 0.0)
        async with self._connected() as connection:
            size = await self._current(connection, scope)
            query = " | ".join(f"'{word}'" for word in asked)
            rows = await (await connection.execute(RANK, [query, scope.domain_id, limit])).fetchall()
            rarity = {word: await self._rarity(connection, scope, word, size) for word in asked}
        passages = await self._store.fetch(scope, [one for one, _ in rows])
        best = rows[0][1] if rows else 1.0
        hits = tuple(Hit(passages[one], rank / best, None, rank / best) for one, rank in rows if one in passages)
        there = {word for hit in hits[:5] for word in WORD.findall(f"{hit.passage.context} {hit.passage.text}".lower())}
        total = sum(rarity.values())
        return Found(hits, sum(rarity[word] for word in asked if word in there) / total if total else 0.0, rarity)

    async def _current(self, connection: psycopg.AsyncConnection, scope: Scope) -> int:
        """Copies the domain's rows when they changed; one process copies, the others wait. Gives their number."""
        generation = await self._store.generation(scope)
        state = "select generation, passages from words_state where domain_id = %s"
        found = await (await connection.execute(state, [scope.domain_id])).fetchone()
        if found is not None and found[0] == generation:
            return found[1]
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [str(scope.domain_id)])
            rows = await self._store.passages(scope, None)
            await connection.execute("delete from words_passage where domain_id = %s", [scope.domain_id])
            copied = zip(rows.ids, rows.contexts, rows.texts, strict=True)
            async with connection.cursor() as cursor:
                await cursor.executemany(COPY, [(scope.domain_id, *row) for row in copied])
            await connection.execute(
                "insert into words_state values (%s, %s, %s) on conflict (domain_id)"
                " do update set generation = excluded.generation, passages = excluded.passages",
                [scope.domain_id, rows.generation, len(rows.ids)],
            )
        return len(rows.ids)

    async def _rarity(self, connection: psycopg.AsyncConnection, scope: Scope, word: str, size: int) -> float:
        row = await (await connection.execute(HAVING, [scope.domain_id, f"'{word}'"])).fetchone()
        having = row[0] if row else 0
        return math.log1p((size - having + 0.5) / (having + 0.5))

    @asynccontextmanager
    async def _connected(self):
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            if not self._ready:
                await connection.execute("select pg_advisory_lock(7401)")
                await connection.execute(TABLES)
                await connection.execute("select pg_advisory_unlock(7401)")
                self._ready = True
            yield connection


class HashingEncoder(Encoder):
    """512 dimensions; each run of four letters of a word counts into one of them. It knows spelling only."""

    id = "hashing-512:1"
    dimensions = 512
    weight = 0.3
    scale = 127 / 0.5

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in WORD.findall(text.lower()):
                marked = f"<{word}>"
                for at in range(max(1, len(marked) - 3)):
                    row[zlib.crc32(marked[at : at + 4].encode()) % self.dimensions] += 1
        vectors = np.log1p(vectors)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class AlternativesPlugin(Plugin):
    """Finds passages by PostgreSQL's full-text search, and by the spelling of words."""

    info = Info(title="Alternatives", version="0.1.0", omniops=">=0.1,<0.2")
    conninfo: ClassVar[str] = ""

    @hookimpl
    def knowledge_indexes(self) -> Sequence[IndexOffer]:
        conninfo = self.conninfo
        return [IndexOffer("postgres", "PostgreSQL full-text search", lambda parts: PostgresIndex(parts, conninfo))]

    @hookimpl
    def encoders(self) -> Sequence[EncoderOffer]:
        return [EncoderOffer("hashing", "Spelling of words", rank=1, open=HashingEncoder)]
