"""Transfers of personal data to other countries: what the law itself allows, and what a signed mechanism adds.

Law facts are data, with their source and the day on which they were read: chapter V of the GDPR and of the UK GDPR,
Art. 16 and 17 of the Swiss Federal Act on Data Protection (FADP).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from typing import Protocol, get_args

from omniops.contracts.declaration import MechanismKind, Origin
from omniops.privacy.fact import Fact, Grade

ORIGINS: tuple[Origin, ...] = get_args(Origin)
EVERYWHERE: frozenset[Origin] = frozenset(ORIGINS)
"""The strictest of all: what is taken where nobody said where data comes from."""

EEA = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split())
HOME: dict[Origin, frozenset[str]] = {"EEA": EEA, "UK": frozenset({"GB"}), "CH": frozenset({"CH"})}
"""Where data of an origin may be without being transferred."""

COVERS: dict[MechanismKind, frozenset[Origin]] = {
    "adequacy": EVERYWHERE,
    "dpf": EVERYWHERE,
    "scc": frozenset({"EEA"}),
    "idta": frozenset({"UK"}),
    "uk_addendum": frozenset({"UK"}),
    "swiss_addendum": frozenset({"CH"}),
    "none_needed": EVERYWHERE,
}
"""Whose data a mechanism lets go. The EU's clauses alone are none for data of the UK or of Switzerland."""

NAMES: dict[str, str] = {
    "adequacy": "adequacy decision",
    "dpf": "Data Privacy Framework",
    "scc": "EU standard contractual clauses",
    "idta": "UK international data transfer agreement",
    "uk_addendum": "UK addendum to the EU clauses",
    "swiss_addendum": "EU clauses as adapted for Switzerland",
    "none_needed": "no transfer to another party",
}
"""Of the kinds of `MechanismKind`."""


@dataclass(frozen=True, slots=True)
class Adequacy:
    """Countries whose protection a law calls adequate. The United States are none of them: there each company has to
    certify itself, which is a mechanism of its own (`dpf`)."""

    origin: Origin
    countries: frozenset[str]
    law: str
    source: str
    grade: Grade
    read: date
    until: datetime | None = None
    note: str = ""


ONLY: Mapping[str, str] = {
    "CA": "where the receiver is subject to PIPEDA or to a province's like law",
    "JP": "where the receiver is subject to the APPI",
    "KR": "where the receiver is subject to the PIPA",
}
"""Countries that are adequate in part, by all origins that name them. Whether a receiver is in that part is for the
operator to know."""

_OLD = frozenset(("AD", "AR", "CA", "FO", "GG", "IL", "IM", "JE", "NZ", "UY"))
"""What the EU found adequate under the directive before the GDPR, and kept in its review of January 2024, without
Switzerland. The UK took all of it over."""
_READ = date(2026, 11, 29)
REVIEW_BY = date(2027, 5, 29)
ADEQUATE: tuple[Adequacy, ...] = (
    Adequacy(
        "EEA",
        _OLD | {"CH", "JP", "KR"},
        "Art. 45 GDPR, decisions of the Commission",
        "https://www.activemind.legal/guides/adequacy-decision/",
        "secondary",
        _READ,
    ),
    Adequacy(
        "EEA",
        frozenset({"BR"}),
        "Implementing Decision (EU) 2026/179 of 26 January 2026",
        "https://europalov.no/rettsakt/beskyttelse-av-personopplysninger-ved-datautveksling-med-brasil/id-34841",
        "secondary",
        _READ,
        note="Reviewed by the Commission after four years. In May 2026 it was not yet part of the EEA Agreement.",
    ),
    Adequacy(
        "EEA",
        frozenset({"GB"}),
        "Implementing Decision (EU) 2021/1772 as renewed on 19 December 2025",
        "https://www.dpocentre.com/news/eu-renews-uk-personal-data-adequacy-decisions",
        "secondary",
        _READ,
        datetime(2031, 12, 28, tzinfo=UTC),
    ),
    Adequacy(
        "UK",
        EEA | _OLD | {"CH", "GI", "JP", "KR"},
        "Sch. 21 para. 5 Data Protection Act 2018; SI 2022/1213",
        "https://handleygill.co.uk/uk-adequacy-regulations",
        "secondary",
        _READ,
        note="The Faroe Islands are left out of this list and named by others.",
    ),
    Adequacy(
        "CH",
        EEA | _OLD | {"GB", "GI", "MC"},
        "Art. 16(1) FADP, Annex 1 of the Data Protection Ordinance",
        "https://prighter.com/ja/resources/laws/swiss-fadp/dpo/chapters/annexes",
        "secondary",
        _READ,
    ),
)


class Signed(Protocol):
    """A contract or mechanism that the operator signed, with whom and for what; see `ProcessorSignature`."""

    processor: str
    party: str
    kind: str
    origins: list[str]
    countries: list[str]
    module: str
    source: str
    document: str
    assessment: str
    measures: list[str]
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None


def in_force(signed: Signed, at: datetime) -> bool:
    """Whether a signature counts at a moment. At the second in which it ends it counts no more."""
    return (
        signed.revoked_at is None
        and signed.valid_from <= at
        and (signed.valid_until is None or at < signed.valid_until)
    )


def at_home(origin: Origin, country: str) -> bool:
    """Whether nothing is transferred: the country is part of the origin's own area."""
    return country in HOME[origin]


def adequate(origin: Origin, country: str, at: datetime) -> Adequacy | None:
    """The decision by which data of an origin may go to a country at a moment, or None."""
    for decision in ADEQUATE:
        if decision.origin == origin and country in decision.countries and (not decision.until or at < decision.until):
            return decision
    return None


def facts() -> list[Fact]:
    """What is stated about adequate countries."""
    found = []
    for one in ADEQUATE:
        far = sorted(one.countries - EEA)
        until = f", until the end of {one.until - timedelta(days=1):%d %B %Y}" if one.until else ""
        area = "the EEA, " if one.countries >= EEA else ""
        limits = [f"{country} only {ONLY[country]}" for country in far if country in ONLY]
        note = " ".join(part for part in ("; ".join(limits) + "." if limits else "", one.note) if part)
        key = f"{one.origin} to {far[0] if len(far) == 1 else 'others'}"
        says = f"adequate: {area}{', '.join(far)}{until}"
        found.append(Fact("transfer", key, says, one.law, one.source, one.grade, one.read, REVIEW_BY, note))
    return found


def covering(origin: Origin, country: str, signed: Iterable[Signed], at: datetime) -> Sequence[Signed]:
    """The signed mechanisms by which data of an origin may go to a country at a moment."""
    return [one for one in signed if origin in one.origins and country in one.countries and in_force(one, at)]


def own_machine(hosts: Sequence[str]) -> bool:
    """Whether all hosts are this machine: what is sent there reaches nobody else."""
    return bool(hosts) and all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
