"""Finding, choosing and constructing plugins. The only module that touches stevedore.

One `DriverManager` per enabled name: a failure then belongs to a name, the operator's order is kept, a name claimed
twice is an error, and even `SystemExit` at import is caught. What is not enabled is never imported; of it only the
distribution's metadata is shown.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pluggy import PluginManager, PluginValidationError
from pydantic import ValidationError
from sqlmodel import SQLModel
from stevedore.driver import DriverManager
from stevedore.exception import MultipleMatches, NoMatches

from omniops import __version__
from omniops.contracts.declaration import Declaration
from omniops.contracts.plugin import Info, PluginContext, PluginSettings
from omniops.database.models import scope_problems, unmarked
from omniops.errors import ConfigError, PluginError
from omniops.hookspecs import PROJECT, Plugin
from omniops.settings import BUILT_IN_PLUGINS, Settings

GROUP = "omniops.plugins"
Stage = Literal["import", "settings", "construct", "register", "migrate"]
State = Literal["loaded", "failed", "off", "not installed"]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one plugin. Shown by `/readyz`, `omniops plugin list` and the log.

    `off` means installed but not enabled. `stage` and `problem` are set for `failed`.
    """

    name: str
    state: State
    title: str = ""
    version: str = ""
    distribution: str = ""
    stage: Stage | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that works, with its declaration."""

    name: str
    plugin: Plugin
    declaration: Declaration


@dataclass(slots=True)
class Plugins:
    """All plugins of a process: those that work, in the operator's order, and the report about every one."""

    manager: PluginManager
    loaded: list[Loaded] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    unheard: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By plugin that is enabled and did not load: the hooks without whose answer nothing goes on. See `vetoes`."""

    @classmethod
    def of(cls, **plugins: Plugin) -> Plugins:
        """Plugins by name without entry points, for tests. Raises `PluginError` where one does not register."""
        found = cls(_manager())
        for name, plugin in reversed(plugins.items()):
            try:
                loaded = _register(found.manager, name, plugin)
            except _StageFailed as failed:
                raise PluginError(failed.problem, plugin=name, stage=failed.stage) from failed
            found.loaded.insert(0, loaded)
            found.reports[name] = Report(name, "loaded", plugin.info.title, plugin.info.version)
        return found

    def join(self, name: str, plugin: Plugin) -> None:
        """Adds a plugin to a process that runs already: the test providers of `omniops prove`, which no entry point
        names. It is off for every domain until somebody switches it on. Raises `PluginError`."""
        try:
            self.loaded.append(_register(self.manager, name, plugin))
        except _StageFailed as failed:
            raise PluginError(failed.problem, plugin=name, stage=failed.stage) from failed
        self.reports[name] = Report(name, "loaded", plugin.info.title, plugin.info.version)

    def leave(self, name: str) -> None:
        """Takes out what joined."""
        self.manager.unregister(name=name)
        self.loaded[:] = [loaded for loaded in self.loaded if loaded.name != name]
        del self.reports[name]

    def fail(self, name: str, stage: Stage, problem: str) -> None:
        """Takes a loaded plugin out again, for a reason found later (its migrations, for example)."""
        for loaded in list(self.loaded):
            if loaded.name == name:
                self.manager.unregister(loaded.plugin)
                self.loaded.remove(loaded)
        self.reports[name] = replace(self.reports[name], state="failed", stage=stage, problem=problem)

    def get(self, name: str) -> Plugin | None:
        return next((loaded.plugin for loaded in self.loaded if loaded.name == name), None)

    def hooks(self, name: str) -> frozenset[str]:
        """Names of the hooks that a loaded plugin has."""
        plugin = self.get(name)
        callers = self.manager.get_hookcallers(plugin) if plugin is not None else None
        return frozenset(caller.name for caller in callers or ())

    @property
    def missing(self) -> list[str]:
        """Enabled plugins that did not load: they failed, or safe mode left them out."""
        return [name for name, report in self.reports.items() if report.state != "loaded" and report.problem]

    @property
    def failed(self) -> list[Report]:
        return [report for report in self.reports.values() if report.state == "failed"]


class _StageFailed(Exception):
    def __init__(self, stage: Stage, problem: str) -> None:
        super().__init__(problem)
        self.stage: Stage = stage
        self.problem = problem


def load(settings: Settings, make_context: Callable[[str, Any], PluginContext]) -> Plugins:
    """Loads the enabled plugins in the operator's order and reports about the rest.

    `make_context(name, plugin_settings)` builds a plugin's context. With `plugin_mode="strict"` the first failure
    raises `PluginError`; with `safe` only the built-in ones are loaded. A default plugin that is not installed is
    passed over; one that the operator named is a failure.
    """
    installed = _installed()
    _check_settings_names(settings, installed)
    plugins = Plugins(_manager())
    working: list[Loaded] = []
    for name in settings.plugins:
        if settings.plugin_mode == "safe" and name not in BUILT_IN_PLUGINS:
            plugins.reports[name] = _describe(name, installed, "off", problem="safe mode")
            continue
        if name not in installed and "plugins" not in settings.model_fields_set:
            continue
        report, loaded = _load_one(name, settings, installed, make_context)
        plugins.reports[name] = report
        if loaded is not None:
            working.append(loaded)
        elif settings.plugin_mode == "strict":
            raise PluginError(f"{report.problem}", plugin=name, stage=str(report.stage))
    # pluggy calls the last registered first, so the operator's first is registered last.
    for item in reversed(working):
        try:
            plugins.loaded.insert(0, _register(plugins.manager, item.name, item.plugin))
        except _StageFailed as failed:
            plugins.reports[item.name] = replace(
                plugins.reports[item.name], state="failed", stage=failed.stage, problem=failed.problem
            )
            if settings.plugin_mode == "strict":
                raise PluginError(failed.problem, plugin=item.name, stage=failed.stage) from failed
    for name in sorted(installed.keys() - plugins.reports.keys()):
        plugins.reports[name] = _describe(name, installed, "off")
    return plugins


def _manager() -> PluginManager:
    manager = PluginManager(PROJECT)
    manager.add_hookspecs(Plugin)
    return manager


def _installed() -> dict[str, importlib.metadata.Distribution]:
    """Every installed plugin by name. Read from the metadata and handed to stevedore, whose own cache of entry points
    loses the distribution and writes into the user's home."""
    found = {
        (entry.name, entry.value): (entry, distribution)
        for distribution in importlib.metadata.distributions()
        for entry in distribution.entry_points
        if entry.group == GROUP
    }
    DriverManager.ENTRY_POINT_CACHE[GROUP] = [entry for entry, _ in found.values()]
    return {entry.name: distribution for entry, distribution in found.values()}


