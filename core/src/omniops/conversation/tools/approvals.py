"""Significant actions that the AI proposes: a person decides, and only then something happens (Art. 14 AI Act)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.service import Accounts, DomainView
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope, only_a_person
from omniops.conversation.appointments.chat import AppointmentsInChat
from omniops.conversation.messages import append, locked
from omniops.conversation.orders.chat import OrdersInChat
from omniops.conversation.outbox import Sender
from omniops.conversation.tools.models import ToolRun
from omniops.conversation.tools.running import Offered, ToolRuns, TurnRef, Used
from omniops.conversation.wording import say
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.vault.service import Vault

PURPOSE = "support.provide"


@dataclass(frozen=True, slots=True)
class ToolRunView:
    """A use of a tool that changes something. `args` are what the AI wants done, `result` what came of it."""

    id: UUID
    conversation_id: UUID
    turn_id: UUID
    tool: str
    plugin: str
    risk: str
    state: str
    args: dict[str, Any]
    result: str
    created_at: datetime
    ended_at: datetime | None
    decided_by: str | None


class Approvals:
    """Lists what was proposed or done, and takes a person's decision."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        accounts: Accounts,
        tools: Callable[[DomainView], Awaitable[Sequence[Offered]]],
        runs: ToolRuns,
        sender: Sender,
        audit: Audit,
        orders: OrdersInChat,
        appointments: AppointmentsInChat,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._accounts = accounts
        self._tools = tools
        self._runs = runs
        self._sender = sender
        self._audit = audit
        self._orders = orders
        self._appointments = appointments
        self._clock = clock

    async def all(
        self,
        scope: Scope,
        *,
        state: str | None,
        conversation_id: UUID | None = None,
        after: UUID | None = None,
        limit: int = 50,
        actor: Actor,
    ) -> Sequence[ToolRunView]:
        """Uses of tools, of one conversation or of all, in the order in which they came, after the one with the id
        `after`."""
        async with self._database.session(scope) as session:
            statement = select(ToolRun).where(ToolRun.domain_id == scope.domain_id)
            if state is not None:
                statement = statement.where(ToolRun.state == state)
            if conversation_id is not None:
                statement = statement.where(ToolRun.conversation_id == conversation_id)
            if after is not None:
                statement = statement.where(ToolRun.id > after)
            rows = (await session.exec(statement.order_by(col(ToolRun.id)).limit(limit))).all()
        return await self._views(rows, actor)

    async def decide(self, scope: Scope, run_id: UUID, *, approve: bool, actor: Actor) -> ToolRunView:
        """Approved: it runs now, once, and the visitor reads what came of it. Rejected: nothing runs, and the visitor
        reads that.

        Raises `NotFound`, `Refused` (`needs_a_member`) where a key decides about an act of significance, and `Rejected`
        when somebody decided before, or when the tool is not there any more.
        """
        plugins = await self._tools(await self._accounts.domain(scope))
        own = [*await self._orders.tools(scope), *await self._appointments.tools(scope)]
        offered = {each.tool.name: each for each in [*plugins, *own]}
        async with self._database.session(scope) as session:
            statement = select(ToolRun).where(ToolRun.domain_id == scope.domain_id, ToolRun.id == run_id)
            row = (await session.exec(statement.with_for_update())).first()
            if row is None:
                raise NotFound("There is no such action.")
            if row.state != "proposed":
                raise Rejected("This action is decided already.", code="already_decided")
            if row.risk == "significant":
                only_a_person(actor, f"Whether to {row.tool} is decided")
            found = offered.get(row.tool)
            if approve and (found is None or found.plugin != row.plugin):
                raise Rejected(f"The tool {row.tool} is not available here any more.", code="tool_gone")
            row.state, row.decided_by = "running" if approve else "rejected", actor.name
            row.ended_at = None if approve else self._clock.now()
            session.add(row)
            await session.commit()
        await self._audit.write(
            Entry(
                scope.account_id,
                str(actor),
                "tool.approve" if approve else "tool.reject",
                "tool_run",
                detail={"tool": row.tool, "id": str(row.id)},
            )
        )
        used = await self._run(scope, row, found, actor) if approve and found else None
        await self._tell(scope, row, used)
        async with self._database.session(scope) as session:
            after = await session.get(ToolRun, (scope.domain_id, run_id))
        assert after is not None
        return (await self._views([after], actor))[0]

    async def _run(self, scope: Scope, row: ToolRun, found: Offered, actor: Actor) -> Used:
        opened = await self._vault.open([row], purpose=PURPOSE, actor=actor)
        turn = TurnRef(scope, row.conversation_id, row.turn_id, row.subject_id, "en")
        args: dict[str, Any] = opened(row.args, otherwise={})
        used = await self._runs.approved(turn, found, args, row.key)
        await self._runs.settle(scope, row.id, used)
        return used

    async def _tell(self, scope: Scope, row: ToolRun, used: Used | None) -> None:
        """The visitor reads the outcome as a message of the conversation."""
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, row.conversation_id)
            done = used is not None and used.state == "done"
            said = say("action_done" if done else "action_not_done", conversation.language)
            text = f"{said}\n{used.text}" if used is not None and done else said
            message = await append(
                session, conversation, author="system", text=text, event="action_decided", at=self._clock.now()
            )
            await self._sender.reach(session, scope, conversation, message)
            await session.commit()

    async def _views(self, rows: Sequence[ToolRun], actor: Actor) -> list[ToolRunView]:
        opened = await self._vault.open(rows, purpose=PURPOSE, actor=actor)
        return [
            ToolRunView(
                row.id,
                row.conversation_id,
                row.turn_id,
                row.tool,
                row.plugin,
                row.risk,
                row.state,
                opened(row.args, otherwise={}),
                "" if row.result is None else opened(row.result, otherwise={"text": ""})["text"],
                row.created_at,
                row.ended_at,
                row.decided_by,
            )
            for row in rows
        ]
