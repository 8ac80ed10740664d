"""The parts of the room, joined for the composition root."""

from __future__ import annotations

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.database.service import Database
from omniops.gate.service import Gate
from omniops.jobs.service import Jobs
from omniops.vault.service import Vault
from omniops.webhooks.delivering import Deliveries
from omniops.webhooks.endpoints import Endpoints


class Webhooks:
    """`endpoints` are the receivers, `deliveries` what they are sent."""

    def __init__(
        self, database: Database, gate: Gate, vault: Vault, accounts: Accounts, jobs: Jobs, audit: Audit, clock: Clock
    ) -> None:
        self.endpoints = Endpoints(database, gate, vault, audit, clock)
        self.deliveries = Deliveries(database, gate, accounts, self.endpoints, jobs, audit, clock)