def _describe(
    name: str,
    installed: Mapping[str, importlib.metadata.Distribution],
    state: State,
    *,
    stage: Stage | None = None,
    problem: str = "",
) -> Report:
    distribution = installed.get(name)
    if distribution is None:
        return Report(name, "failed" if state == "failed" else "not installed", stage=stage, problem=problem)
    metadata = distribution.metadata
    return Report(
        name, state, metadata["Summary"] or "", distribution.version, metadata["Name"], stage=stage, problem=problem
    )


def _check_settings_names(settings: Settings, installed: Iterable[str]) -> None:
    known = {*installed, *settings.plugins}
    for name in settings.plugin_settings:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"There are settings for a plugin {name!r}, which is neither installed nor enabled.",
                do=f"Did you mean {close[0]!r}?" if close else "Remove them, or install the plugin.",
            )


def _load_one(
    name: str,
    settings: Settings,
    installed: Mapping[str, importlib.metadata.Distribution],
    make_context: Callable[[str, Any], PluginContext],
) -> tuple[Report, Loaded | None]:
    tables = set(SQLModel.metadata.tables)
    try:
        cls = _import(name)
        values = _settings(name, cls, settings.plugin_settings.get(name, {}))
        plugin = _construct(cls, make_context(name, values))
    except _StageFailed as failed:
        _forget_tables(tables)
        return _describe(name, installed, "failed", stage=failed.stage, problem=failed.problem), None
    report = replace(_describe(name, installed, "loaded"), title=cls.info.title, version=cls.info.version)
    return report, Loaded(name, plugin, Declaration())


