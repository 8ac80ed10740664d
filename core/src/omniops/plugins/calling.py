"""Calling hooks. The only module that touches `pm.hook`.

It walks the implementations itself, so that every answer and every failure has an owner, and passes only the arguments
that an implementation names, so that adding an argument breaks no installed plugin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pluggy import HookImpl, PluginManager

from omniops.errors import PluginError
from omniops.hookspecs import HOOKS, Seam

T = TypeVar("T")
On = Callable[[str], bool]
"""Whether a plugin is on for the domain in question, by its name."""


def everywhere(name: str) -> bool:
    """For seams of the deployment as a whole."""
    return True


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """One plugin's answer: a value, or an error that says which plugin, which hook and what."""

    plugin: str
    value: T | None
    error: PluginError | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """All plugins' answers, in the operator's order."""

    answers: tuple[Answer[T], ...]

    @property
    def values(self) -> tuple[T, ...]:
        return tuple(a.value for a in self.answers if a.error is None and a.value is not None)

    @property
    def errors(self) -> tuple[PluginError, ...]:
        return tuple(a.error for a in self.answers if a.error is not None)

    def __iter__(self) -> Iterator[Answer[T]]:
        return iter(self.answers)


class Caller:
    """The four verbs over one plugin manager."""

    def __init__(self, manager: PluginManager) -> None:
        self._manager = manager

    def collect(self, hook: str, on: On = everywhere, **arguments: Any) -> Answers[Any]:
        """Asks all in order, synchronously. Where the seam gives many, each plugin's items are checked and put into a
        tuple."""
        seam = HOOKS[hook]
        return Answers(tuple(self._call(hook, seam, name, impl, arguments) for name, impl in self._walk(hook, on)))

    async def gather(self, hook: str, on: On = everywhere, **arguments: Any) -> Answers[Any]:
        """Asks all at the same time, each with the seam's deadline."""
        seam = HOOKS[hook]
        calls = [self._await(hook, seam, name, impl, arguments) for name, impl in self._walk(hook, on)]
        return Answers(tuple(await asyncio.gather(*calls)))

    async def first(self, hook: str, on: On = everywhere, **arguments: Any) -> tuple[Answer[Any] | None, Answers[Any]]:
        """Asks in order until one gives a value. Returns that answer, and all that were asked."""
        asked: list[Answer[Any]] = []
        for name, impl in self._walk(hook, on):
            answer = await self._await(hook, HOOKS[hook], name, impl, arguments)
            asked.append(answer)
            if answer.error is None and answer.value is not None:
                return answer, Answers(tuple(asked))
        return None, Answers(tuple(asked))

    async def chain(self, hook: str, argument: str, value: T, on: On = everywhere, **arguments: Any) -> T:
        """Passes `value` through all in order, as `argument`. None leaves it as it is.

        Raises the failing plugin's `PluginError` where the seam is closed, so that nothing goes on without it; an open
        seam passes the plugin over.
        """
        seam = HOOKS[hook]
        for name, impl in self._walk(hook, on):
            answer = await self._await(hook, seam, name, impl, {**arguments, argument: value})
            if answer.error is not None and seam.closed:
                raise answer.error
            if answer.error is None and answer.value is not None:
                value = answer.value
        return value

    def has(self, hook: str) -> bool:
        """Whether anybody implements a hook."""
        return bool(self._walk(hook, everywhere))

    def _walk(self, hook: str, on: On) -> list[tuple[str, HookImpl]]:
        # pluggy keeps the last registered at the end and calls from there; `load` registers in reverse order.
        impls = reversed(getattr(self._manager.hook, hook).get_hookimpls())
        return [(impl.plugin_name, impl) for impl in impls if on(impl.plugin_name)]

    def _call(self, hook: str, seam: Seam, name: str, impl: HookImpl, arguments: dict[str, Any]) -> Answer[Any]:
        started = time.perf_counter()
        try:
            value = impl.function(*(arguments[argument] for argument in impl.argnames))
            value = _checked(seam, value)
        except Exception as error:
            return Answer(name, None, _failure(name, hook, error), time.perf_counter() - started)
        return Answer(name, value, None, time.perf_counter() - started)

    async def _await(self, hook: str, seam: Seam, name: str, impl: HookImpl, arguments: dict[str, Any]) -> Answer[Any]:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(seam.deadline):
                value = impl.function(*(arguments[argument] for argument in impl.argnames))
                if isinstance(value, Awaitable):
                    value = await value
            value = _checked(seam, value)
        except TimeoutError:
            error: Exception = TimeoutError(f"no answer within {seam.deadline:g} s")
            return Answer(name, None, _failure(name, hook, error), time.perf_counter() - started)
        except Exception as error:
            return Answer(name, None, _failure(name, hook, error), time.perf_counter() - started)
        return Answer(name, value, None, time.perf_counter() - started)


def _checked(seam: Seam, value: Any) -> Any:
    """The value, if it is of the type that the seam promises. Raises `TypeError` otherwise."""
    if value is None:
        return None
    if not seam.many:
        if not isinstance(value, seam.gives):
            raise TypeError(f"gave {type(value).__name__}, not {_name(seam.gives)}")
        return value
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise TypeError(f"gave {type(value).__name__}, not a sequence of {_name(seam.gives)}")
    for item in value:
        if not isinstance(item, seam.gives):
            raise TypeError(f"gave a sequence with {type(item).__name__}, not {_name(seam.gives)}")
    return tuple(value)


def _name(kind: type | tuple[type, ...]) -> str:
    return " or ".join(k.__name__ for k in kind) if isinstance(kind, tuple) else kind.__name__


def _failure(plugin: str, hook: str, error: Exception) -> PluginError:
    failure = PluginError(f"Plugin {plugin!r}, {hook}(): {type(error).__name__}: {error}", plugin=plugin, stage=hook)
    failure.__cause__ = error
    return failure
