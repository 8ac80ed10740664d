"""Providers that each break one promise."""

import asyncio
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

from broken_base import broken
from omniops import Plugin, hookimpl
from omniops.contracts.provider import Cap, Citation, Deployment, Done, Level, Provider, Started, Text

# Providers: the first passage, quoted


class Quoter(Provider):
    name = "quoter"
    processor = None

    def deployments(self):
        return [Deployment("quoter", "quoter", "m", "local", self.processor, caps=Cap.CITATIONS)]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        async with aclosing(self.events(request)) as events:
            yield events

    async def events(self, request):
        yield Started("m")
        for event in self.answer(request.passages):
            yield event

    def answer(self, passages):
        if not passages:
            return [Level("none"), Done("end")]
        passage = passages[0].passage
        return [Level("answer"), Text(passage.text), self.cite(passage), Done("end")]

    def cite(self, passage):
        return Citation(passage.id, passage.text)


def provider(cls):
    @hookimpl
    def providers(self):
        return [cls()]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "providers": providers}))
    return cls


@provider
class Endless(Quoter):
    def answer(self, passages):
        return super().answer(passages)[:-1]


@provider
class Twice(Quoter):
    def answer(self, passages):
        return [*super().answer(passages), Done("end")]


@provider
class Hasty(Quoter):
    def answer(self, passages):
        return sorted(super().answer(passages), key=lambda event: not isinstance(event, Text))


@provider
class Liar(Quoter):
    def cite(self, passage):
        return Citation(passage.id, passage.text.upper() + "!")


@provider
class Stranger(Quoter):
    def cite(self, passage):
        return Citation(uuid4(), passage.text)


@provider
class Sourceless(Quoter):
    def answer(self, passages):
        return [Level("answer"), Text("Surely."), Done("end")]


@provider
class Smuggler(Quoter):
    processor = "nobody"


@provider
class Mixer(Quoter):
    async def events(self, request):
        self.passages = request.passages
        await asyncio.sleep(0)
        for event in self.answer(self.passages):
            yield event


@provider
class Leaker(Quoter):
    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.reading = asyncio.create_task(asyncio.Event().wait())
        async with aclosing(self.events(request)) as events:
            yield events


@provider
class Unclosed(Quoter):
    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        yield self.events(request)
