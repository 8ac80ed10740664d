"""The seams as typed methods: what the rest of core uses in place of hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from omniops.contracts.channel import Channel
from omniops.contracts.integration import Integration
from omniops.contracts.knowledge import EncoderOffer, Fetcher, IndexOffer, Model, Source
from omniops.contracts.mail import Mailer
from omniops.contracts.plugin import Health
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.redaction import Redactor
from omniops.contracts.tools import Tool
from omniops.plugins.calling import Answers, Caller, On, everywhere
from omniops.plugins.loading import Loaded, Plugins, Report

if TYPE_CHECKING:
    from fastapi import APIRouter

T = TypeVar("T")


class Seams:
    """Typed questions to all plugins. A plugin that fails a question is reported and left out of the answer."""

    def __init__(self, plugins: Plugins, report: Callable[[str], None]) -> None:
        self._plugins = plugins
        self._caller = Caller(plugins.manager)
        self._report = report

    @property
    def loaded(self) -> tuple[Loaded, ...]:
        return tuple(self._plugins.loaded)

    @property
    def reports(self) -> dict[str, Report]:
        return dict(self._plugins.reports)

    def models(self) -> tuple[Model, ...]:
        return self._flat(self._caller.collect("models"))

    def encoders(self) -> tuple[EncoderOffer, ...]:
        return self._flat(self._caller.collect("encoders"))

    def knowledge_indexes(self) -> tuple[IndexOffer, ...]:
        return self._flat(self._caller.collect("knowledge_indexes"))

    def sources(self) -> dict[str, Source]:
        """By kind. Of two with one kind the operator's first stays; the other is reported."""
        return self._named(self._caller.collect("sources"), lambda source: source.kind)

    def fetchers(self, on: On = everywhere) -> tuple[Fetcher, ...]:
        return self._flat(self._caller.collect("fetchers", on))

    def providers(self, on: On = everywhere) -> tuple[Provider, ...]:
        return self._flat(self._caller.collect("providers", on))

    def redactors(self, on: On = everywhere) -> tuple[Redactor, ...]:
        """Raises the failing plugin's `PluginError`: without one of them, nothing may be sent."""
        answers = self._caller.collect("redactors", on)
        for error in answers.errors:
            raise error
        return self._flat(answers)

    def channels(self) -> dict[str, Channel]:
        """By name."""
        return self._named(self._caller.collect("channels"), lambda channel: channel.name)

    def integrations(self) -> dict[str, Integration]:
        """By name."""
        return self._named(self._caller.collect("integrations"), lambda integration: integration.name)

    def tools(self) -> dict[str, tuple[str, Tool]]:
        """By name, each with its plugin."""
        answers = self._caller.collect("tools")
        self._tell(answers)
        found: dict[str, tuple[str, Tool]] = {}
        for answer in answers:
            for tool in answer.value or ():
                if tool.name in found:
                    self._report(f"Tool {tool.name!r} of {answer.plugin} is offered twice; the first one stays.")
                found.setdefault(tool.name, (answer.plugin, tool))
        return found

    def mailers(self) -> dict[str, Mailer]:
        """By name, in the operator's order."""
        return self._named(self._caller.collect("mailers"), lambda mailer: mailer.name)

    def probes(self) -> tuple[type[Probe], ...]:
        return self._flat(self._caller.collect("probes"))

    def routers(self) -> tuple[tuple[str, APIRouter], ...]:
        answers = self._caller.collect("routes")
        self._tell(answers)
        return tuple((a.plugin, a.value) for a in answers if a.error is None and a.value is not None)

    async def health(self) -> Answers[Health]:
        """Each plugin's state, hung and failing ones under their own names."""
        return await self._caller.gather("health")

    def _flat(self, answers: Answers[tuple[T, ...]]) -> tuple[T, ...]:
        self._tell(answers)
        return tuple(item for value in answers.values for item in value)

    def _named(self, answers: Answers[tuple[T, ...]], key: Callable[[T], str]) -> dict[str, T]:
        found: dict[str, T] = {}
        for item in self._flat(answers):
            if key(item) in found:
                self._report(f"{key(item)!r} is offered twice; the first one stays.")
            found.setdefault(key(item), item)
        return found

    def _tell(self, answers: Answers[T]) -> None:
        for error in answers.errors:
            self._report(str(error))
