"""Encoders, sources and indexes that each break one promise."""

import hashlib
import random

from broken_base import broken
from omniops import Plugin, hookimpl
from omniops.contracts.knowledge import Encoder, EncoderOffer, Found, Hit, IndexOffer, KnowledgeIndex, Source

# Encoders: hashed words


class Hashed(Encoder):
    id = "hashed:1"
    dimensions = 64
    weight = 0.5
    scale = 127.0

    def encode(self, texts):
        import numpy

        rows = numpy.zeros((len(texts), self.dimensions), dtype=numpy.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().replace("'", " ").replace(".", "").split():
                row[int(hashlib.sha256(word.rstrip("s").encode()).hexdigest(), 16) % self.dimensions] += 1
        return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def encoder(cls):
    @hookimpl
    def encoders(self):
        return [EncoderOffer("hashed", "Hashed words", 1, cls)]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "encoders": encoders}))
    return cls


@encoder
class Unequal(Hashed):
    def encode(self, texts):
        return super().encode(texts) * 2


@encoder
class Doubled(Hashed):
    def encode(self, texts):
        return super().encode(texts).astype("float64")


@encoder
class Together(Hashed):
    def encode(self, texts):
        import numpy

        rows = super().encode(texts)
        rows = rows + rows.sum(axis=0)
        return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@encoder
class Coarse(Hashed):
    scale = 12.7


@encoder
class Nameless(Hashed):
    def __init__(self):
        self.id = f"hashed:{random.random()}"


# Sources


class Pages(Source):
    title = "Pages"

    async def seeds(self, source, fetch):
        yield source.url

    def accepts(self, source, url):
        return source.admits(url)


def source(cls):
    cls.kind = cls.__name__.lower()

    @hookimpl
    def sources(self):
        return [cls()]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "sources": sources}))
    return cls


@source
class Circling(Pages):
    async def seeds(self, source, fetch):
        yield source.url
        for hint in source.hints:
            found = (await fetch.sitemap(hint)).children
            while found:
                yield hint
                found = (await fetch.sitemap(found[0])).children


@source
class Greedy(Pages):
    def accepts(self, source, url):
        return True


# Indexes: words in common


class Common(KnowledgeIndex):
    name = "common"

    def __init__(self, parts):
        self.parts = parts

    async def search(self, scope, question, *, limit=10):
        rows = await self.parts.store.passages(scope, None)
        asked = set(question.lower().split())
        common = [len(asked & set(text.lower().replace(",", " ").split())) for text in rows.texts]
        best = sorted((i for i, n in enumerate(common) if n), key=lambda i: -common[i])[:limit]
        found = await self.parts.store.fetch(scope, [rows.ids[i] for i in best])
        return Found(tuple(Hit(found[rows.ids[i]], common[i], None, 1.0) for i in best if rows.ids[i] in found), 0.5)


def index(cls):
    @hookimpl
    def knowledge_indexes(self):
        return [IndexOffer("common", "Common words", cls)]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "knowledge_indexes": knowledge_indexes}))
    return cls


@index
class Hoarder(Common):
    def __init__(self, parts):
        super().__init__(parts)
        self.kept = {}

    async def search(self, scope, question, *, limit=10):
        key = scope, question
        if key not in self.kept or not self.kept[key].hits:
            self.kept[key] = await super().search(scope, question, limit=limit)
        return self.kept[key]


@index
class Borderless(Common):
    first = None

    async def search(self, scope, question, *, limit=10):
        self.first = self.first or scope
        return await super().search(self.first, question, limit=limit)


@index
class Generous(Common):
    async def search(self, scope, question, *, limit=10):
        return await super().search(scope, question, limit=99)
