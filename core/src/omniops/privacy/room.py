"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.persons.duties import Duties
from omniops.privacy.persons.exporting import Exporting
from omniops.privacy.persons.fields import FieldMap
from omniops.privacy.persons.importing import Importing
from omniops.privacy.persons.limits import Limits
from omniops.privacy.persons.people import People
from omniops.privacy.persons.recipients import Recipients
from omniops.privacy.persons.rectifying import Rectifying
from omniops.privacy.persons.scanning import Scanner
from omniops.privacy.persons.service import Persons
from omniops.privacy.persons.sheet import Sheets
from omniops.privacy.persons.stores import Stores
from omniops.privacy.register import ProcessorRegister
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
    register: ProcessorRegister
    consents: Consents
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    persons: Persons

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        erasure = Erasure(on.database, on.vault)
        return cls(erasure=erasure, persons=_persons(on, erasure))


def _persons(on: Foundations, erasure: Erasure) -> Persons:
    fields = FieldMap(on.database, on.seams, on.catalog)
    people = People(on.database, on.vault, fields)
    stores = Stores(on.database, on.seams, on.log)
    recipients = Recipients(on.database, on.register)
    scanner = Scanner(on.database, stores)
    return Persons(
        vault=on.vault,
        audit=on.audit,
        blobs=on.blobs,
        people=people,
        map=fields,
        stores=stores,
        recipients=recipients,
        exporting=Exporting(people, fields, on.blobs, stores, on.clock),
        importing=Importing(on.database, on.vault, on.blobs, fields),
        sheets=Sheets(on.database, fields, recipients, on.catalog),
        limits=Limits(on.database, people, on.catalog, on.clock),
        rectifying=Rectifying(on.database, fields),
        scanner=scanner,
        duties=Duties(on.database, on.jobs, people, erasure, stores, recipients, scanner, on.clock),
    )
