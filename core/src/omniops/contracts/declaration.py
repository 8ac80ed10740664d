"""What a plugin, and core itself, declares before it may do anything: the whole of it, in data.

The register of processors, the record of processing, the cookie page and the policy are compiled from these values,
and the two doors refuse whatever is not in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from omniops.contracts.rights import ExternalStore

Basis = Literal["contract", "consent", "legal_obligation", "legitimate_interests"]
"""The legal bases of Art. 6(1) GDPR that OmniOps uses: (b), (a), (c) and (f)."""

Role = Literal["processor", "customer_chosen", "ai", "own_site"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """A legitimate interest, weighed against those of the people (Art. 6(1)(f) GDPR), by a named author on a day.

    It counts through `review_by`. `interest` says what is pursued, `need` why nothing milder reaches it, `balance` why
    the people's interests do not override it.
    """

    author: str
    made_on: date
    review_by: date
    interest: str
    need: str
    balance: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """A named reason for processing.

    `objectable` purposes stop when a person objects (Art. 21). `optional` ones need a given consent; their basis is
    `consent`. `restricted_ok` purposes go on under a restriction (Art. 18(2)), for example defending legal claims.
    `every_mark` purposes open every personal column, whatever its mark names: core's own, for a person's right to a
    copy of all that is held (Art. 15) and to be told of a breach (Art. 34). A plugin that declares one is refused.
    `automated` purposes let a machine answer or decide: a person may opt out of them, and gets a person instead
    (Art. 22). `confirmed` purposes take a yes only from who opened a link in a mail and confirmed there.
    `within` names the wider purpose that
    this one is a step of: the door stays as narrow as the step, and the record of processing shows the wider one.
    `assessment` is needed where the basis is `legitimate_interests`, and the purpose is shut once it is to be reviewed.
    `refusable`: an objection may be refused on compelling grounds (Art. 21(1)); core's own, for security alone.
    """

    key: str
    title: str
    basis: Basis
    objectable: bool = False
    restricted_ok: bool = False
    every_mark: bool = False
    automated: bool = False
    confirmed: bool = False
    within: str = ""
    assessment: Assessment | None = None
    refusable: bool = False

    def weighed(self, today: date) -> bool:
        """Whether its basis holds on a day: a legitimate interest only with an assessment that is not out of date."""
        if self.basis != "legitimate_interests":
            return True
        return self.assessment is not None and today <= self.assessment.review_by


California = Literal[
    "",
    "identifiers",
    "customer_records",
    "protected_characteristics",
    "commercial",
    "biometric",
    "internet_activity",
    "geolocation",
    "sensory",
    "employment",
    "education",
    "inferences",
]
"""The categories of Cal. Civ. Code 1798.140(v)(1)(A)-(K), in their order; empty where nobody said."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of personal data, named in dots from general to particular: `contact.email`, `user.content.chat`.

    `california` is its category of the CCPA, and `sensitive` whether that law, 1798.140(ae), or Art. 9 GDPR protects it
    more. A `fact` is true of the person as a whole, such as an e-mail address: it can be corrected everywhere at once.
    """

    key: str
    title: str
    california: California = ""
    sensitive: bool = False
    fact: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """A class of retention. `days` counts from the row's `created_at`, or from the time whose mark names the class;
    None keeps it as long as its account. Nobody may shorten it below `least` days; where `days` is None, not at all.
    """

    key: str
    title: str
    days: int | None
    least: int = 1


Origin = Literal["EEA", "UK", "CH"]
"""Where data comes from, as laws of transfers see it: chapter V of the GDPR and of the UK GDPR, Art. 16 Swiss FADP."""

MechanismKind = Literal["adequacy", "dpf", "scc", "idta", "uk_addendum", "swiss_addendum", "none_needed"]
"""What lets data go to another country. `dpf` is the Data Privacy Framework with its UK and Swiss extensions, to which
a company certifies itself; `scc` the clauses of Decision (EU) 2021/914; `idta` and `uk_addendum` the ICO's;
`swiss_addendum` the clauses with the changes that the FDPIC wants; `none_needed` says that no other party receives
anything there."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """What a processor's contract offers for transfers. Of force once the operator signed that contract.

    `module` is that of the clauses: 2 from controller to processor, 3 from processor to processor. `source` is where it
    can be read. Times are aware; None has no end, or began before anybody asks. `assessment` names the assessment of
    the transfer, and `measures` the keys of the supplementary measures that it asks for: while one is off, nothing
    leaves.
    """

    kind: MechanismKind
    source: str
    module: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    assessment: str = ""
    measures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Processor:
    """A party that may receive data, and the only hosts, categories and purposes for which it may.

    `hosts` are exact names or `*.example.com` (one or more labels in front). `countries` are ISO 3166 codes. Both are
    empty for a system of the business's own (`own_site`) whose address stands in the connection, such as a shop on its
    own server: then the one host is given to the gate's client, and the business gets back what is its own.
    `tls` other than 1.3 is a named exception and is shown as such wherever the register is shown.

    The rest is what the register tells about the party. What is not known stays empty, and what rests on it is refused:
    without a country nothing personal leaves. `legal_name` is the company that signs (default: `name`), `contract_url`
    its data-processing terms (Art. 28 GDPR), `retention` what it keeps and how long, in words. `measures` are the keys
    of supplementary measures that the plugin's settings put in force now, such as `zero_retention`.
    """

    key: str
    name: str
    role: Role
    hosts: tuple[str, ...]
    countries: tuple[str, ...]
    purposes: tuple[str, ...]
    categories: tuple[str, ...] = ()
    ports: tuple[int, ...] = (443,)
    tls: Literal["1.3", "1.2"] = "1.3"
    legal_name: str = ""
    contact: str = ""
    policy_url: str = ""
    contract_url: str = ""
    retention: str = ""
    mechanisms: tuple[Mechanism, ...] = ()
    measures: tuple[str, ...] = ()

    @property
    def party(self) -> str:
        """The company that signs."""
        return self.legal_name or self.name

    @property
    def connected_host(self) -> bool:
        """Whether it is a system of the business's own, at the host that a connection names."""
        return self.role == "own_site" and not self.hosts


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie or browser-storage key that a route of the plugin may set, or that its script keeps.

    `max_age_days` 0 ends with the tab, or with the browser for a cookie. `title` says in a sentence what is in it.
    """

    name: str
    purpose: str
    max_age_days: int
    title: str
    place: Literal["cookie", "session_storage", "local_storage"] = "cookie"


@dataclass(frozen=True, slots=True)
class Tables:
    """A plugin's tables (all named `NAME_*`) and the package that holds its alembic `versions/`."""

    models: tuple[type[Any], ...]
    migrations: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything that a plugin brings. An empty one says: no outside party, no cookie, no table, nothing elsewhere."""

    processors: Sequence[Processor] = ()
    purposes: Sequence[Purpose] = ()
    categories: Sequence[Category] = ()
    retention: Sequence[Retention] = ()
    cookies: Sequence[Cookie] = ()
    tables: Tables | None = None
    stores: Sequence[ExternalStore] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a column: sealed and personal, sealed and secret, or neither, and why.

    `purposes` are the only ones for which the vault opens it. `find` names the kind under which exact look-up works
    (`email`, `phone` …), or None. The mark travels in `Column.info["mark"]`.
    """

    kind: Literal["personal", "secret", "not_personal"]
    category: str = ""
    purposes: frozenset[str] = frozenset()
    retain: str = ""
    find: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SubjectState:
    """What the vault's door reads of a person, at this moment, from the subject's row.

    `consents` maps a purpose to `given`, `refused`, `withdrawn` or `expired`; a purpose that is absent was never asked.
    """

    consents: Mapping[str, str] = field(default_factory=dict)
    until: Mapping[str, datetime] = field(default_factory=dict)
    """When a given consent ends, by purpose."""
    objections: frozenset[str] = frozenset()
    overridden: frozenset[str] = frozenset()
    """Those of the objections that were refused on compelling grounds, and the person told."""
    opt_outs: frozenset[str] = frozenset()
    limited: bool = False
    """Sensitive data is used only for what California's list allows."""
    restricted: bool = False
    hold: bool = False
    erased: bool = False

    def at(self, now: datetime) -> SubjectState:
        """The state at a moment: a yes whose time is over counts as expired from that very moment on, whether the
        ledger has its entry yet or not."""
        over = [purpose for purpose, end in self.until.items() if end <= now and self.consents.get(purpose) == "given"]
        return replace(self, consents={**self.consents, **dict.fromkeys(over, "expired")}) if over else self
