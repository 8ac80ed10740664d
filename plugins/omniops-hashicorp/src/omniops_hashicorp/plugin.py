"""The plugin's hooks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from omniops import Info, Plugin, hookimpl
from omniops.contracts.root_keys import RootKeysOffer, RootPlace, RootProvider

from omniops_hashicorp.settings import HashiCorpSettings


class HashiCorpPlugin(Plugin):
    """Keeps the root and epoch keys in HashiCorp Vault, reached through its agent on this machine."""

    info = Info(title="HashiCorp Vault", version="0.1.0", omniops=">=0.1,<0.2")
    Settings = HashiCorpSettings

    @hookimpl
    def root_keys(self) -> Sequence[RootKeysOffer]:
        return [RootKeysOffer("hashicorp", "HashiCorp Vault", self._open)]

    def _open(self, place: RootPlace) -> RootProvider:
        from omniops_hashicorp.api import KeyValue
        from omniops_hashicorp.keys import VaultKeys

        settings: HashiCorpSettings = self.context.settings
        folder = hashlib.sha256(str(place.folder.absolute()).encode()).hexdigest()[:16]
        store = KeyValue(settings, settings.path or f"omniops/{folder}")
        return VaultKeys(store, create=place.create)
