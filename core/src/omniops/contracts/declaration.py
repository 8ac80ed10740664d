"""What a plugin, and core itself, declares before it may do anything: the whole of it, in data.

The register of processors, the record of processing, the cookie page and the policy are compiled from these values,
and the two doors refuse whatever is not in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from omniops.contracts.rights import ExternalStore

Basis = Literal["contract", "consent", "legal_obligation", "legitimate_interests"]
"""The legal bases of Art. 6(1) GDPR that OmniOps uses: (b), (a), (c) and (f)."""

Role = Literal["processor", "customer_chosen", "ai", "own_site"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """A named reason for processing.

    `objectable` purposes stop when a person objects (Art. 21). `optional` ones need a given consent; their basis is
    `consent`. `restricted_ok` purposes go on under a restriction (Art. 18(2)), for example defending legal claims.
    `every_mark` purposes open every personal column, whatever its mark names: core's own, for a person's right to a
    copy of all that is held (Art. 15). A plugin that declares one is refused. `automated` purposes let a machine answer
    or decide: a person may opt out of them, and gets a person instead (Art. 22).
    """

    key: str
    title: str
    basis: Basis
    objectable: bool = False
    restricted_ok: bool = False
    every_mark: bool = False
    automated: bool = False


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
    """A class of retention. `days` counts from the row's `created_at`; None keeps it as long as its account."""

    key: str
    title: str
    days: int | None


@dataclass(frozen=True, slots=True)
class Processor:
    """A party that may receive data, and the only hosts, categories and purposes for which it may.

    `hosts` are exact names or `*.example.com` (one or more labels in front). `countries` are ISO 3166 codes.
    `tls` other than 1.3 is a named exception and is shown as such wherever the register is shown.
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
    objections: frozenset[str] = frozenset()
    opt_outs: frozenset[str] = frozenset()
    restricted: bool = False
    hold: bool = False
    erased: bool = False
