"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.mail.service import Post
from omniops.plugins.seams import Seams
from omniops.privacy.bridging import Bridge
from omniops.privacy.catalog import Catalog
from omniops.privacy.children import Children
from omniops.privacy.consent_jobs import ConsentJobs
from omniops.privacy.consent_receipts import ConsentReceipts
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.opt_in import OptIn
from omniops.privacy.preferences import Preferences
from omniops.privacy.register import ProcessorRegister
from omniops.vault.blobs import Blobs
from omniops.vault.service import Vault
from omniops.vault.signing import Signer


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
    accounts: Accounts
    register: ProcessorRegister
    mail: Post
    signer: Signer


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    bridge: Bridge
    consent_jobs: ConsentJobs
    children: Children
    opt_in: OptIn
    preferences: Preferences
    receipts: ConsentReceipts

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        return cls(
            erasure=Erasure(on.database, on.vault),
            bridge=Bridge(on.consents, on.clock),
            consent_jobs=ConsentJobs(on.database, on.consents.ledger, on.consents.voices, on.jobs, on.clock),
            children=Children(on.database, on.audit, on.consents, on.clock),
            opt_in=OptIn(on.database, on.vault, on.consents, on.catalog, on.mail, on.jobs, on.signer, on.clock),
            preferences=Preferences(on.database, on.accounts, on.catalog, on.register, on.consents),
            receipts=ConsentReceipts(on.database, on.accounts, on.catalog, on.register, on.signer, on.clock),
        )
