"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.root_keys import RootProvider
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.settings import Settings
from omniops.vault.blobs import Blobs
from omniops.vault.mirror import Mirror
from omniops.vault.nights import Nights
from omniops.vault.service import Vault


@dataclass(frozen=True, slots=True)
class Foundations:
    """The rooms and values that the privacy room stands on."""

    database: Database
    vault: Vault
    blobs: Blobs
    audit: Audit
    jobs: Jobs
    seams: Seams
    catalog: Catalog
    consents: Consents
    clock: Clock
    log: Log
    root: RootProvider
    settings: Settings


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    nights: Nights

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        folder = on.settings.keys_mirror
        mirror = None if folder is None else Mirror(folder, on.root, on.clock, on.log)
        if mirror is not None:
            on.vault.on_shred(mirror.shredded)
        days = on.settings.epoch_days
        return cls(
            erasure=Erasure(on.database, on.vault),
            nights=Nights(on.database, on.root, on.audit, on.jobs, mirror, days, on.clock, on.log),
        )
