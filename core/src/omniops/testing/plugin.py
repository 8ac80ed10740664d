"""What every plugin must be, whatever it offers."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar

import pytest
from packaging.version import InvalidVersion, Version

import omniops
from omniops.contracts.declaration import Processor
from omniops.contracts.plugin import GateDoor, Info
from omniops.errors import ConfigError, PluginError
from omniops.hookspecs import HOOKS, PROJECT, Plugin
from omniops.plugins.loading import GROUP, load
from omniops.privacy.catalog import Catalog
from omniops.settings import Settings
from omniops.testing.fakes import context as make_context
from omniops.testing.suite import Suite

_HOST = re.compile(r"^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
_COUNTRY = re.compile(r"^[A-Z]{2}$")
_PUBLIC = ("omniops.contracts", "omniops.errors", "omniops.testing")


class PluginSuite(Suite):
    """Catalogue entry, settings, hooks, declaration, imports. Every plugin passes it."""

    light: ClassVar[tuple[str, ...]] = ()
    """Modules of required packages that may be imported with the plugin because they cost next to nothing."""

    def test_it_loads_by_its_name(self, plugin_class: type[Plugin], tmp_path: Path) -> None:
        settings = Settings(
            plugins=[self.plugin_name],
            plugin_mode="strict",
            plugin_settings={self.plugin_name: dict(self.settings)} if self.settings else {},
        )
        try:
            load(settings, lambda name, values: make_context(name, values, folder=tmp_path))
        except PluginError as error:
            pytest.fail(f"Plugin {self.plugin_name!r} fails at the stage {error.stage}: {error}")

    def test_info_is_valid(self, plugin_class: type[Plugin]) -> None:
        info = getattr(plugin_class, "info", None)
        assert isinstance(info, Info), f"{plugin_class.__qualname__}.info is missing; write info = Info(title=…, …)"
        assert info.title.strip(), "info.title is empty: it is the plugin's name for people"
        try:
            Version(info.version)
        except InvalidVersion:
            pytest.fail(f"info.version = {info.version!r} is no version (PEP 440)")
        (entry,) = entry_points(group=GROUP, name=self.plugin_name)
        if entry.dist is not None:
            assert info.version == entry.dist.version, (
                f"info.version is {info.version}, the distribution {entry.dist.name} is {entry.dist.version}"
            )

    def test_the_docstring_begins_with_a_catalogue_entry(self, plugin_class: type[Plugin]) -> None:
        text = vars(plugin_class).get("__doc__") or ""
        first = text.strip().partition("\n")[0]
        assert first, f"{plugin_class.__qualname__} has no docstring; its first line is shown in the catalogue"
        assert first.endswith("."), f"the docstring's first line is no sentence that ends in a period: {first!r}"

    def test_every_setting_is_described(self, plugin_class: type[Plugin]) -> None:
        for model in (plugin_class.Settings, plugin_class.Connection):
            for name, field in model.model_fields.items():
                said = field.description or ""
                assert said.endswith("."), (
                    f"{model.__name__}.{name} needs a description that ends in a period, found {said!r}"
                )

    def test_every_overridden_hook_is_marked(self, plugin_class: type[Plugin]) -> None:
        for name in HOOKS:
            function = getattr(plugin_class, name)
            if function is not getattr(Plugin, name):
                assert hasattr(function, f"{PROJECT}_impl"), (
                    f"{plugin_class.__qualname__}.{name} lacks @hookimpl, so core never calls it"
                )

    def test_loading_it_touches_nothing(self, tmp_path: Path) -> None:
        """Import, construction and the collecting hooks: no network, no file is written, no heavy import."""
        seen = self.observe(tmp_path)
        touched = [f"at {stage} it {what}" for stage, what in seen["touched"] if stage != "deployments"]
        assert not touched, f"Plugin {self.plugin_name!r}: {'; '.join(touched)}"
        heavy = sorted(set(seen["loaded"]) - set(self.light))
        assert not heavy, (
            f"Plugin {self.plugin_name!r} imports {', '.join(heavy)} when it is loaded; import it where it is first "
            "used, or name it in `light` if it costs nothing"
        )

    def test_it_imports_public_names_only(self, plugin_class: type[Plugin]) -> None:
        root, files = _sources(plugin_class)
        wrong = [
            f"{path.name}:{line} imports {what}"
            for path in files
            for line, what in _imports(ast.parse(path.read_text(encoding="utf-8")))
            if not _allowed(what, root)
        ]
        assert not wrong, (
            f"{'; '.join(wrong)}. Public are the names of omniops.__all__, {', '.join(_PUBLIC)}; no other plugin."
        )

    def test_the_declaration_is_consistent(self, plugin: Plugin) -> None:
        declaration = plugin.declares()
        try:
            Catalog.build([(self.plugin_name, declaration)])
        except ConfigError as error:
            pytest.fail(str(error))
        for processor in declaration.processors:
            _check_processor(processor)
        for cookie in declaration.cookies:
            assert cookie.title.strip(), f"cookie {cookie.name!r} has no title: it stands on the cookie page"

    def test_hooks_give_what_they_promise(self, plugin: Plugin) -> None:
        caller = self.caller(plugin)
        for hook, seam in HOOKS.items():
            if seam.verb != "collect":
                continue
            answers = caller.collect(hook)
            assert not answers.errors, str(answers.errors[0])
            if seam.many:
                names = [_name_of(item) for value in answers.values for item in value]
                assert all(names), f"{hook}() gives something without a name"
                assert len(names) == len(set(names)), f"{hook}() gives one name twice: {', '.join(names)}"

    async def test_health_answers_in_time(self, plugin: Plugin, gate: GateDoor) -> None:
        self.skip_shut(gate, bool(plugin.declares().processors))
        answers = await self.caller(plugin).gather("health")
        assert not answers.errors, str(answers.errors[0])
        for health in answers.values:
            assert health.said.strip(), "health() says nothing; one sentence: what was tried and what came back"


def _check_processor(processor: Processor) -> None:
    where = f"processor {processor.key!r}"
    assert processor.hosts or processor.connected_host, f"{where} names no hosts, so nothing can ever be sent to it"
    for host in processor.hosts:
        assert _HOST.match(host), f"{where}: {host!r} is no host name (no scheme, no path, no port, lower case)"
    assert processor.countries or processor.connected_host, f"{where} names no country"
    for country in processor.countries:
        assert _COUNTRY.match(country), f"{where}: {country!r} is no ISO 3166 code such as DE"
    assert processor.purposes, f"{where} names no purpose"
    assert processor.name.strip(), f"{where} has no name for the register"


def _name_of(item: object) -> str:
    """How core tells items of one hook apart."""
    return str(getattr(item, "name", "") or getattr(item, "kind", "") or getattr(item, "__name__", ""))


def _sources(cls: type[Plugin]) -> tuple[str, list[Path]]:
    """The plugin's package and its files; of a built-in plugin its own part of omniops."""
    root = cls.__module__.partition(".")[0]
    if root == "omniops":
        root = cls.__module__
    spec = importlib.util.find_spec(root)
    assert spec is not None
    if spec.submodule_search_locations:
        return root, [path for place in spec.submodule_search_locations for path in sorted(Path(place).rglob("*.py"))]
    assert spec.origin is not None
    return root, [Path(spec.origin)]


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported absolutely; `from a import b` is `a:b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for name in node.names:
                yield node.lineno, f"{node.module}:{name.name}"


def _allowed(what: str, root: str) -> bool:
    module, _, name = what.partition(":")
    top = module.partition(".")[0]
    if top != "omniops":
        return top == root or not top.startswith("omniops_")
    if root.startswith("omniops.defaults.") and module.startswith("omniops.defaults"):
        return True
    if module == "omniops":
        return not name or name in omniops.__all__ or f"omniops.{name}" in _PUBLIC
    return any(module == public or module.startswith(f"{public}.") for public in _PUBLIC)
