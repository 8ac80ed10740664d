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
from omniops.privacy.california import California
from omniops.privacy.catalog import Catalog
from omniops.privacy.changes import Changes
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.origins import Origins
from omniops.privacy.records import Operator, Records
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.signatures import Signatures
from omniops.settings import Settings
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
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    changes: Changes
    signatures: Signatures
    records: Records
    origins: Origins
    california: California

    @classmethod
    async def begun(
        cls, on: Foundations, register: ProcessorRegister, accounts: Accounts, mail: Post, settings: Settings
    ) -> Privacy:
        """The room, and what it does once before anything else may: accounts are told of new processors."""
        changes = Changes(
            on.database, on.vault, on.audit, accounts, register, mail, on.jobs, on.clock, days=settings.objection_days
        )
        await changes.keep()
        return cls(
            erasure=Erasure(on.database, on.vault),
            changes=changes,
            signatures=Signatures(on.database, on.audit, register, changes, on.clock),
            origins=Origins(on.database, on.audit),
            california=California(on.database, on.catalog, register, on.jobs, on.clock),
            records=Records(
                on.database,
                register,
                on.catalog,
                on.clock,
                Operator(
                    settings.legal_name,
                    settings.postal_address,
                    settings.privacy_email,
                    settings.privacy_contact,
                    settings.eu_representative,
                ),
            ),
        )
