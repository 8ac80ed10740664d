"""Runs the tools that a model calls: the right ones, with the right arguments, for the right person, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.cards import Card
from omniops.contracts.ids import Clock, new_id
from omniops.contracts.knowledge import Passage
from omniops.contracts.plugin import Log, PluginSettings
from omniops.contracts.provider import ToolCall, ToolSpec
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tools import Customer, Tool, ToolAnswer, ToolUse
from omniops.conversation.messages import locked
from omniops.conversation.models import Turn
from omniops.conversation.parts import clean
from omniops.conversation.tools.models import ToolRun
from omniops.conversation.turns import PROCESS
from omniops.conversation.visitors import identity_of
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.service import Vault

T = TypeVar("T")
LONGEST_RESULT = 20_000
"""Characters of a result that go on."""
ACTOR = Actor.system("conversation.tools")
PURPOSE = "chat.respond"

Connected = Callable[[Scope, str], Awaitable[PluginSettings | None]]
"""The domain's working connection of a plugin, or None."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool with the plugin that brings it; `plugin` is empty for core's own."""

    tool: Tool
    plugin: str = ""

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(self.tool.name, self.tool.description, self.tool.schema)


@dataclass(frozen=True, slots=True)
class TurnRef:
    """The turn that tools run for."""

    scope: Scope
    conversation_id: UUID
    turn_id: UUID
    subject_id: UUID
    language: str
    drafting: bool = False
    """The answer is a draft: then nothing is changed before a person approves it."""


@dataclass(frozen=True, slots=True)
class Used:
    """What came of one call. `text` is for the model. `source` can be cited; it is there when the tool answered."""

    text: str
    state: str
    source: Passage | None = None
    cards: tuple[Card, ...] = field(default=())

    @property
    def failed(self) -> bool:
        return self.source is None


class ToolRuns:
    """The tools of this process."""

    def __init__(self, database: Database, vault: Vault, connected: Connected, clock: Clock, log: Log) -> None:
        self._database = database
        self._vault = vault
        self._connected = connected
        self._clock = clock
        self._log = log

    async def use(self, turn: TurnRef, offered: Mapping[str, Offered], call: ToolCall) -> Used:
        """Runs one call, or says in words for the model why not. Raises nothing that a tool does."""
        found = offered.get(call.name)
        if found is None:
            return Used(f"There is no tool {call.name!r}.", "unknown")
        if call.problem is not None:
            return Used(f"The arguments could not be read: {call.problem}", "bad_arguments")
        try:
            values = found.tool.checked(call.args)
        except Rejected as error:
            return Used(str(error), "bad_arguments")
        customer = await self._customer(turn) if found.tool.identity else None
        if found.tool.identity and customer is None:
            return Used("The customer is not signed in, so this is not available. They can sign in.", "no_identity")
        if found.tool.risk == "read":
            use = await self._use(turn, found, new_id().hex, customer)
            return await self.run(found, use, values)
        return await self._effect(turn, found, dict(call.args), values, customer)

    async def run(self, found: Offered, use: ToolUse, values: Mapping[str, Any]) -> Used:
        """Runs a tool within its time. Whatever it does, the answer is words."""
        answer = await self._within(found, found.tool.run(use, values))
        return answer if isinstance(answer, Used) else self._told(found.tool, answer)

    async def _within(self, found: Offered, call: Awaitable[T]) -> T | Used:
        """What a tool gives within its time, or in words why it gives nothing."""
        tool = found.tool
        try:
            async with asyncio.timeout(tool.timeout):
                return await call
        except TimeoutError:
            return Used(f"{tool.name} did not answer in time.", "timeout")
        except (Rejected, NotFound) as error:
            return Used(str(error), "refused")
        except Exception as error:
            self._log.error(
                "tool.failed", tool=tool.name, plugin=found.plugin, error=type(error).__name__, exc_info=True
            )
            return Used(f"{tool.name} failed.", "failed")

    def _told(self, tool: Tool, answer: ToolAnswer) -> Used:
        if not isinstance(answer, ToolAnswer) or not isinstance(answer.text, str):
            self._log.error("tool.failed", tool=tool.name, error="no ToolAnswer")
            return Used(f"{tool.name} failed.", "failed")
        text = clean(answer.text).strip()
        if len(text) > LONGEST_RESULT:
            text = f"{text[:LONGEST_RESULT]}\n(cut after {LONGEST_RESULT} characters)"
        return Used(text or "(nothing)", "done", source(tool, answer, text, self._clock.now()), answer.cards)

    async def _effect(
        self, turn: TurnRef, found: Offered, args: dict[str, Any], values: Mapping[str, Any], customer: Customer | None
    ) -> Used:
        """A tool that changes something: on record in the transaction that saw that the AI still may."""
        if (before := await self._same(turn, found, args)) is not None:
            return before
        checked = await self._within(found, found.tool.check(await self._use(turn, found, "", customer), values))
        if checked is not None:
            return checked
        proposed = found.tool.risk == "significant" or turn.drafting
        assert turn.scope.domain_id is not None
        row = ToolRun(
            domain_id=turn.scope.domain_id,
            subject_id=turn.subject_id,
            turn_id=turn.turn_id,
            conversation_id=turn.conversation_id,
            tool=found.tool.name,
            plugin=found.plugin,
            risk=found.tool.risk,
            state="proposed" if proposed else "running",
            key=new_id().hex,
            args=seal(args),
            created_at=self._clock.now(),
        )
        async with self._database.session(turn.scope) as session:
            if not await _still_ours(session, turn):
                return Used("A person has taken over. Nothing was done.", "taken_over")
            session.add(row)
            await session.commit()
        if proposed:
            return Used("A colleague has to approve this and has been asked. Tell the customer so.", "proposed")
        used = await self.run(found, await self._use(turn, found, row.key, customer), values)
        await self.settle(turn.scope, row.id, used)
        return used

    async def approved(self, turn: TurnRef, found: Offered, args: Mapping[str, Any], key: str) -> Used:
        """Runs a use that a person approved."""
        try:
            values = found.tool.checked(args)
        except Rejected as error:
            return Used(str(error), "bad_arguments")
        customer = await self._customer(turn) if found.tool.identity else None
        if found.tool.identity and customer is None:
            return Used("The customer's identity is not known any more.", "no_identity")
        return await self.run(found, await self._use(turn, found, key, customer), values)

    async def settle(self, scope: Scope, run_id: UUID, used: Used) -> None:
        """Keeps what came of a use."""
        async with self._database.session(scope) as session:
            row = await session.get(ToolRun, (scope.domain_id, run_id))
            if row is None:
                return
            row.state = "done" if used.state == "done" else "failed"
            row.result = seal({"text": used.text, "title": used.source.title if used.source else ""})
            row.ended_at = self._clock.now()
            session.add(row)
            await session.commit()

    async def _same(self, turn: TurnRef, found: Offered, args: dict[str, Any]) -> Used | None:
        """What came of the same use earlier in this turn, which a crash or a model's stutter may ask for again."""
        async with self._database.session(turn.scope) as session:
            statement = select(ToolRun).where(
                ToolRun.domain_id == turn.scope.domain_id,
                ToolRun.turn_id == turn.turn_id,
                ToolRun.tool == found.tool.name,
            )
            rows = (await session.exec(statement)).all()
        if not rows:
            return None
        opened = await self._vault.open(rows, purpose=PURPOSE, actor=ACTOR)
        row = next((row for row in rows if opened(row.args, otherwise=None) == args), None)
        if row is None:
            return None
        if row.state == "done":
            kept = opened(row.result, otherwise=None) or {"text": "", "title": ""}
            answer = ToolAnswer(kept["text"], title=kept["title"])
            return Used(kept["text"], "done", source(found.tool, answer, kept["text"], self._clock.now()))
        if row.state == "proposed":
            return Used("A colleague has been asked already. Tell the customer so.", "proposed")
        return Used(
            "This was begun before and its outcome is not known. A colleague will look; do not try again.",
            "unknown_outcome",
        )

    async def _use(self, turn: TurnRef, found: Offered, key: str, customer: Customer | None) -> ToolUse:
        connection = await self._connected(turn.scope, found.plugin) if found.plugin else None
        return ToolUse(
            turn.scope,
            turn.conversation_id,
            turn.turn_id,
            turn.language,
            key,
            customer,
            connection,
            turn.subject_id,
        )

    async def _customer(self, turn: TurnRef) -> Customer | None:
        async with self._database.session(turn.scope) as session:
            row = await identity_of(session, turn.scope, turn.subject_id)
        if row is None:
            return None
        opened = await self._vault.open([row], purpose=PURPOSE, actor=ACTOR)
        external_id = opened(row.external_id, otherwise=None)
        return None if external_id is None else Customer(external_id, "jwt" if row.method == "jwt" else "hash")


def source(tool: Tool, answer: ToolAnswer, text: str, at: datetime) -> Passage:
    """A result as something that can be cited."""
    return Passage(
        id=new_id(),
        page_id=new_id(),
        url=answer.url,
        title=answer.title or tool.title,
        heading="",
        text=text,
        kind="tool",
        read_at=at,
    )


async def _still_ours(session: AsyncSession, turn: TurnRef) -> bool:
    """Whether the AI may still act: nobody took over, and the turn runs here. Holds the conversation's lock."""
    conversation = await locked(session, turn.scope, turn.conversation_id)
    row = await session.get(Turn, (turn.scope.domain_id, turn.turn_id))
    return conversation.state in ("ai", "draft") and row is not None and (row.state, row.owner) == ("running", PROCESS)
