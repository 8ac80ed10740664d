"""What all conformance suites share: they find the plugin by its name, and their tests cannot be switched off."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from pydantic import BaseModel, ValidationError

from omniops.contracts.plugin import GateDoor, PluginContext
from omniops.hookspecs import Plugin
from omniops.plugins.calling import Caller
from omniops.plugins.loading import GROUP, Plugins
from omniops.testing.fakes import ShutGate
from omniops.testing.fakes import context as make_context
from omniops.testing.upstream import TASK as UPSTREAM

T = TypeVar("T")


class Suite:
    """Base of the suites. Subclass one under a name that begins with `Test`, and set `plugin_name`.

    The plugin must be installed (an editable install will do) and is built with `settings` and with doors that are
    shut. A plugin that talks to somebody outside overrides the fixture `gate`, usually with an `AnsweringGate`; what
    needs an answer from outside is skipped as long as the gate is shut.

    Fixtures and attributes may be overridden. An inherited test may not, except to mark it as `xfail` with a reason.
    """

    plugin_name: ClassVar[str]
    """Name of the entry point in the group `omniops.plugins`."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Values for the plugin's `Settings`."""
    connection_values: ClassVar[Mapping[str, Any]] = {}
    """Values for the plugin's `Connection`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            if name.startswith("test") and any(name in vars(base) for base in cls.__mro__[1:]) and not _excused(value):
                raise TypeError(
                    f"{cls.__qualname__}.{name} overrides a test of the suite. A plugin that cannot pass it yet marks "
                    "its override with @pytest.mark.xfail(reason=…)."
                )

    @pytest.fixture
    def plugin_class(self) -> type[Plugin]:
        """The class behind the entry point."""
        if not hasattr(self, "plugin_name"):
            pytest.fail(f"{type(self).__name__} sets no plugin_name: the name of the plugin's entry point.")
        found = [entry for entry in entry_points(group=GROUP) if entry.name == self.plugin_name]
        if not found:
            pytest.fail(f"No installed distribution has an entry point {self.plugin_name!r} in the group {GROUP!r}.")
        cls = found[0].load()
        if not (isinstance(cls, type) and issubclass(cls, Plugin)):
            pytest.fail(f"Plugin {self.plugin_name!r}: its entry point names {cls!r}, no subclass of omniops.Plugin.")
        return cls

    @pytest.fixture
    def gate(self) -> GateDoor:
        """The plugin's way out. Override it with a double of the other side."""
        return ShutGate()

    @pytest.fixture
    def context(self, plugin_class: type[Plugin], gate: GateDoor, tmp_path: Path) -> PluginContext:
        """What the plugin is built with."""
        return make_context(self.plugin_name, plugin_class.Settings(**self.settings), folder=tmp_path, gate=gate)

    @pytest.fixture
    def plugin(self, plugin_class: type[Plugin], context: PluginContext) -> Plugin:
        """The plugin, constructed."""
        return plugin_class(context)

    @pytest.fixture
    def connection(self, plugin_class: type[Plugin]) -> BaseModel:
        """A connection with `connection_values`."""
        return self.connection_of(plugin_class.Connection)

    def connection_of(self, model: type[BaseModel]) -> BaseModel:
        """The same of another model. Skips where no values are given and it needs some."""
        try:
            return model(**self.connection_values)
        except ValidationError as error:
            if self.connection_values:
                pytest.fail(f"connection_values do not fit {model.__name__}: {error}")
            pytest.skip("connection_values are not given, and the connection has fields without a default")

    def caller(self, plugin: Plugin) -> Caller:
        """Calls the plugin's hooks as core does."""
        return Caller(Plugins.of(**{self.plugin_name: plugin}).manager)

    def offered(self, plugin: Plugin, hook: str) -> Sequence[Any]:
        """What the plugin gives for a collecting hook. Fails the test where that is of a wrong type."""
        answers = self.caller(plugin).collect(hook)
        for error in answers.errors:
            pytest.fail(str(error))
        return [item for value in answers.values for item in value]

    def only(self, items: Sequence[T], names: Sequence[str], wanted: str | None, attribute: str) -> T:
        """The one item, or the one with the wanted name where there are several."""
        if not items:
            pytest.fail(f"Plugin {self.plugin_name!r} offers none: there is nothing that this suite could test.")
        if wanted is None and len(items) == 1:
            return items[0]
        if wanted not in names:
            pytest.fail(f"Plugin {self.plugin_name!r} offers {', '.join(names)}; set {attribute} to one of them.")
        return items[names.index(wanted)]

    def skip_shut(self, gate: GateDoor, outside: bool) -> None:
        """Skips where somebody outside would have to answer and nobody can."""
        if outside and isinstance(gate, ShutGate):
            pytest.skip("needs a double of the other side: override the fixture `gate`, for example by AnsweringGate")

    def observe(self, tmp_path: Path) -> Mapping[str, Any]:
        """What importing, constructing and asking the plugin touches, seen in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "omniops.testing.observing", GROUP, self.plugin_name, str(tmp_path)],
            input=json.dumps(dict(self.settings), default=str),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            pytest.fail(f"Plugin {self.plugin_name!r} cannot be built in a process of its own: {last}")
        found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


async def left_behind(before: set[asyncio.Task[Any]]) -> list[str]:
    """Names of tasks that run now and did not run before, after everything that only waits for its turn had it.
    The tasks of a test's own server do not count."""
    left: list[str] = []
    for _ in range(100):  # generators that were dropped are closed one within the other, each in its turn
        await asyncio.sleep(0)
        running = asyncio.all_tasks() - before
        left = [task.get_name() for task in running if not task.done() and task.get_name() != UPSTREAM]
        if not left:
            break
    return left


def _excused(value: Any) -> bool:
    marks = getattr(value, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
