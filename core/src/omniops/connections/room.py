"""What flows over connections, as one part for the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit
from omniops.connections.arrivals import Arrivals, TakesRights
from omniops.connections.catalogue import Catalogue, Shelf
from omniops.connections.circuit import Circuit
from omniops.connections.documents import ConnectedDocuments, Folder
from omniops.connections.entering import Entering, KnowsPeople
from omniops.connections.givers import Givers
from omniops.connections.intake import WebhookIntake
from omniops.connections.kinds import Kinds
from omniops.connections.known import Known
from omniops.connections.posting import Posting
from omniops.connections.service import Connections
from omniops.connections.tasks import Tasks
from omniops.connections.telling import Telling
from omniops.connections.using import Using
from omniops.connections.working import Follows, Hears, Working
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.vault.service import Vault


class Talks(Hears, KnowsPeople, Protocol):
    """The conversation room, as this one sees it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The webhooks' way in, the log, the jobs over it, syncs and renewals, what is told at the other side, and the
    documents that were chosen there."""

    intake: WebhookIntake
    arrivals: Arrivals
    working: Working
    tasks: Tasks
    telling: Telling
    documents: ConnectedDocuments

    @classmethod
    def over(
        cls,
        database: Database,
        vault: Vault,
        audit: Audit,
        accounts: Accounts,
        connections: Connections,
        kinds: Callable[[], Kinds],
        jobs: Jobs,
        talks: Talks,
        rights: TakesRights,
        shelf: Shelf,
        folder: Folder,
        posting: Posting,
        appointments: Follows,
        circuit: Circuit,
        clock: Clock,
        log: Log,
    ) -> Traffic:
        using = Using(accounts, connections, kinds)
        arrivals = Arrivals(database, jobs, Entering(vault, talks, clock), rights, audit, clock)
        givers = Givers(database, using, kinds, arrivals, rights, jobs)
        catalogue = Catalogue(database, accounts, connections, kinds, shelf, clock)
        documents = ConnectedDocuments(database, accounts, audit, connections, kinds, folder, clock)
        return cls(
            WebhookIntake(database, Known(database, connections), kinds, arrivals, givers, log),
            arrivals,
            Working(
                *(database, vault, connections, using, kinds, arrivals, circuit, posting),
                *((catalogue, documents, appointments), talks, jobs, clock, log),
            ),
            Tasks(
                *(database, connections, using, kinds, arrivals, circuit),
                *((catalogue, documents, posting), jobs, clock, log),
            ),
            Telling(database, connections, using, kinds, circuit, posting, jobs, clock),
            documents,
        )
