"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from dataclasses import dataclass

from omniops.accounts.service import Accounts, Throttle
from omniops.audit.service import Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.mail.service import Post
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
from omniops.privacy.rights.authorities import Authorities
from omniops.privacy.rights.book import Book
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.certificates import USE
from omniops.privacy.rights.children import Children
from omniops.privacy.rights.fulfilling import Fulfilling
from omniops.privacy.rights.letters import Letters
from omniops.privacy.rights.requests import Requests
from omniops.privacy.rights.ticking import Ticking
from omniops.settings import Settings
from omniops.vault.blobs import Blobs
from omniops.vault.roots import RootProvider
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
    register: ProcessorRegister
    consents: Consents
    accounts: Accounts
    mail: Post
    throttle: Throttle
    root: RootProvider
    settings: Settings
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    persons: Persons
    cases: Cases
    requests: Requests
    children: Children
    authorities: Authorities
    ticking: Ticking

    @classmethod
    def over(cls, on: Foundations) -> Privacy:
        erasure = Erasure(on.database, on.vault)
        persons = _persons(on, erasure)
        book = Book(on.database, on.accounts, on.clock)
        fulfilling = Fulfilling(book, persons, on.consents, on.catalog, on.seams, on.audit)
        signer = Signer(on.root, USE)
        letters = Letters(book, on.vault, on.mail)
        cases = Cases(book, fulfilling, letters, on.accounts, on.jobs, on.audit, signer, on.settings.public_url)
        return cls(
            erasure=erasure,
            persons=persons,
            cases=cases,
            requests=Requests(cases, persons, on.vault, on.throttle),
            children=Children(cases, persons, on.catalog),
            authorities=Authorities(on.database, persons, on.audit, on.clock),
            ticking=Ticking(cases, erasure, on.jobs),
        )


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
        duties=Duties(on.database, on.vault, on.jobs, people, erasure, stores, recipients, scanner, on.clock),
    )
