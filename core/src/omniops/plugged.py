"""How plugins come into a runtime: each gets its context, its tables are brought up to date, what fails is reported."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from omniops.connections.kinds import Kinds
from omniops.connections.service import Connections
from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import IndexParts, KnowledgeIndex
from omniops.contracts.plugin import Log, PluginContext
from omniops.contracts.rights import ExternalStore
from omniops.database.links import Links
from omniops.database.migrate import Branch, Migrator
from omniops.database.service import Database
from omniops.doors import PluginGate, PluginLinks, PluginVault, Rooms
from omniops.errors import ConfigError
from omniops.gate.service import Gate
from omniops.knowledge.encoders import Encoders
from omniops.knowledge.store import PassageRows
from omniops.logs import logger
from omniops.plugins.loading import Loaded, Plugins, load
from omniops.plugins.seams import Seams
from omniops.plugins.vetoes import unheard
from omniops.privacy.persons.stores import Outside
from omniops.privacy.register import ProcessorRegister
from omniops.settings import Settings
from omniops.vault.service import Vault


class Plugged:
    """Loads plugins before the doors are there, and opens the doors to them afterwards."""

    def __init__(self, settings: Settings, links: Links, clock: Clock, log: Log, *, migrate: bool) -> None:
        self._settings = settings
        self._links = links
        self._clock = clock
        self._log = log
        self._migrate = migrate
        self._rooms = Rooms()

    async def load(self, database: Database, given: Plugins | None) -> Plugins:
        """The enabled plugins, or those that are given, without those whose tables are not there and cannot be."""
        found = given or load(self._settings, partial(self._context, database))
        await asyncio.to_thread(self._tables, found)
        found.unheard = await unheard(database, found, self._clock.now())
        for report in found.reports.values():
            if report.state == "failed":
                self._log.error("plugin.failed", plugin=report.name, stage=report.stage, said=report.problem)
        return found

    def ready(self, vault: Vault, gate: Gate, register: ProcessorRegister, encoders: Encoders) -> None:
        """From now on plugins' contexts reach the two doors."""
        self._rooms.vault, self._rooms.gate = vault, gate
        self._rooms.register, self._rooms.encoders = register, encoders

    def connect(self, connections: Connections) -> None:
        """From now on plugins' contexts reach their connections."""
        self._rooms.connections = connections

    def indexes(
        self, seams: Seams, rows: PassageRows, all_rows: PassageRows, encoders: Encoders
    ) -> tuple[KnowledgeIndex, KnowledgeIndex]:
        """The index that the settings name, twice: for visitors, and over all that members may read, which keeps open
        no more than one website. Raises `ConfigError` where no plugin offers it."""
        offers = {offer.name: offer for offer in seams.knowledge_indexes()}
        chosen = offers.get(self._settings.knowledge_index)
        if chosen is None:
            raise ConfigError(
                f"No plugin offers the index {self._settings.knowledge_index!r} (setting knowledge_index).",
                do=f"There are: {', '.join(sorted(offers)) or 'none'}.",
            )
        memory = self._settings.index_memory_mb * 1024 * 1024
        parts = [
            IndexParts(rows, encoders, self._settings.data_dir / "index", memory),
            IndexParts(all_rows, encoders, self._settings.data_dir / "index-members", 0),
        ]
        for one in parts:
            os.makedirs(one.folder, mode=0o700, exist_ok=True)
        visitors, members = map(chosen.open, parts)
        return visitors, members

    def _context(self, database: Database, name: str, values: Any) -> PluginContext:
        folder = self._settings.data_dir / "plugins" / name
        return PluginContext(
            name=name,
            settings=values,
            gate=PluginGate(name, self._rooms),
            session=database.session,
            vault=PluginVault(name, self._rooms),
            clock=self._clock,
            log=logger(f"plugin.{name}"),
            folder=folder,
            encoder=self._rooms.encoder,
            links=PluginLinks(name, self._rooms),
        )

    def _tables(self, plugins: Plugins) -> None:
        """The last stage of loading: a plugin whose tables are not there, and cannot be brought there, is left out."""
        for loaded in [loaded for loaded in plugins.loaded if loaded.declaration.tables is not None]:
            branch = plugin_branch(loaded)
            migrator = Migrator(self._links, [branch])
            try:
                if self._migrate:
                    migrator.upgrade(branch)
                else:
                    migrator.ensure_compatible(branch)
            except Exception as error:
                plugins.fail(loaded.name, "migrate", f"{type(error).__name__}: {error}")


def plugin_branch(loaded: Loaded) -> Branch:
    """Where a plugin's revisions lie."""
    assert loaded.declaration.tables is not None
    return Branch(loaded.name, Path(str(files(loaded.declaration.tables.migrations))) / "versions")


def outside_of(seams: Seams, kept: Sequence[tuple[str, ExternalStore]]) -> list[Outside]:
    """The places outside our database where people's data lies: those that plugins declare, and those of which core
    keeps the books, each with its plugin."""
    declared = [(loaded.name, store) for loaded in seams.loaded for store in loaded.declaration.stores]
    return [Outside(plugin, store) for plugin, store in [*declared, *kept]]


def kinds_of(seams: Seams) -> Kinds:
    """What connections can be made of."""
    integrations = seams.integrations()
    return Kinds(
        {loaded.name: type(loaded.plugin).Connection for loaded in seams.loaded},
        {name: integration for name, (_, integration) in integrations.items()},
        seams.channels(),
        {loaded.name: loaded.declaration.processors for loaded in seams.loaded},
        frozenset(plugin for plugin, _ in seams.consent_sources().values()),
        {name: plugin for name, (plugin, _) in integrations.items()},
        {loaded.name: loaded.plugin.context.gate for loaded in seams.loaded if hasattr(loaded.plugin, "context")},
        {loaded.name: loaded.declaration.tables.models for loaded in seams.loaded if loaded.declaration.tables},
        dict(seams.shops().values()),
        {loaded.name: loaded.plugin.info.title for loaded in seams.loaded},
    )
