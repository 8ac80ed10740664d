"""What is generated from the register and the marks: the list of processors, the record of processing, the maps, the
annex of the data-processing agreement. Nothing here is written by hand, so that nothing of it can be behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from omniops.contracts.declaration import Processor
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import EgressRefused, NotFound
from omniops.gate.grants import Grant
from omniops.privacy.catalog import Catalog
from omniops.privacy.fields import MEMBERS, UNKNOWN, VISITORS, Field, personal_fields
from omniops.privacy.papers import Cell, Paper, Section
from omniops.privacy.register import BOUND, ProcessorRegister, Registered, Way
from omniops.privacy.transfers import Signed, own_machine

Form = Literal["controller", "processor"]
STALE = timedelta(days=90)
"""An entry that received nothing for so long is marked: who is not used need not be listed."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_LAST = text(
    "select processor, max(at) as at from egress_entry"
    " where cast(:account as uuid) is null or account_id = :account group by processor"
)
_SINCE = text("select processor, min(since) as since from processor_fact group by processor")
_NAMES = text("select name from account where not for_probes order by created_at")
MEASURES = (
    "Personal data is sealed with AES-256-GCM under a key of each person's own (vault)",
    "It is opened for a declared purpose only, after a decision, with an entry in a hash-chained log",
    "Every way out of the server passes one gate: register, contract, transfer, TLS 1.3, ledger",
    "Rows of a website are separated by row-level security in the database",
    "Details such as numbers and addresses are replaced before a text goes to a language model",
    "Erasure destroys the person's key and deletes the rows",
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the deployment, from the settings; what is empty is not known."""

    name: str
    address: str
    email: str
    officer: str
    representative: str

    def told(self, role: str) -> list[tuple[str, str]]:
        """What Art. 30 wants to be named: name and contact, data protection officer, representative."""
        return [
            (role, self.name or UNKNOWN),
            ("Contact", ", ".join(part for part in (self.address, self.email) if part) or UNKNOWN),
            ("Data protection officer", self.officer or UNKNOWN),
            ("Representative in the EU", self.representative or UNKNOWN),
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """A processor as the register shows it. `missing` names what nobody knows of it; `refused` is the stable reason
    why it receives nothing now, and None where it may."""

    registered: Registered
    contract: Signed | None
    ways: Sequence[Way]
    missing: Sequence[str]
    refused: str | None
    last_used: datetime | None = None
    stale: bool = False

    @property
    def processor(self) -> Processor:
        return self.registered.processor


class Records:
    """Compiles. Reads the database for what was signed, what was used, and names."""

    def __init__(
        self,
        database: Database,
        register: ProcessorRegister,
        catalog: Catalog,
        clock: Clock,
        operator: Operator,
    ) -> None:
        self._database = database
        self._register = register
        self._catalog = catalog
        self._clock = clock
        self._operator = operator
        self._name = operator.name or "The operator of this server"

    async def rows(self, account_id: UUID | None = None, *, used: bool = True) -> list[Row]:
        """All processors, by name. With `used`, when each last received something: of the account's or, where none is
        named, of all, which is a use of the system role."""
        await self._register.terms.freshen(account_id)
        last = await self._last_used(account_id) if used else {}
        since = await self._since() if used else {}
        found = [self._row(entry, account_id, last, since) for entry in self._register.all()]
        return sorted(found, key=lambda row: row.processor.name.casefold())

    async def row(self, key: str, account_id: UUID | None = None) -> Row:
        """One of them. Raises `NotFound`."""
        for found in await self.rows(account_id):
            if found.processor.key == key:
                return found
        known = ", ".join(entry.processor.key for entry in self._register.all())
        raise NotFound(f"There is no processor {key!r}.", do=f"There are: {known or 'none'}.")

    async def record(self, form: Form, account: tuple[UUID, str] | None = None) -> Paper:
        """The record of processing activities (Art. 30 GDPR).

        For an account (its id and name): `controller` is the business's own record of its visitors, `processor` is the
        operator's about it. Without: the operator's as controller of its customers' members, and as processor for all
        of them.
        """
        rows = await self.rows(account[0] if account else None, used=False)
        if form == "controller":
            controller = account[1] if account else self._name
            people = VISITORS if account else MEMBERS
            own = [("Controller", controller), ("Contact", UNKNOWN)]
            who = [*own, *self._operator.told("Processor")] if account else self._operator.told("Controller")
            return Paper(
                "Record of processing activities",
                f"What {controller} processes of {people}, why, for how long, and who receives it.",
                "Art. 30(1) GDPR and UK GDPR, letters (a) to (g)",
                [who_of(who), *self._activities(people, rows), _transfers(rows), _measures()],
            )
        customers = [account[1]] if account else await self._account_names()
        return Paper(
            "Record of processing on behalf of controllers",
            f"What {self._name} does for {len(customers)} {'business' if len(customers) == 1 else 'businesses'}.",
            "Art. 30(2) GDPR and UK GDPR, letters (a) to (d)",
            [
                who_of(self._operator.told("Processor")),
                Section("Controllers", "", [("name", "Name")], [{"name": name} for name in customers]),
                *self._activities(VISITORS, rows),
                _transfers(rows),
                _measures(),
            ],
        )

    async def data_map(self) -> Paper:
        """Every personal field: what it is, of whom, what for, for how long, and who may receive its kind."""
        rows = await self.rows(used=False)
        fields = personal_fields(self._catalog)
        return Paper(
            "Data map",
            f"{len(fields)} fields hold data about people. All are sealed, each under its person's own key.",
            "From the marks of every column",
            [
                Section(
                    "Fields",
                    "",
                    [
                        ("field", "Field"),
                        ("people", "Of whom"),
                        ("category", "Kind"),
                        ("purposes", "What for"),
                        ("retention", "Kept"),
                        ("recipients", "Who may receive this kind"),
                    ],
                    [
                        {
                            "field": f"{one.table}.{one.column}",
                            "people": one.people,
                            "category": one.title,
                            "purposes": tuple(self._catalog.purpose_title(key) for key in one.purposes),
                            "retention": one.kept,
                            "recipients": _recipients(one.category, rows),
                        }
                        for one in fields
                    ],
                )
            ],
        )

    async def transfer_map(self) -> Paper:
        """Which countries data goes to, by where it comes from, and by what right."""
        rows = await self.rows(used=False)
        return Paper(
            "Transfer map",
            "Where data goes, by where it comes from. What nothing covers is not sent.",
            "Chapter V of the GDPR and of the UK GDPR; Art. 16 and 17 of the Swiss FADP",
            [_transfers(rows)],
        )

    async def annex(self, account_name: str) -> Paper:
        """The annex of the data-processing agreement: what is processed, and the full list of sub-processors."""
        rows = await self.rows(used=False)
        return Paper(
            "Annex to the data-processing agreement",
            f"What {self._name} processes for {account_name}, and whom it uses for it.",
            "Art. 28(2) to (4) GDPR and UK GDPR",
            [
                who_of([("Controller", account_name), *self._operator.told("Processor")]),
                *self._activities(VISITORS, rows),
                _list("Sub-processors", [row for row in rows if row.processor.role in BOUND]),
                _list("Chosen by the controller itself", [row for row in rows if row.processor.role not in BOUND]),
                _transfers(rows),
                _measures(),
            ],
        )

    def _row(
        self, entry: Registered, account_id: UUID | None, last: Mapping[str, datetime], since: Mapping[str, datetime]
    ) -> Row:
        one, now = self._register.described(entry.processor), self._clock.now()
        own = own_machine(one.hosts) or one.connected_host
        wanted = () if own else ("countries", "contact", "policy_url", "contract_url", "retention")
        newest = max(last.get(one.key, _NEVER), since.get(one.key, now))
        return Row(
            Registered(entry.plugin, one),
            self._register.contract(one),
            self._register.ways(one),
            [name for name in wanted if not getattr(one, name)],
            self._refused(one, account_id),
            last.get(one.key),
            now - newest > STALE,
        )

    def _refused(self, one: Processor, account_id: UUID | None) -> str | None:
        """The gate's own decision, for data from everywhere."""
        if not one.categories:
            return None
        scope = Scope(account_id) if account_id is not None else None
        try:
            self._register.check(Grant(one.key, one.purposes[0], scope, one.categories))
        except EgressRefused as error:
            return error.reason
        return None

    def _activities(self, people: str, rows: Sequence[Row]) -> list[Section]:
        by_purpose: dict[str, list[Field]] = defaultdict(list)
        for field in personal_fields(self._catalog):
            if field.people == people:
                for purpose in field.purposes:
                    by_purpose[purpose].append(field)
        table: list[Mapping[str, Cell]] = []
        for key, fields in sorted(by_purpose.items()):
            declared = self._catalog.purposes.get(key)
            categories = {field.category: field.title for field in fields}
            receive = [row for row in rows if key in row.processor.purposes and row.processor.categories]
            table.append(
                {
                    "purpose": self._catalog.purpose_title(key),
                    "basis": (declared.basis if declared else UNKNOWN).replace("_", " "),
                    "people": people,
                    "categories": tuple(sorted(categories.values())),
                    "recipients": tuple(row.processor.party for row in receive) or ("nobody",),
                    "retention": tuple(sorted({field.kept for field in fields})),
                    **_standing(people),
                }
            )
        columns = [
            ("purpose", "Purpose"),
            ("basis", "Legal basis"),
            ("people", "People"),
            ("categories", "Categories of data"),
            ("recipients", "Recipients"),
            ("retention", "Erased"),
            ("role", "We act as"),
            ("notice", "Notice"),
            ("breach", "Told of a breach"),
        ]
        return [Section("Processing activities", "", columns, table)]

    async def _last_used(self, account_id: UUID | None) -> dict[str, datetime]:
        if account_id is not None:
            async with self._database.session(Scope(account_id)) as session:
                connection = await session.connection()
                rows = (await connection.execute(_LAST, {"account": account_id})).all()
        else:
            async with self._database.system("register: what is used") as session:
                connection = await session.connection()
                rows = (await connection.execute(_LAST, {"account": None})).all()
        return {row.processor: row.at for row in rows}

    async def _since(self) -> dict[str, datetime]:
        async with self._database.connect() as connection:
            return {row.processor: row.since for row in (await connection.execute(_SINCE)).all()}

    async def _account_names(self) -> list[str]:
        async with self._database.system("register: controllers of the record") as session:
            connection = await session.connection()
            return [row.name for row in (await connection.execute(_NAMES)).all()]


def _standing(people: str) -> Mapping[str, Cell]:
    """For whom the operator processes the data of these people, and what follows from it: whose notice tells them, and
    whom a breach is told to (Arts. 13, 28 and 33 GDPR)."""
    if people == MEMBERS:
        return {"role": "controller", "notice": "/privacy", "breach": "the authority in charge, within 72 hours"}
    return {
        "role": "processor of the business",
        "notice": "/privacy/KEY",
        "breach": "the business, without undue delay",
    }


def who_of(pairs: Sequence[tuple[str, str]]) -> Section:
    """The parties of a paper: role, name and contact."""
    columns = [("role", "Role"), ("name", "Name and contact")]
    return Section("Who", "", columns, [{"role": role, "name": name} for role, name in pairs])


def _measures() -> Section:
    return Section("Security", "", [("measure", "Measure")], [{"measure": one} for one in MEASURES])


def _transfers(rows: Sequence[Row]) -> Section:
    columns = [
        ("processor", "Receiver"),
        ("origin", "Data from"),
        ("country", "Goes to"),
        ("by", "By"),
        ("until", "Until"),
        ("state", "State"),
    ]
    table: list[Mapping[str, Cell]] = [
        {
            "processor": row.processor.party,
            "origin": way.origin,
            "country": way.country,
            "by": f"{way.by} ({way.source})" if way.source else way.by,
            "until": f"{way.until:%d %B %Y}" if way.until else "–",
            "state": "refused: " + (row.refused or way.code or "") if row.refused or way.code else "covered",
        }
        for row in rows
        if row.processor.categories
        for way in row.ways
    ]
    return Section("Transfers", "" if table else "Nobody outside this server receives personal data.", columns, table)


def _list(title: str, rows: Sequence[Row]) -> Section:
    columns = [
        ("name", "Company"),
        ("countries", "Countries"),
        ("purposes", "What for"),
        ("categories", "Kinds of data"),
        ("retention", "Keeps"),
        ("policy", "Its policy"),
        ("contract", "Its terms"),
    ]
    table: list[Mapping[str, Cell]] = [
        {
            "name": row.processor.party,
            "countries": row.processor.countries or (UNKNOWN,),
            "purposes": row.processor.purposes,
            "categories": row.processor.categories or ("none",),
            "retention": row.processor.retention or UNKNOWN,
            "policy": row.processor.policy_url or UNKNOWN,
            "contract": row.processor.contract_url or UNKNOWN,
        }
        for row in rows
    ]
    return Section(title, "" if table else "None.", columns, table)


def _recipients(category: str, rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(row.processor.party for row in rows if category in row.processor.categories) or ("nobody",)
