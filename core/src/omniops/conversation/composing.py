"""How an answer comes into being: ground it, tell the model what it may know, and show what it says."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.provider import ChatMessage, Deployment, Event, Provider, Request, Text
from omniops.contracts.redaction import Redactor
from omniops.contracts.scope import Actor
from omniops.conversation.appointments.chat import AppointmentsInChat
from omniops.conversation.bulkhead import Bulkhead
from omniops.conversation.courtesies import courtesy
from omniops.conversation.grounding import Search, ground
from omniops.conversation.guard import check
from omniops.conversation.live import LiveTurn
from omniops.conversation.messages import Reader
from omniops.conversation.orders.chat import OrdersInChat
from omniops.conversation.parts import Answer
from omniops.conversation.progress import Progress, Question, Showing, Working
from omniops.conversation.redaction.placeholders import Redaction
from omniops.conversation.rights import RightsInChat
from omniops.conversation.rounds import Rounds
from omniops.conversation.routing.route import Reset, Router
from omniops.conversation.tools.own import OwnTools
from omniops.conversation.tools.running import Offered, ToolRuns
from omniops.conversation.turns import Turns
from omniops.conversation.wording import say
from omniops.conversation.writing.pipeline import Enough, Recited
from omniops.conversation.writing.prompting import Border, context, instructions

FRESH = timedelta(hours=1)
"""Age up to which a price or a stock is told as it is."""
HISTORY = 12
"""Messages of the conversation that a provider sees."""
ACTOR = Actor.system("conversation.answer")
PURPOSE = "chat.respond"


@dataclass(frozen=True, slots=True)
class Answerers:
    """What a turn of one domain may be answered with, as it is switched now."""

    providers: Sequence[Provider]
    tools: Sequence[Offered]
    redactors: Sequence[Redactor]


class Composer:
    """Writes answers. Of two turns it knows nothing but how many are being prepared."""

    def __init__(
        self,
        reader: Reader,
        turns: Turns,
        search: Search,
        answerers: Callable[[DomainView], Awaitable[Answerers]],
        router: Router,
        runs: ToolRuns,
        clock: Clock,
        rights: RightsInChat | None = None,
        orders: OrdersInChat | None = None,
        appointments: AppointmentsInChat | None = None,
    ) -> None:
        """`rights`, `orders` and `appointments` are None where nobody is there to have any, as when a model is
        measured."""
        self._reader = reader
        self._turns = turns
        self._router = router
        self._search = search
        self._answerers = answerers
        self._runs = runs
        self._rights = rights
        self._orders = orders
        self._appointments = appointments
        self._clock = clock
        self._bulkhead = Bulkhead()

    async def compose(self, question: Question, live: LiveTurn, progress: Progress) -> None:
        """Streams the answer into `live` and keeps it in `progress`. Raises `ProviderError` where it is cut short, and
        `NoDeployment` where nothing may answer."""
        show = Showing(live, progress)
        least_age = question.domain.settings.least_age
        if (verdict := check(question.text, question.language, least_age=least_age)) is not None:
            progress.notes["guard"] = verdict.topic
            progress.to_person = verdict.to_person
            if verdict.topic == "child" and self._rights is not None:
                await self._rights.child(question)
            show(Text(verdict.text))
            return
        if self._rights is not None and await self._rights.offer(question, show, progress):
            return
        if self._orders is not None and await self._orders.offer(question, show, progress):
            return
        if await self._courtesy(question, show, progress):
            return
        prepared = await self._bulkhead.run(partial(self._prepared, question, progress, drafting=live.held))
        try:
            async with aclosing(prepared) as events:
                async for event in events:
                    show(event)
            self._date(question, show, progress)
        except Recited:
            progress.notes["recited"] = True
            show.withdraw()
        except Enough:
            progress.notes["stop"] = "length"

    async def _courtesy(self, question: Question, show: Showing, progress: Progress) -> bool:
        """Answers what is no question, where quotes alone would find nothing to say. A model finds its own words."""
        found = courtesy(question.text, question.language)
        if found is None or _outside((await self._answerers(question.domain)).providers):
            return False
        kind, language = found
        progress.notes["courtesy"] = kind
        show(Text(say(kind, language)))
        return True

    def _date(self, question: Question, show: Showing, progress: Progress) -> None:
        """Says how old prices and stock are that the answer stands on, unless they were read just now: no model is
        trusted with that."""
        at, hours = progress.answer.dated, question.domain.settings.hours
        if at is None or self._clock.now() - at < FRESH:
            return
        zone = hours.zone if hours is not None else "UTC"
        when = f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
        show(Text(f"\n\n{say('dated', question.language).format(when)}"))

    async def _prepared(
        self, question: Question, progress: Progress, *, drafting: bool
    ) -> AsyncGenerator[Event | Working | Reset]:
        """Grounds the question, and gives the answer that will come of it: nothing is sent before it is read."""
        domain, settings = question.domain, question.domain.settings
        history = await self._history(question)
        with progress.timed("search"):
            searched, found = await ground(
                self._search, question.scope, question.text, history, enough=settings.answer_cut
            )
        progress.found, progress.answer = found, Answer(found.hits, domain.hosts)
        here = await self._answerers(domain)
        if self._orders is not None and not _outside(here.providers):
            plain = await self._orders.plainly(question, found)
            if plain is not None:
                return _given(plain)
        progress.redaction = redaction = Redaction(
            settings.order_numbers, settings.jurisdiction, question.language, here.redactors
        )
        asked, *said = await redaction.hide_all([searched, *(m.text for m in history), question.text])
        roles = (*(m.role for m in history), "visitor")
        border = Border.new()
        told, labels = context(border, found.hits, redaction.protect)
        own = OwnTools(self._search, domain, self._clock.now())
        offered = list(own.offered())
        for room in (self._orders, self._appointments):
            offered += await room.tools(domain.scope) if room is not None else ()
        taken = {each.tool.name for each in offered}
        offered += [each for each in here.tools if each.tool.name not in taken]
        specs = [each.spec for each in offered]
        request = Request(
            question=asked,
            messages=[ChatMessage(role, text) for role, text in zip(roles, said, strict=True)],
            passages=found.hits,
            language=question.language,
            cover=found.cover,
            answer_cut=settings.answer_cut,
            closest_cut=settings.closest_cut,
            idempotency_key=str(question.turn_id),
            rarity=found.rarity,
            system=instructions(domain, question.language, specs),
            context=told,
            tools=specs,
            cache_key=str(domain.id),
            end_user=hashlib.sha256(question.subject_id.bytes).hexdigest()[:32],
            scope=question.scope,
            subject=question.subject_id,
        )
        rounds = Rounds(self._runs, question, progress, border, labels, own, offered, drafting=drafting)
        sticky = await self._before(question, here.providers)
        return rounds.events(self._router, here.providers, request, sticky)

    async def _before(self, question: Question, providers: Sequence[Provider]) -> Deployment | None:
        """Who answered before in this conversation, and knows it: vendors keep the words of a prompt for a while."""
        vendors = [each for provider in providers for each in provider.deployments() if each.processor is not None]
        if len(vendors) < 2:
            return None
        name = await self._turns.last_deployment(question.scope, question.conversation_id)
        return next((each for each in vendors if each.name == name), None)

    async def _history(self, question: Question) -> tuple[ChatMessage, ...]:
        after = max(0, question.seq - 1 - HISTORY)
        earlier = await self._reader.read(
            question.scope, question.conversation_id, after=after, limit=HISTORY, purpose=PURPOSE, actor=ACTOR
        )
        return tuple(
            ChatMessage("visitor" if m.author == "visitor" else "ai" if m.author == "ai" else "person", m.text)
            for m in earlier
            if m.seq < question.seq and m.author != "system"
        )


def _outside(providers: Sequence[Provider]) -> bool:
    """Whether a model somewhere may be asked, rather than quotes made here alone."""
    return any(each.processor is not None for provider in providers for each in provider.deployments())


async def _given(events: Sequence[Event]) -> AsyncGenerator[Event | Working | Reset]:
    for event in events:
        yield event
