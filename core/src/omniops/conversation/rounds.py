"""The rounds of one turn: the model is asked, its tools run, it is asked again with what they gave back."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.provider import (
    Deployment,
    Done,
    Event,
    Provider,
    Refusal,
    Request,
    Shown,
    Text,
    ToolCall,
    ToolResult,
    ToolRound,
    Usage,
)
from omniops.conversation.progress import Progress, Question, Working
from omniops.conversation.routing.route import Chosen, Reset, Router
from omniops.conversation.tools.own import OwnTools
from omniops.conversation.tools.running import Offered, ToolRuns, TurnRef, Used
from omniops.conversation.writing.pipeline import Writing
from omniops.conversation.writing.prompting import Border, results

ROUNDS = 5
"""Times that a model may be asked in one turn: it may call tools in all but the last."""
LONGEST_TALK = 400
"""Characters of what states nothing about the business. Whatever is longer does."""
CALLS = 12
"""Tools that run in one turn."""


class Rounds:
    """One turn's rounds."""

    def __init__(
        self,
        runs: ToolRuns,
        question: Question,
        progress: Progress,
        border: Border,
        labels: Mapping[str, Passage],
        own: OwnTools,
        offered: Sequence[Offered],
        *,
        drafting: bool,
    ) -> None:
        self._runs = runs
        self._question = question
        self._drafting = drafting
        self._progress = progress
        self._redaction = progress.redaction
        self._border = border
        self._labels = dict(labels)
        self._own = own
        self._offered = {each.tool.name: each for each in reversed(offered)}
        self._writing: Writing | None = None
        self._calls = 0
        self._refused = False

    async def events(
        self, router: Router, providers: Sequence[Provider], request: Request, sticky: Deployment | None
    ) -> AsyncGenerator[Event | Working | Reset]:
        """What a visitor may see, as it comes. Raises `ProviderError`, `NoDeployment` and `Recited`."""
        for number in range(1, ROUNDS + 1):
            calls: list[ToolCall] = []
            done, said = Done("end"), ""
            if number == ROUNDS:
                request = replace(request, tool_choice="none")
            routed = router.route(
                request,
                self._question.domain,
                providers,
                trace=self._progress.trace,
                sticky=sticky,
                may_reset=self._calls == 0,
            )
            async with aclosing(routed) as given:
                async for event in given:
                    match event:
                        case Reset():
                            self._writing, said = None, ""
                            yield event
                        case Chosen(sticky):
                            self._chosen(sticky, request)
                        case Done():
                            done = event
                        case ToolCall():
                            calls.append(event)
                        case _:
                            self._refused = self._refused or isinstance(event, Refusal)
                            said += event.delta if isinstance(event, Text) else ""
                            for shown in self._seen(event):
                                yield shown
            self._count(done)
            if not calls or number == ROUNDS:
                break
            answers = []
            for call in calls:
                if (found := self._offered.get(call.name)) is not None:
                    yield Working(found.tool.title)
                used = await self._use(call)
                answers.append(await self._told(call, used))
                for card in used.cards:
                    yield Shown(card)
            round_ = ToolRound(said, tuple(calls), tuple(answers), done.replay)
            request = replace(request, rounds=(*request.rounds, round_))
        if self._writing is not None:
            for shown in self._writing.pause():
                yield shown
            self._judge()
            if self._unfounded():
                self._progress.notes["unfounded"] = True
                yield Reset()
                self._progress.answer.level = "none"

    def _chosen(self, deployment: Deployment, request: Request) -> None:
        """Notes who answers. A model's words go through `Writing`; an answerer in this process quotes, and is shown as
        it is."""
        self._progress.first = self._progress.first or time.perf_counter()
        self._progress.notes["by"] = _by(deployment)
        if self._writing is None and deployment.processor is not None:
            hosts = self._question.domain.hosts
            self._writing = Writing(self._redaction.restorer(), self._labels, hosts, request.system)

    def _seen(self, event: Event) -> Iterator[Event]:
        return iter((event,)) if self._writing is None else self._writing.feed(event)

    def _count(self, done: Done) -> None:
        before, usage = self._progress.usage, done.usage
        self._progress.usage = Usage(
            input=before.input + usage.input,
            output=before.output + usage.output,
            measured=before.measured and usage.measured,
            cache_read=before.cache_read + usage.cache_read,
            cache_write=before.cache_write + usage.cache_write,
            reasoning=before.reasoning + usage.reasoning,
            region_served=usage.region_served or before.region_served,
        )
        self._progress.notes["stop"] = done.stop

    async def _use(self, call: ToolCall) -> Used:
        self._calls += 1
        if self._calls > CALLS:
            return Used("No more tools can be used for this question. Answer with what you have.", "too_many")
        question = self._question
        turn = TurnRef(
            question.scope,
            question.conversation_id,
            question.turn_id,
            question.subject_id,
            question.language,
            self._drafting,
        )
        args = replace(call, args=_deep(call.args, self._redaction.restore))
        name = call.name if call.name in self._offered else "?"
        with self._progress.timed(name):
            used = await self._runs.use(turn, self._offered, args)
        self._progress.tools.append((name, used.state))
        return used

    async def _told(self, call: ToolCall, used: Used) -> ToolResult:
        """What the model reads: hidden like what the visitor wrote, between borders, with the label to cite it by."""
        if used.source is None:
            return ToolResult(call.id, used.text, failed=True)
        if self._own.found:
            return ToolResult(call.id, "\n\n".join(self._found(hit) for hit in self._own.taken()))
        label = f"T{self._calls}"
        self._know(label, used.source)
        (hidden,) = await self._redaction.hide_all([used.text])
        text = results(self._border, label, used.source.title, hidden)
        return ToolResult(call.id, text)

    def _found(self, hit: Hit) -> str:
        known = next((label for label, passage in self._labels.items() if passage.id == hit.passage.id), None)
        label = known or f"S{len(self._labels) + 1}"
        self._know(label, hit.passage)
        return results(self._border, label, hit.passage.context, self._redaction.protect(hit.passage.text))

    def _know(self, label: str, passage: Passage) -> None:
        self._labels[label] = passage
        self._progress.answer.add_passage(passage)
        if self._writing is not None:
            self._writing.add(label, passage)

    def _judge(self) -> None:
        """A model does not say how sure it is: an answer counts by what it cites."""
        progress, answer = self._progress, self._progress.answer
        assert self._writing is not None
        progress.to_person = self._own.to_person
        if self._writing.removed:
            progress.notes["addresses_removed"] = self._writing.removed
        if answer.level is None and answer.sources:
            answer.level = "answer"
        elif answer.level is None and not answer.text:
            answer.level = "none"

    def _unfounded(self) -> bool:
        """Whether the model stated something on no source and no tool: that is taken back, and the visitor is told that
        nothing was found. Small talk, a question back and a refusal state nothing."""
        answer, text = self._progress.answer, self._progress.answer.text
        if answer.level is not None or answer.sources or self._calls or self._refused:
            return False
        assert self._writing is not None
        return len(text) > LONGEST_TALK or not (self._writing.talk or text.endswith(("?", "？", "؟")))


def _by(deployment: Deployment) -> dict[str, Any]:
    """Who writes, and what goes there: for the record and the receipt."""
    return {
        "provider": deployment.provider,
        "model": deployment.model,
        "region": deployment.region,
        "processor": deployment.processor,
        "retention": deployment.retention if deployment.processor else "none",
        "categories": ["user.content.chat"] if deployment.processor else [],
    }


def _deep(value: Any, change: Any) -> Any:
    """Every text in a JSON value, changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _deep(inner, change) for key, inner in value.items()}
    return [_deep(inner, change) for inner in value] if isinstance(value, list | tuple) else value
