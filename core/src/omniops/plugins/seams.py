"""The seams as typed methods: what the rest of core uses in place of hooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from omniops.contracts.breach import BreachDeclared
from omniops.contracts.channel import Channel
from omniops.contracts.commerce import Commerce
from omniops.contracts.consent import ConsentChange, ConsentSource, Verdict
from omniops.contracts.declaration import Retention
from omniops.contracts.integration import Integration
from omniops.contracts.knowledge import EncoderOffer, Fetcher, IndexOffer, Model, Source
from omniops.contracts.mail import Mailer
from omniops.contracts.plugin import Health
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.redaction import Redactor
from omniops.contracts.retention import Expiring, KeptBack, Swept
from omniops.contracts.root_keys import RootKeysOffer
from omniops.contracts.scope import Scope
from omniops.contracts.surface import Page, Panel
from omniops.contracts.tools import Tool
from omniops.errors import PluginError
from omniops.plugins.calling import Answer, Answers, Caller, On, everywhere
from omniops.plugins.loading import Loaded, Plugins, Report

if TYPE_CHECKING:
    from fastapi import APIRouter

T = TypeVar("T")
S = TypeVar("S", Page, Panel)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


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
        return self._all("redactors", on)

    def channels(self) -> dict[str, Channel]:
        """By name."""
        return self._named(self._caller.collect("channels"), lambda channel: channel.name)

    def integrations(self) -> dict[str, tuple[str, Integration]]:
        """By name, each with its plugin. Of two with one name the operator's first stays; the other is reported."""
        answers = self._caller.collect("integrations")
        self._tell(answers)
        found: dict[str, tuple[str, Integration]] = {}
        for answer in answers:
            for integration in answer.value or ():
                if integration.name in found:
                    self._report(f"{integration.name!r} is offered twice; the first one stays.")
                found.setdefault(integration.name, (answer.plugin, integration))
        return found

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

    def shops(self) -> dict[str, tuple[str, Commerce]]:
        """By name, each with its plugin, in the operator's order. Of two with one name the first stays; the other is
        reported."""
        return self._owned(self._caller.collect("shops"), lambda shop: shop.name)

    def consent_sources(self, on: On = everywhere) -> dict[str, tuple[str, ConsentSource]]:
        """By name, each with its plugin. Of two with one name the operator's first stays; the other is reported."""
        return self._owned(self._caller.collect("consent_sources", on), lambda source: source.name)

    async def consent_veto(self, change: ConsentChange, on: On = everywhere) -> dict[str, Verdict]:
        """Every asked plugin's verdict. Who fails, hangs, says nothing or did not load has said no."""
        answers = await self._caller.gather("consent_veto", on, change=change)
        self._tell(answers)
        silent = {plugin: Verdict(False, "not_loaded") for plugin in self._unheard("consent_veto") if on(plugin)}
        return {answer.plugin: _verdict(answer) for answer in answers} | silent

    async def consent_changed(self, change: ConsentChange, on: On = everywhere) -> None:
        self._tell(await self._caller.gather("consent_changed", on, change=change))

    def asked(self, hook: str) -> bool:
        """Whether any plugin has this hook at all, or may have it and did not load."""
        return self._caller.has(hook) or bool(self._unheard(hook))

    def mailers(self) -> dict[str, Mailer]:
        """By name, in the operator's order."""
        return self._named(self._caller.collect("mailers"), lambda mailer: mailer.name)

    async def breach_declared(self, breach: BreachDeclared) -> None:
        """Tells all plugins. Who fails is reported; nobody is waited for longer than the seam's deadline."""
        self._tell(await self._caller.gather("breach_declared", breach=breach))

    def root_keys(self) -> dict[str, RootKeysOffer]:
        """By name. Raises the failing plugin's `PluginError`: without it there might be no key."""
        return {offer.name: offer for offer in self._all("root_keys", everywhere)}

    def probes(self) -> tuple[type[Probe], ...]:
        return self._flat(self._caller.collect("probes"))

    def routers(self) -> tuple[tuple[str, APIRouter], ...]:
        answers = self._caller.collect("routes")
        self._tell(answers)
        return tuple((a.plugin, a.value) for a in answers if a.error is None and a.value is not None)

    @cached_property
    def panels(self) -> Mapping[tuple[str, str], Panel]:
        """By plugin and name, in the operator's order."""
        return self._shown(self._caller.collect("panels"))

    @cached_property
    def pages(self) -> Mapping[tuple[str, str], Page]:
        """By plugin and name, in the operator's order."""
        return self._shown(self._caller.collect("pages"))

    async def retention_rules(self, scope: Scope, on: On) -> list[tuple[str, Retention]]:
        """Each with its plugin. Raises the `PluginError` of a plugin that fails, hangs, says nothing or did not
        load."""
        self._all_loaded("retention_rules", on)
        answers = await self._caller.gather("retention_rules", on, scope=scope)
        return [(plugin, rule) for plugin, said in _all_said("retention_rules", answers) for rule in said]

    async def retention_veto(self, expiring: Expiring, on: On) -> list[tuple[str, KeptBack]]:
        """Each with its plugin. Raises as `retention_rules` does: without one of them, nothing may be deleted."""
        self._all_loaded("retention_veto", on)
        return _all_said("retention_veto", await self._caller.gather("retention_veto", on, expiring=expiring))

    async def retention_swept(self, swept: Swept, on: On) -> None:
        """Tells all; who fails is reported."""
        self._tell(await self._caller.gather("retention_swept", on, swept=swept))

    async def health(self) -> Answers[Health]:
        """Each plugin's state, hung and failing ones under their own names."""
        return await self._caller.gather("health")

    def _all_loaded(self, hook: str, on: On) -> None:
        for plugin in filter(on, self._unheard(hook)):
            problem = self._plugins.reports[plugin].problem
            raise PluginError(f"Plugin {plugin!r}, {hook}(): it did not load: {problem}", plugin=plugin, stage=hook)

    def _unheard(self, hook: str) -> list[str]:
        return [plugin for plugin, hooks in self._plugins.unheard.items() if hook in hooks]

    def _all(self, hook: str, on: On) -> tuple[Any, ...]:
        answers = self._caller.collect(hook, on)
        for error in answers.errors:
            raise error
        return self._flat(answers)

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

    def _owned(self, answers: Answers[tuple[T, ...]], key: Callable[[T], str]) -> dict[str, tuple[str, T]]:
        self._tell(answers)
        found: dict[str, tuple[str, T]] = {}
        for answer in answers:
            for item in answer.value or ():
                if key(item) in found:
                    self._report(f"{key(item)!r} is offered twice; the first one stays.")
                found.setdefault(key(item), (answer.plugin, item))
        return found

    def _shown(self, answers: Answers[tuple[S, ...]]) -> dict[tuple[str, str], S]:
        self._tell(answers)
        found: dict[tuple[str, str], S] = {}
        for answer in answers:
            for item in answer.value or ():
                if not _NAME.fullmatch(item.name) or not item.title:
                    self._report(f"{answer.plugin} shows {item.name!r}, which is no name in lower case with a title.")
                elif found.setdefault((answer.plugin, item.name), item) is not item:
                    self._report(f"{answer.plugin} shows {item.name!r} twice; the first one stays.")
        return found

    def _tell(self, answers: Answers[T]) -> None:
        for error in answers.errors:
            self._report(str(error))


def _all_said(hook: str, answers: Answers[T]) -> list[tuple[str, T]]:
    """What a closed seam needs: an answer of everybody. Raises `PluginError` for an error, and for None."""
    for error in answers.errors:
        raise error
    said = []
    for answer in answers:
        if answer.value is None:
            raise PluginError(f"Plugin {answer.plugin!r}, {hook}(): gave None.", plugin=answer.plugin, stage=hook)
        said.append((answer.plugin, answer.value))
    return said


def _verdict(answer: Answer[Verdict]) -> Verdict:
    if answer.error is not None:
        hung = isinstance(answer.error.__cause__, TimeoutError)
        return Verdict(False, "no_answer_in_time" if hung else "failed")
    return answer.value if answer.value is not None else Verdict(False, "no_answer")
