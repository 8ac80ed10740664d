"""OmniOps: AI customer service that proves its privacy promises. These are the public names for plugin authors.

They are imported when they are first used, so that `omniops --version` does not pay for a database library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from omniops.contracts.plugin import Health, Info, PluginContext, PluginSettings
    from omniops.contracts.rights import ExternalStore, Fulfilment, Person
    from omniops.contracts.scope import Actor, Scope
    from omniops.contracts.sealed import Sealed, seal
    from omniops.database.marks import not_personal, personal, secret
    from omniops.database.models import AccountModel, DomainModel, SubjectModel, belongs_to
    from omniops.hookspecs import Plugin, hookimpl
    from omniops.server.permissions import DomainAccess, requires, requires_domain

_WHERE = {
    "Actor": "contracts.scope",
    "ExternalStore": "contracts.rights",
    "Fulfilment": "contracts.rights",
    "Person": "contracts.rights",
    "Scope": "contracts.scope",
    "Sealed": "contracts.sealed",
    "seal": "contracts.sealed",
    "not_personal": "database.marks",
    "personal": "database.marks",
    "secret": "database.marks",
    "AccountModel": "database.models",
    "DomainModel": "database.models",
    "SubjectModel": "database.models",
    "belongs_to": "database.models",
    "Plugin": "hookspecs",
    "hookimpl": "hookspecs",
    "Health": "contracts.plugin",
    "Info": "contracts.plugin",
    "PluginContext": "contracts.plugin",
    "PluginSettings": "contracts.plugin",
    "DomainAccess": "server.permissions",
    "requires": "server.permissions",
    "requires_domain": "server.permissions",
}

__all__ = [
    "AccountModel",
    "Actor",
    "DomainAccess",
    "DomainModel",
    "ExternalStore",
    "Fulfilment",
    "Health",
    "Info",
    "Person",
    "Plugin",
    "PluginContext",
    "PluginSettings",
    "Scope",
    "Sealed",
    "SubjectModel",
    "__version__",
    "belongs_to",
    "hookimpl",
    "not_personal",
    "personal",
    "requires",
    "requires_domain",
    "seal",
    "secret",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"omniops.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'omniops' has no attribute {name!r}")
