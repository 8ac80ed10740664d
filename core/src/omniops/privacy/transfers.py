"""Transfers of personal data to other countries: what the law itself allows, and what a signed mechanism adds.

Law facts are data, with their source and the day on which they were read: chapter V of the GDPR and of the UK GDPR,
Art. 16 and 17 of the Swiss Federal Act on Data Protection (FADP).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import Protocol, get_args

from omniops.contracts.declaration import MechanismKind, Origin

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
    source: str
    read: date
    until: datetime | None = None


_EU = "https://commission.europa.eu/law/law-topic/data-protection/international-dimension-data-protection/adequacy-decisions_en"
ADEQUATE: tuple[Adequacy, ...] = (
    Adequacy(
        "EEA",
        frozenset(("AD", "AR", "CA", "CH", "FO", "GG", "IL", "IM", "JE", "JP", "KR", "NZ", "UY")),
        _EU,
        date(2026, 11, 29),
    ),
    Adequacy("EEA", frozenset({"GB"}), _EU, date(2026, 11, 29), datetime(2031, 12, 28, tzinfo=UTC)),
    Adequacy(
        "UK",
        EEA | {"AD", "AR", "CA", "CH", "FO", "GG", "GI", "IL", "IM", "JE", "JP", "KR", "NZ", "UY"},
        "https://www.legislation.gov.uk/ukpga/2018/12/schedule/21",
        date(2026, 11, 29),
    ),
    Adequacy(
        "CH",
        EEA | {"AD", "AR", "CA", "FO", "GB", "GG", "GI", "IL", "IM", "JE", "MC", "NZ", "UY"},
        "https://www.fedlex.admin.ch/eli/cc/2022/568/en",
        date(2026, 11, 29),
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
