"""Asking the places outside our database where plugins keep data about people. Whatever they do, there is an answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import text
from sqlmodel import select

from omniops.accounts.models import PluginSwitch
from omniops.contracts.plugin import Log
from omniops.contracts.rights import ExternalStore, Fulfilment, Person
from omniops.contracts.scope import Scope
from omniops.database.service import Database

DEADLINE = 20.0
"""Seconds that a store has for one answer."""
_LONGEST = 1000
_LEADS = re.compile(
    r"[^\s,;<>()]+@[^\s,;<>()]+|(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z\d]{2,4}){3,8}(?!\w)"
    r"|(?<![\w-])(?!\d{4}-\d\d-\d\d(?!\d))\+?\(?\d[\d .()/-]{4,}\d(?!\w)"
)
"""Mail addresses, accounts, and numbers of six signs or more, but dates: what may lead to somebody."""
Act = Literal["export", "erase", "rectify", "restrict"]

_RECEIVED = text(
    "select distinct processor from egress_entry where account_id = :account and for_domain = :domain"
    " and (bytes_out > 0 or ended_at is null)"
)


@dataclass(frozen=True, slots=True)
class Outside:
    """A store, with the plugin that declares it."""

    plugin: str
    store: ExternalStore

    @property
    def key(self) -> str:
        return f"{self.plugin}.{self.store.key}"


class Stores:
    """The stores of all loaded plugins."""

    def __init__(
        self, database: Database, declared: Callable[[], Sequence[Outside]], log: Log, deadline: float = DEADLINE
    ) -> None:
        """`declared` gives all that plugins declare, and that core keeps for them."""
        self._database = database
        self.declared = declared
        self._log = log
        self._deadline = deadline

    async def of(self, scope: Scope) -> list[Outside]:
        """The stores that may hold something of a domain's people: of plugins that were ever switched for it, on or off
        again, and of processors that received something. Members of an account are in none."""
        found = self.declared()
        if not found or scope.domain_id is None:
            return []
        async with self._database.session(scope) as session:
            switched = select(PluginSwitch.plugin).where(PluginSwitch.domain_id == scope.domain_id)
            plugins = set((await session.exec(switched)).all())
            connection = await session.connection()
            place = {"account": scope.account_id, "domain": scope.domain_id}
            processors = set((await connection.execute(_RECEIVED, place)).scalars())
        return [one for one in found if one.plugin in plugins or one.store.processor in processors]

    async def ask(self, outside: Outside, act: Act, person: Person, *arguments: Any) -> Fulfilment:
        """The store's answer. One that raises, gives something else or does not answer in time has `failed`."""
        try:
            call: Awaitable[Any] = getattr(outside.store, act)(person, *arguments)
            task = asyncio.ensure_future(call)
        except Exception as error:
            return self._failed(outside, act, type(error).__name__, "raised")
        # Not `timeout`: that would wait for a store that takes no cancellation.
        done, _ = await asyncio.wait({task}, timeout=self._deadline)
        if not done:
            task.cancel()
            task.add_done_callback(_forgotten)
            return self._failed(outside, act, f"No answer within {self._deadline:g} s", "no_answer")
        if task.cancelled() or task.exception() is not None:
            return self._failed(outside, act, type(task.exception()).__name__ if not task.cancelled() else "", "raised")
        answer = task.result()
        if not isinstance(answer, Fulfilment):
            return self._failed(outside, act, f"It gave {type(answer).__name__}", "no_answer")
        return replace(
            answer, evidence=_unnamed(answer.evidence, person)[:_LONGEST], code=_unnamed(answer.code, person)
        )

    async def ask_all(
        self, outside: Sequence[Outside], act: Act, person: Person, *arguments: Any
    ) -> list[tuple[Outside, Fulfilment]]:
        """All at the same time, each with its own deadline."""
        answers = await asyncio.gather(*(self.ask(one, act, person, *arguments) for one in outside))
        return list(zip(outside, answers, strict=True))

    def _failed(self, outside: Outside, act: Act, said: str, code: str) -> Fulfilment:
        # An error's text may hold what the store was asked about: its kind is enough.
        self._log.error("store.failed", store=outside.key, act=act, code=code, said=said)
        return Fulfilment("failed", f"{outside.key}, {act}: {said or 'it was cancelled'}.", code)


def _unnamed(said: str, person: Person) -> str:
    """A text without the person's identifiers, and without what may lead to anybody else: it is kept for longer than
    the person's data."""
    values = sorted({value for known in person.identifiers.values() for value in known if value}, key=len, reverse=True)
    said = re.sub("|".join(map(re.escape, values)), "…", said, flags=re.IGNORECASE) if values else said
    return _LEADS.sub("…", said)


def _forgotten(task: asyncio.Future[Any]) -> None:
    """Looks at the end of a call that nobody waits for any more, so that nothing warns of it."""
    if not task.cancelled():
        task.exception()
