"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.plugins.seams import Seams
from omniops.privacy.bridging import Bridge
from omniops.privacy.catalog import Catalog
from omniops.privacy.children import Children
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.voices import Voices
from omniops.vault.blobs import Blobs
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
    voices: Voices
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    bridge: Bridge
    children: Children

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        return cls(
            erasure=Erasure(on.database, on.vault),
            bridge=Bridge(on.consents, on.voices, on.clock),
            children=Children(on.database, on.audit, on.consents, on.clock),
        )
