"""What every provider must do: events in order, sources that were given, an end, and nothing left running."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, get_args
from uuid import UUID

import pytest

from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.plugin import GateDoor
from omniops.contracts.provider import (
    Cap,
    ChatMessage,
    Citation,
    Deployment,
    Done,
    Event,
    Level,
    Provider,
    Request,
    Text,
    Timeouts,
)
from omniops.hookspecs import Plugin
from omniops.testing.suite import Suite, left_behind

TEXTS = (
    ("Visit us", "The shop is open Monday to Friday 9:00 to 18:00, Saturday 10:00 to 16:00. We are closed on Sunday."),
    ("Returns", "Send things back within 30 days. We pay the postage for returns inside the country."),
    ("Shipping", "Parcels leave the same day when you order before noon. Delivery takes two days."),
)
UNICODE = (
    "Größe 42½ · 東京店は10時から開いています。 \u200fמבצע\u200f 👩‍👩‍👧 e\u0301té — “quoted”.\nSecond line\twith a tab."
)


def hit(text: str, title: str = "A page", *, score: float = 1.0) -> Hit:
    """A found passage with this text."""
    passage = Passage(
        id=new_id(),
        page_id=new_id(),
        url="https://shop.example/page",
        title=title,
        heading="",
        text=text,
        kind="text",
        read_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Hit(passage, score, None, score)


class ProviderSuite(Suite):
    """The contract of a provider, tried with passages of a small shop."""

    provider_name: ClassVar[str | None] = None
    """Which provider, where the plugin offers several."""
    question: ClassVar[str] = "When are you open on Saturday?"
    limits: ClassVar[Timeouts] = Timeouts()

    @pytest.fixture
    def provider(self, plugin: Plugin) -> Provider:
        """The provider under test."""
        found: Sequence[Provider] = self.offered(plugin, "providers")
        return self.only(found, [provider.name for provider in found], self.provider_name, "provider_name")

    @pytest.fixture
    def deployment(self, provider: Provider, gate: GateDoor) -> Deployment:
        """The deployment that is asked: the first."""
        found = provider.deployments()
        if not found:
            pytest.skip("the provider has no deployment with these settings: set `settings`")
        self.skip_shut(gate, found[0].processor is not None)
        return found[0]

    @pytest.fixture
    def passages(self) -> Sequence[Hit]:
        """What was found for `question`, best first."""
        return [hit(text, title, score=1 - n / 10) for n, (title, text) in enumerate(TEXTS)]

    def request_for(self, question: str, passages: Sequence[Hit]) -> Request:
        """A request as core makes it."""
        return Request(
            question=question,
            messages=[ChatMessage("visitor", question)],
            passages=passages,
            language="en",
            cover=1.0 if passages else 0.0,
            answer_cut=0.5,
            closest_cut=0.3,
            idempotency_key=new_id().hex,
        )

    async def events(self, provider: Provider, request: Request, deployment: Deployment) -> list[Event]:
        """Everything that the provider answers."""
        async with provider.stream(request, deployment, limits=self.limits) as stream:
            return [event async for event in stream]

    def test_deployments_are_named_and_declared(self, provider: Provider, plugin: Plugin) -> None:
        found = provider.deployments()
        names = [deployment.name for deployment in found]
        assert len(names) == len(set(names)), f"two deployments have one name: {', '.join(names)}"
        declared = {processor.key for processor in plugin.declares().processors}
        for deployment in found:
            assert deployment.provider == provider.name, (
                f"deployment {deployment.name!r} names the provider {deployment.provider!r}, not {provider.name!r}"
            )
            assert deployment.processor is None or deployment.processor in declared, (
                f"deployment {deployment.name!r} sends to {deployment.processor!r}, which declares() does not name"
            )

    def test_deployments_are_cheap(self, tmp_path: Path) -> None:
        touched = [what for stage, what in self.observe(tmp_path)["touched"] if stage == "deployments"]
        assert not touched, f"deployments() {'; '.join(touched)}; it is asked at every turn"

    async def test_done_comes_once_and_last(
        self, provider: Provider, deployment: Deployment, passages: Sequence[Hit]
    ) -> None:
        events = await self.events(provider, self.request_for(self.question, passages), deployment)
        check_order(events)

    async def test_level_comes_before_text(
        self, provider: Provider, deployment: Deployment, passages: Sequence[Hit]
    ) -> None:
        events = await self.events(provider, self.request_for(self.question, passages), deployment)
        kinds = [type(event) for event in events]
        assert kinds.count(Level) <= 1, "Level came more than once"
        # A model that writes gives none: core decides by what it cited. Who quotes inside this process knows.
        if Text in kinds and (Level in kinds or deployment.processor is None):
            assert Level in kinds[: kinds.index(Text)], "Text came before Level: nobody can tell what it is worth"

    async def test_citations_quote_given_passages(
        self, provider: Provider, deployment: Deployment, passages: Sequence[Hit]
    ) -> None:
        events = await self.events(provider, self.request_for(self.question, passages), deployment)
        cited = _check_citations(events, passages)
        claims = [event.value for event in events if isinstance(event, Level)]
        if "answer" in claims and Cap.CITATIONS in deployment.caps:
            assert cited, "it claims an answer and citations, and cites nothing"

    async def test_without_passages_it_claims_no_source(self, provider: Provider, deployment: Deployment) -> None:
        events = await self.events(provider, self.request_for(self.question, []), deployment)
        check_order(events)
        assert not any(isinstance(event, Citation) for event in events), "it cites although nothing was found"
        assert not any(isinstance(event, Level) and event.value == "answer" for event in events), (
            "it claims a sourced answer although nothing was found"
        )

    async def test_any_text_survives(self, provider: Provider, deployment: Deployment) -> None:
        passages = [hit(UNICODE, "Ünïcode"), hit("\n"), hit("x" * 20_000)]
        events = await self.events(
            provider, self.request_for("Größe? 東京 👩‍👩‍👧 \u200f e\u0301té", passages), deployment
        )
        check_order(events)
        _check_citations(events, passages)

    async def test_two_answers_do_not_mix(self, provider: Provider, deployment: Deployment) -> None:
        each = [[hit(text, title)] for title, text in TEXTS]
        answers = await asyncio.gather(
            *(self.events(provider, self.request_for(self.question, passages), deployment) for passages in each)
        )
        for events, passages in zip(answers, each, strict=True):
            check_order(events)
            _check_citations(events, passages)

    async def test_leaving_early_ends_everything(
        self, provider: Provider, deployment: Deployment, passages: Sequence[Hit]
    ) -> None:
        before = asyncio.all_tasks()
        async with provider.stream(self.request_for(self.question, passages), deployment, limits=self.limits) as stream:
            await anext(stream)
        left = await left_behind(before)
        assert not left, f"after the stream was left, still running: {', '.join(left)}"
        more = await anext(stream, None)
        assert more is None, f"after the stream was left, it still gave {type(more).__name__}"

    async def test_cancelling_ends_everything(
        self, provider: Provider, deployment: Deployment, passages: Sequence[Hit]
    ) -> None:
        before = asyncio.all_tasks()
        begun, never = asyncio.Event(), asyncio.Event()

        async def visitor() -> None:
            async with provider.stream(
                self.request_for(self.question, passages), deployment, limits=self.limits
            ) as stream:
                await anext(stream)
                begun.set()
                await never.wait()

        task = asyncio.create_task(visitor())
        await asyncio.wait({task, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = await left_behind(before)
        assert not left, f"after a cancellation, still running: {', '.join(left)}"

    async def test_closing_twice_is_harmless(self, provider: Provider) -> None:
        await provider.aclose()
        await provider.aclose()


def check_order(events: Sequence[Any]) -> None:
    """Events of a provider, and exactly one `Done`, last."""
    known = get_args(Event)
    for event in events:
        assert isinstance(event, known), f"{type(event).__name__} is no event of a provider"
    ends = [number for number, event in enumerate(events) if isinstance(event, Done)]
    assert ends, "the stream ended without Done; core takes that for a broken connection"
    assert len(ends) == 1, f"Done came {len(ends)} times"
    assert ends[0] == len(events) - 1, f"{type(events[-1]).__name__} came after Done"


def _check_citations(events: Sequence[Event], passages: Sequence[Hit]) -> list[UUID]:
    """The ids that were cited."""
    texts = {found.passage.id: found.passage.text for found in passages}
    cited = [event for event in events if isinstance(event, Citation)]
    for event in cited:
        assert event.source in texts, f"it cites {event.source}, which was not among the passages"
        assert event.quote.strip(), "it cites with an empty quote"
        assert event.quote in texts[event.source], f"not word for word in its passage: {event.quote!r}"
    return [event.source for event in cited]
