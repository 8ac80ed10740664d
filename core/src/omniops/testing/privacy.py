"""What every store outside our database must do: answer for itself, in time, and truly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest

from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.contracts.rights import ExternalStore, Fulfilment, Person
from omniops.contracts.scope import Scope
from omniops.errors import OmniOpsError
from omniops.hookspecs import Plugin
from omniops.testing.fakes import ShutGate
from omniops.testing.fakes import context as make_context
from omniops.testing.suite import Suite

Act = Literal["export", "erase", "rectify", "restrict"]
Plant = Callable[[Person], Awaitable[None]]
_SCOPE = Scope(UUID(int=1), UUID(int=2))
_ASKED_FOR = ("done", "nothing_held", "refused")


class PrivacySuite(Suite):
    """The contract of an `ExternalStore`. Override `gate` with a double of the other side, and `plant`, which puts
    something about a person there.

    A store that hangs, raises, gives no `Fulfilment` or says what is not so fails. `refused` is an answer, with the
    code of the law that demands to keep the data.
    """

    store_key: ClassVar[str | None] = None
    """Which store, where the plugin declares several."""
    deadline: ClassVar[float] = 20.0
    """Seconds that one answer may take; core waits no longer."""
    corrected: ClassVar[tuple[str, str]] = ("contact.email", "new.ann@omniops.example")
    """A category that the store can correct, and a value for it."""

    @pytest.fixture
    def store(self, plugin: Plugin) -> ExternalStore:
        """The store under test."""
        return self._store(plugin)

    @pytest.fixture
    def person(self) -> Person:
        """Somebody that `plant` puts there. Override it where the other side knows people by something else."""
        return Person(_SCOPE, (UUID(int=11), UUID(int=12)), {"email": ("ann@omniops.example",)})

    @pytest.fixture
    def other(self) -> Person:
        """Somebody else that `plant` can put there."""
        return Person(_SCOPE, (UUID(int=21),), {"email": ("bob@omniops.example",)})

    @pytest.fixture
    def plant(self) -> Plant:
        """Puts something about a person into the double of the other side. Override it."""
        pytest.skip("nothing to look for: override the fixture `plant`")

    def test_it_is_named_and_its_processor_declared(self, store: ExternalStore, plugin: Plugin) -> None:
        assert store.key, "the store has no key"
        assert store.title.strip(), "the store has no title for people"
        declared = plugin.declares()
        keys = [one.key for one in declared.stores]
        assert len(keys) == len(set(keys)), "two stores have one key"
        assert store.processor in {processor.key for processor in declared.processors}, (
            f"store {store.key!r} calls {store.processor!r}, which declares() does not name"
        )

    async def test_of_a_stranger_it_holds_nothing(self, store: ExternalStore, person: Person, gate: GateDoor) -> None:
        self.skip_shut(gate, outside=True)
        for act in ("export", "erase"):
            answer = await self._ask(store, act, person)
            assert answer.state == "nothing_held", f"{act}() of somebody unknown says {answer.state!r}"
            assert not answer.data, f"{act}() of somebody unknown gives data"

    async def test_a_copy_holds_what_is_there(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        copy = await self._ask(store, "export", person)
        assert copy.state == "done", f"export() of what was planted says {copy.state!r}"
        assert copy.data, "export() says done and gives no data"
        assert json.loads(json.dumps(copy.data)) == copy.data, "export() gives what JSON cannot hold"

    async def test_what_it_says_it_erased_is_gone(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        answer = await self._ask(store, "erase", person)
        assert answer.state in ("done", "refused"), f"erase() of what was planted says {answer.state!r}"
        copy = await self._ask(store, "export", person)
        if answer.state == "done":
            assert copy.state == "nothing_held", f"erase() says done, and export() then says {copy.state!r}"

    async def test_erasing_touches_nobody_else(
        self, store: ExternalStore, person: Person, other: Person, plant: Plant
    ) -> None:
        await plant(person)
        await plant(other)
        await self._ask(store, "erase", person)
        copy = await self._ask(store, "export", other)
        assert copy.state == "done", "erase() of one person took another one's data"

    async def test_erasing_can_be_repeated(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        first = await self._ask(store, "erase", person)
        second = await self._ask(store, "erase", person)
        wanted = ("refused",) if first.state == "refused" else ("done", "nothing_held")
        assert second.state in wanted, f"erase() says {first.state!r}, and asked again {second.state!r}"

    async def test_a_correction_is_seen_in_a_copy(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        category, value = self.corrected
        answer = await self._ask(store, "rectify", person, category, value)
        if answer.state == "refused":
            return
        assert answer.state == "done", f"rectify() of what was planted says {answer.state!r}"
        kind = category.rpartition(".")[2]
        known = {**person.identifiers, kind: (*person.identifiers.get(kind, ()), value)}
        copy = await self._ask(store, "export", Person(person.scope, person.subjects, known))
        assert value in json.dumps(copy.data, ensure_ascii=False), "rectify() says done, and a copy has the old value"

    async def test_a_restriction_is_set_and_lifted(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        for restricted in (True, True, False):
            answer = await self._ask(store, "restrict", person, restricted)
            assert answer.state in _ASKED_FOR, f"restrict({restricted}) says {answer.state!r}: {answer.code}"

    async def test_evidence_names_nobody(self, store: ExternalStore, person: Person, plant: Plant) -> None:
        await plant(person)
        for act, arguments in (
            ("export", ()),
            ("rectify", self.corrected),
            ("restrict", (False,)),
            ("erase", ()),
        ):
            answer = await self._ask(store, act, person, *arguments)  # type: ignore[arg-type]
            said = f"{answer.evidence} {answer.code}".lower()
            for value in (*(v for known in person.identifiers.values() for v in known), self.corrected[1]):
                assert value.lower() not in said, f"what {act}() says as evidence names the person; it is kept longer"

    async def test_an_outage_is_no_erasure(
        self, plugin_class: type[Plugin], context: PluginContext, person: Person, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        shut = make_context(context.name, context.settings, folder=context.folder, gate=ShutGate(), links=context.links)
        store = self._store(plugin_class(shut))
        for act in ("erase", "export"):
            try:
                async with asyncio.timeout(self.deadline):
                    answer = await getattr(store, act)(person)
            except OmniOpsError:  # core notes it as failed, and asks again
                continue
            except TimeoutError:
                pytest.fail(f"{act}() hangs when nobody can be reached")
            assert answer.state == "failed", f"{act}() says {answer.state!r} when nobody can be reached"

    def _store(self, plugin: Plugin) -> ExternalStore:
        stores = plugin.declares().stores
        return self.only(stores, [store.key for store in stores], self.store_key, "store_key")

    async def _ask(self, store: ExternalStore, act: Act, person: Person, *arguments: Any) -> Fulfilment:
        """The store's answer, in time and of the right type."""
        try:
            task = asyncio.ensure_future(getattr(store, act)(person, *arguments))
            done, _ = await asyncio.wait({task}, timeout=self.deadline)
            if not done:
                task.cancel()
                pytest.fail(f"{act}() gave no answer within {self.deadline:g} s")
            answer = task.result()
        except Exception as error:
            pytest.fail(f"{act}() raised {type(error).__name__}: {error}")
        if not isinstance(answer, Fulfilment):
            pytest.fail(f"{act}() gave {type(answer).__name__}, not Fulfilment")
        return answer
