"""`omniops migrate`: tables of core and of every enabled plugin."""

from __future__ import annotations

import asyncio

import omniops.proof.models  # noqa: F401 - tables of the one room that no runtime builds
from omniops.bootstrap import Prepared, make_folders, migrate_core, prepared
from omniops.database.migrate import CORE_BRANCH, Migrator
from omniops.errors import PluginError
from omniops.plugged import plugin_branch
from omniops.runtime import Runtime
from omniops.settings import Settings


def migrate(settings: Settings) -> list[str]:
    """Brings everything up to date. Returns whose tables changed. Raises `PluginError` for a plugin that cannot."""
    make_folders(settings)
    with prepared(settings, create=True) as ready:
        changed = [CORE_BRANCH.owner] if migrate_core(ready.links, ready.root) else []
        return changed + asyncio.run(_plugins(settings, ready))


async def _plugins(settings: Settings, ready: Prepared) -> list[str]:
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        behind = [r.name for r in runtime.plugins.failed if r.stage == "migrate"]
    async with Runtime.open(settings, ready.links, ready.root, migrate=True) as runtime:
        for report in runtime.plugins.failed:
            if report.stage == "migrate":
                raise PluginError(f"{report.name}: {report.problem}", plugin=report.name, stage="migrate")
    return behind


def check(settings: Settings) -> tuple[dict[str, tuple[str | None, str | None]], list[str]]:
    """What is pending, and where models and tables differ. Changes nothing."""
    with prepared(settings, create=False) as ready:
        return asyncio.run(_check(settings, ready))


async def _check(settings: Settings, ready: Prepared) -> tuple[dict[str, tuple[str | None, str | None]], list[str]]:
    core = Migrator(ready.links)
    if pending := core.pending():
        return pending, []
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        plugins = [plugin_branch(loaded) for loaded in runtime.seams.loaded if loaded.declaration.tables]
    migrator = Migrator(ready.links, plugins)
    return migrator.pending(), migrator.drift()
