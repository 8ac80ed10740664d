"""Plugins without a database, for commands that need none (models, evaluation)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import SystemClock
from omniops.contracts.plugin import PluginContext
from omniops.contracts.scope import Scope
from omniops.errors import NotReady
from omniops.knowledge.encoders import Encoders
from omniops.logs import logger
from omniops.plugins.loading import load
from omniops.plugins.seams import Seams
from omniops.settings import Settings


class _NoDoor:
    """Stands where a database would be needed."""

    def __getattr__(self, name: str) -> Any:
        raise NotReady("This command works without a database.")


def _no_session(scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
    raise NotReady("This command works without a database.")


def seams_without_database(settings: Settings) -> tuple[Seams, Encoders]:
    """The enabled plugins, and the encoder they offer."""
    log = logger("omniops")
    encoders: list[Encoders] = []

    def context(name: str, values: Any) -> PluginContext:
        door = _NoDoor()
        return PluginContext(
            name=name,
            settings=values,
            gate=door,
            links=door,
            session=_no_session,
            vault=door,
            clock=SystemClock(),
            log=logger(f"plugin.{name}"),
            folder=settings.data_dir / "plugins" / name,
            encoder=lambda: encoders[0](),
        )

    seams = Seams(load(settings, context), lambda said: log.error("plugin.failed", said=said))
    encoders.append(Encoders(seams.encoders, settings.encoder, log))
    return seams, encoders[0]
