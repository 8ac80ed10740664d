"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from omniops.audit.export import Exports
from omniops.audit.heads import Heads
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.mail.service import Post
from omniops.plugins.seams import Seams
from omniops.privacy.breach.affected import Scoping
from omniops.privacy.breach.cases import Breaches
from omniops.privacy.breach.register import BreachRegister
from omniops.privacy.breach.telling import Telling
from omniops.privacy.catalog import AUDIT_DAYS, Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.settings import Settings
from omniops.vault.blobs import Blobs
from omniops.vault.roots import RootProvider
from omniops.vault.service import Vault


@dataclass(frozen=True, slots=True)
class Foundations:
    """The rooms and values that the privacy room stands on."""

    database: Database
    vault: Vault
    blobs: Blobs
    audit: Audit
    jobs: Jobs
    mail: Post
    seams: Seams
    catalog: Catalog
    consents: Consents
    root: RootProvider
    settings: Settings
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    breaches: Breaches
    heads: Heads
    exports: Exports

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        key = on.root.secret("audit log")
        keep = timedelta(days=on.catalog.retention["audit"].days or AUDIT_DAYS)
        heads = Heads(on.database, on.audit, key, on.settings.public_url, keep, on.clock, on.log)
        heads.tasks(on.jobs)
        breaches = Breaches(
            on.database,
            on.jobs,
            on.seams,
            on.catalog,
            BreachRegister(on.database, on.vault, on.audit, on.clock),
            Scoping(on.database, on.vault, on.audit),
            Telling(on.database, on.vault, on.mail, on.clock),
            on.clock,
            on.log,
        )
        return cls(
            erasure=Erasure(on.database, on.vault),
            breaches=breaches,
            heads=heads,
            exports=Exports(on.database, key, on.clock),
        )
