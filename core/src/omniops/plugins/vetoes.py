"""What each plugin could say no to when it last loaded: one that does not load any more is not passed over in silence.

An enabled plugin that did not load counts, where it is on, as one that failed when it was asked, unless it is known
that it had nothing to say. So a channel that an upgrade broke stops nothing but itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from omniops.database.marks import not_personal
from omniops.database.models import Marked
from omniops.database.service import Database
from omniops.plugins.loading import Plugins

VETOES = frozenset({"consent_veto", "retention_rules", "retention_veto"})
"""Hooks whose silence is a no: no consent, no deletion."""
_REMEMBER = text(
    "insert into omniops.plugin_vetoes (plugin, hooks, loaded_at) select name, hooks, :now"
    " from jsonb_each(cast(:found as jsonb)) as f(name, hooks) on conflict (plugin) do update"
    " set hooks = excluded.hooks, loaded_at = excluded.loaded_at where plugin_vetoes.hooks <> excluded.hooks"
)
_KNOWN = text("select plugin, hooks from omniops.plugin_vetoes")


class PluginVetoes(Marked, table=True):
    """One plugin of the deployment; no business's data is in it."""

    __tablename__ = "plugin_vetoes"
    plugin: str = Field(primary_key=True)
    hooks: list[str] = not_personal("hooks by which it can say no", sa_type=JSONB)
    loaded_at: datetime = not_personal("when it first loaded with these")


async def unheard(database: Database, plugins: Plugins, now: datetime) -> Mapping[str, frozenset[str]]:
    """By plugin that is enabled and did not load: the vetoes that it may have. Remembers what loaded."""
    found = {loaded.name: sorted(plugins.hooks(loaded.name) & VETOES) for loaded in plugins.loaded}
    async with database.connect() as connection:
        if found:
            await connection.execute(_REMEMBER, {"found": json.dumps(found), "now": now})
        known = {row.plugin: frozenset(row.hooks) for row in await connection.execute(_KNOWN)}
        await connection.commit()
    return {name: known.get(name, VETOES) for name in plugins.missing}
