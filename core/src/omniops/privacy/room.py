"""The privacy room: what people may ask about their own data, and what the business owes them, built in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from omniops.accounts.service import Accounts, Throttle
from omniops.audit.export import Exports
from omniops.audit.heads import Heads
from omniops.audit.service import SIGNING, Audit
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.root_keys import RootProvider
from omniops.database.service import Database
from omniops.jobs.service import Jobs
from omniops.mail.service import Post
from omniops.plugins.seams import Seams
from omniops.privacy.agreements import Agreements
from omniops.privacy.breach.affected import Scoping
from omniops.privacy.breach.cases import Breaches
from omniops.privacy.breach.register import BreachRegister
from omniops.privacy.breach.telling import Telling
from omniops.privacy.bridging import Bridge
from omniops.privacy.california import California
from omniops.privacy.catalog import AUDIT_DAYS, Catalog
from omniops.privacy.changes import Changes
from omniops.privacy.children import Children
from omniops.privacy.consent_jobs import ConsentJobs
from omniops.privacy.consent_receipts import ConsentReceipts
from omniops.privacy.consents import Consents
from omniops.privacy.erasure import Erasure
from omniops.privacy.opt_in import OptIn
from omniops.privacy.origins import Origins
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
from omniops.privacy.persons.stores import Outside, Stores
from omniops.privacy.preferences import Preferences
from omniops.privacy.records import Operator, Records
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.retention.engine import Retention
from omniops.privacy.retention.holds import Holds
from omniops.privacy.rights.authorities import Authorities
from omniops.privacy.rights.book import Book
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.certificates import USE
from omniops.privacy.rights.children import ChildCases
from omniops.privacy.rights.fulfilling import Fulfilling
from omniops.privacy.rights.letters import Letters
from omniops.privacy.rights.objections import Objections
from omniops.privacy.rights.requests import Requests
from omniops.privacy.rights.ticking import Ticking
from omniops.privacy.signatures import Signatures
from omniops.settings import Settings
from omniops.signing import Signer
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
    mail: Post
    accounts: Accounts
    throttle: Throttle
    seams: Seams
    catalog: Catalog
    register: ProcessorRegister
    consents: Consents
    outside: Callable[[], Sequence[Outside]]
    signer: Signer
    root: RootProvider
    settings: Settings
    clock: Clock
    log: Log


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everything that this room does, by name: `runtime.privacy.erasure`."""

    erasure: Erasure
    persons: Persons
    retention: Retention
    holds: Holds
    bridge: Bridge
    consent_jobs: ConsentJobs
    children: Children
    opt_in: OptIn
    preferences: Preferences
    receipts: ConsentReceipts
    breaches: Breaches
    heads: Heads
    exports: Exports
    changes: Changes
    signatures: Signatures
    records: Records
    agreements: Agreements
    origins: Origins
    california: California
    nights: Nights
    cases: Cases
    requests: Requests
    child_cases: ChildCases
    authorities: Authorities
    objections: Objections
    ticking: Ticking

    @classmethod
    async def begun(cls, on: Foundations) -> Privacy:
        """The room, and what it does once before anything else may: accounts are told of new processors."""
        erasure = Erasure(on.database, on.vault)
        key = on.root.secret(SIGNING)
        keep = timedelta(days=AUDIT_DAYS)
        heads = Heads(on.database, on.audit, key, on.settings.public_url, keep, on.clock, on.log)
        heads.tasks(on.jobs)
        changes = Changes(
            on.database,
            on.vault,
            on.audit,
            on.accounts,
            on.register,
            on.mail,
            on.jobs,
            on.clock,
            days=on.settings.objection_days,
        )
        await changes.keep()
        nights = _nights(on)
        persons = _persons(on, erasure, nights)
        book = Book(on.database, on.vault, on.accounts, on.clock)
        fulfilling = Fulfilling(book, persons, on.consents, on.catalog, on.audit)
        letters = Letters(book, on.mail)
        children = Children(on.database, on.consents, on.catalog, on.clock)
        operator = _operator(on.settings)
        records = Records(on.database, on.register, on.catalog, on.clock, operator)
        certifier = Signer(on.root.secret(USE))
        cases = Cases(book, fulfilling, letters, on.accounts, on.jobs, on.audit, certifier, on.settings.public_url)
        return cls(
            erasure=erasure,
            persons=persons,
            retention=Retention(
                on.database, on.vault, on.blobs, on.audit, on.jobs, on.accounts, on.seams, on.catalog, on.clock
            ),
            holds=Holds(on.database, on.vault, on.audit, on.clock),
            bridge=Bridge(on.consents, on.clock),
            consent_jobs=ConsentJobs(on.database, on.consents.ledger, on.consents.voices, on.jobs, on.clock),
            children=children,
            opt_in=OptIn(on.database, on.vault, on.consents, on.catalog, on.mail, on.jobs, on.signer, on.clock),
            preferences=Preferences(on.database, on.accounts, on.catalog, on.register, on.consents, on.clock),
            receipts=ConsentReceipts(on.database, on.accounts, on.catalog, on.register, on.signer, on.clock),
            breaches=_breaches(on),
            heads=heads,
            exports=Exports(on.database, key, on.clock),
            changes=changes,
            signatures=Signatures(on.database, on.audit, on.register, changes, on.clock),
            records=records,
            agreements=Agreements(records, operator),
            origins=Origins(on.database, on.audit),
            california=California(on.database, on.catalog, on.register, on.jobs, on.clock),
            nights=nights,
            cases=cases,
            requests=Requests(cases, persons, on.consents, on.vault, on.throttle),
            child_cases=ChildCases(cases, children),
            authorities=Authorities(on.database, on.vault, persons, on.audit, on.clock),
            objections=Objections(cases, persons),
            ticking=Ticking(cases, erasure, on.jobs),
        )


def _persons(on: Foundations, erasure: Erasure, nights: Nights) -> Persons:
    fields = FieldMap(on.database, on.seams, on.catalog)
    people = People(on.database, on.vault, fields)
    stores = Stores(on.database, on.outside, on.log)
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
        nights=nights,
    )


def _breaches(on: Foundations) -> Breaches:
    return Breaches(
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


def _operator(settings: Settings) -> Operator:
    return Operator(
        settings.legal_name,
        settings.postal_address,
        settings.privacy_email,
        settings.privacy_contact,
        settings.eu_representative,
    )


def _nights(on: Foundations) -> Nights:
    folder = on.settings.keys_mirror
    mirror = None if folder is None else Mirror(folder, on.root, on.clock, on.log)
    if mirror is not None:
        on.vault.on_shred(mirror.shredded)
    return Nights(on.database, on.root, on.audit, on.jobs, mirror, on.settings.epoch_days, on.clock, on.log)