def _import(name: str) -> type[Plugin]:
    try:
        cls: object = DriverManager(GROUP, name, on_missing_entrypoints_callback=None).driver
    except NoMatches as error:
        close = difflib.get_close_matches(name, _installed(), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise _StageFailed("import", f"no installed distribution provides a plugin {name!r}.{hint}") from error
    except MultipleMatches as error:
        raise _StageFailed("import", f"several distributions provide a plugin {name!r}; uninstall one.") from error
    except (Exception, SystemExit) as error:
        raise _StageFailed("import", _text(error)) from error
    if not (isinstance(cls, type) and issubclass(cls, Plugin)):
        raise _StageFailed("import", f"the entry point names {cls!r}, which is no subclass of omniops.Plugin.")
    _check_info(cls)
    return cls


def _check_info(cls: type[Plugin]) -> None:
    info = getattr(cls, "info", None)
    if not isinstance(info, Info):
        raise _StageFailed("import", f"{cls.__qualname__}.info is missing; write info = Info(title=…, …).")
    try:
        works_with = SpecifierSet(info.omniops)
    except InvalidSpecifier:
        raise _StageFailed("import", f"info.omniops = {info.omniops!r} is no version range.") from None
    if not info.omniops or not works_with.contains(__version__, prereleases=True):
        raise _StageFailed("import", f"it works with omniops {info.omniops!r}; this is {__version__}.")


def _settings(name: str, cls: type[Plugin], values: Mapping[str, Any]) -> PluginSettings:
    try:
        return cls.Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _StageFailed("settings", f"setting {name}.{place}: {first['msg']}.") from error
    except Exception as error:
        raise _StageFailed("settings", _text(error)) from error


def _construct(cls: type[Plugin], context: PluginContext) -> Plugin:
    try:
        return cls(context)
    except (Exception, SystemExit) as error:
        raise _StageFailed("construct", _text(error)) from error


def _register(manager: PluginManager, name: str, plugin: Plugin) -> Loaded:
    """Hooks, then the declaration. On any failure the plugin is out of the manager again."""
    try:
        manager.register(plugin, name)
        manager.check_pending()
        declaration = plugin.declares()
        if not isinstance(declaration, Declaration):
            raise _StageFailed("register", f"declares() gave {type(declaration).__name__}, not a Declaration.")
        _check_tables(name, declaration)
    except _StageFailed:
        manager.unregister(name=name)
        raise
    except PluginValidationError as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)
        raise _StageFailed("register", _text(error)) from error
    except (Exception, SystemExit) as error:
        manager.unregister(name=name)
        raise _StageFailed("register", f"declares(): {_text(error)}") from error
    return Loaded(name, plugin, declaration)


def _check_tables(name: str, declaration: Declaration) -> None:
    """A plugin stores in declared, marked tables of its own name, and in no other."""
    prefix = f"{name}_"
    declared: Sequence[type[Any]] = declaration.tables.models if declaration.tables else ()
    names = {str(model.__tablename__) for model in declared}
    foreign = sorted(table for table in names if not table.startswith(prefix))
    if foreign:
        raise _StageFailed("register", f"its table {foreign[0]!r} must be named {prefix}… .")
    tables = {table.name for table in SQLModel.metadata.tables.values() if table.name.startswith(prefix)}
    if undeclared := sorted(tables - names):
        raise _StageFailed("register", f"its table {undeclared[0]!r} is not declared.")
    if without := unmarked(SQLModel.metadata, prefix=prefix):
        raise _StageFailed("register", f"its column {without[0]} has no mark.")
    if problems := scope_problems(SQLModel.metadata, prefix=prefix):
        raise _StageFailed("register", problems[0])


def _forget_tables(before: set[str]) -> None:
    """Takes the tables of a plugin that failed at import out of the shared metadata."""
    for key in set(SQLModel.metadata.tables) - before:
        SQLModel.metadata.remove(SQLModel.metadata.tables[key])


def _text(error: BaseException) -> str:
    """An error on one line: its type and what it says."""
    said = " ".join(str(error).split())[:400]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
