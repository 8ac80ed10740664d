"""The provider: an answer that the business wrote where there is one; else level, then quotes, each ended by its
source. It never writes a word of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import ClassVar

from omniops.contracts.plugin import EncoderSource, PluginSettings
from omniops.contracts.provider import (
    Cap,
    Citation,
    Deployment,
    Done,
    Event,
    Level,
    Provider,
    Request,
    Started,
    Text,
    Timeouts,
)
from omniops.defaults.quoting.levels import level
from omniops.defaults.quoting.products import product

CLOSEST = 3
"""Passages shown where none answers."""


class QuotingProvider(Provider):
    """Answers inside this process: nothing is sent to anybody."""

    name: ClassVar[str] = "quoting"

    def __init__(self, encoder: EncoderSource) -> None:
        self._encoder = encoder

    def deployments(self) -> Sequence[Deployment]:
        return [Deployment("quoting", "quoting", "two-sentence window", "local", None, caps=Cap.CITATIONS)]

    @asynccontextmanager
    async def stream(
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        async with aclosing(self._events(request)) as events:
            yield events

    async def _events(self, request: Request) -> AsyncGenerator[Event]:
        yield Started("quoting")
        if not request.passages:
            yield Level("none", 0.0)
            yield Done("end")
            return
        from omniops.defaults.quoting.curated import curated
        from omniops.defaults.quoting.windows import read

        own = await asyncio.to_thread(curated, request.question, request.passages, self._encoder())
        if own is not None:
            yield Level("answer", 1.0)
            yield Text(own.text)
            yield Citation(own.id, own.text)
            yield Done("end")
            return
        reading = await asyncio.to_thread(read, request.question, request.passages, request.rarity, self._encoder())
        claims = level(reading.strength, request.cover, answer_cut=request.answer_cut, closest_cut=request.closest_cut)
        yield Level(claims, reading.strength if reading.strength is not None else request.cover)
        count = {"answer": 1, "closest": CLOSEST, "none": 0}[claims]
        # A curated answer has a passage for each of its questions: it is shown once.
        shown = list({window.text: window for window in reversed(reading.windows)}.values())[::-1]
        for number, window in enumerate(shown[:count]):
            yield Text(("\n\n" if number else "") + window.text)
            yield Citation(window.hit.passage.id, window.text)
        if claims == "answer" and (card := product(reading.windows[0].hit.passage, request.passages)):
            yield card
        yield Done("end")
