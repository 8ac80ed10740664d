"""A receipt of each answer to a purpose, for who gave it: the fields of ISO/IEC TS 27560:2023, in the terms of the W3C
Data Privacy Vocabulary (DPV 2.3), as JSON-LD with its context inside, signed.

Who holds a receipt can show what they said, to which words, when and for how long, without us.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from omniops.accounts.service import Accounts, DomainView
from omniops.contracts.declaration import Processor
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.marks import personal_columns
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.privacy.catalog import Catalog
from omniops.privacy.ledger import home
from omniops.privacy.models import ConsentEvent
from omniops.privacy.preferences import recipients
from omniops.privacy.register import ProcessorRegister
from omniops.signing import Signer

TYPE = "omniops-consent-receipt+jws"
SCHEMA = "ISO/IEC TS 27560:2023"
STATES = {
    "given": "dpv:ConsentGiven",
    "renewed": "dpv:RenewedConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "expired": "dpv:ConsentExpired",
}
_DPV = "https://w3id.org/dpv#"
_IRI = {"@type": "@vocab"}
CONTEXT: Mapping[str, Any] = {
    "@version": 1.1,
    "dpv": _DPV,
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "schema_version": "dct:conformsTo",
    "record_id": "dct:identifier",
    "pii_principal_id": "dpv:hasDataSubject",
    "pii_processing": "dpv:hasProcess",
    "privacy_notice": "dpv:hasNotice",
    "notice_id": "dct:source",
    "notice_version": "dct:hasVersion",
    "language": "dct:language",
    "purpose": "dpv:hasPurpose",
    "title": "dct:title",
    "lawful_basis": {"@id": "dpv:hasLegalBasis", **_IRI},
    "pii_information": "dpv:hasPersonalData",
    "pii_type": "dct:type",
    "pii_controllers": "dpv:hasDataController",
    "recipients": "dpv:hasRecipient",
    "storage_locations": "dpv:hasStorageCondition",
    "location": "dpv:hasLocation",
    "retention_period": "dpv:hasDuration",
    "jurisdiction": "dpv:hasJurisdiction",
    "withdrawal_method": "dpv:hasConsentControl",
    "control": {"@id": "dct:subject", **_IRI},
    "exercised_at": {"@id": "dpv:isExercisedAt", "@type": "@id"},
    "party_identification": "dpv:hasEntity",
    "party_id": "dct:relation",
    "party_name": "dpv:hasName",
    "party_address": "dpv:hasAddress",
    "party_contact": "dpv:hasContact",
    "party_type": {"@id": "dct:format", **_IRI},
    "event": "dpv:hasConsentStatus",
    "event_time": {"@id": "dct:issued", "@type": "xsd:dateTime"},
    "valid_until": {"@id": "dct:valid", "@type": "xsd:dateTime"},
    "validity_duration": {"@id": "dct:extent", "@type": "xsd:duration"},
    "entity_id": "dpv:isIndicatedBy",
    "event_type": {"@id": "dct:medium", **_IRI},
    "event_state": {"@id": "dpv:hasStatus", **_IRI},
    "method": "dpv:hasIndicationMethod",
    "signal": "dct:abstract",
}


class ConsentReceipts:
    """Writes and signs receipts, from what the ledger says."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        catalog: Catalog,
        register: ProcessorRegister,
        signer: Signer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._catalog = catalog
        self._register = register
        self._signer = signer
        self._clock = clock

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set; the same as those of receipts of answers."""
        return self._signer.keys()

    async def of(self, scope: Scope, subjects: Sequence[UUID], event_id: UUID) -> str:
        """The receipt of one answer of the person who is `subjects`. Raises `NotFound` for any other."""
        async with self._database.session(scope) as session:
            statement = select(ConsentEvent).where(
                ConsentEvent.home_id == home(scope),
                ConsentEvent.id == event_id,
                col(ConsentEvent.subject_id).in_(subjects),
            )
            event = (await session.exec(statement)).first()
        if event is None or event.purpose not in self._catalog.purposes:
            raise NotFound("There is no receipt for this.")
        domain = await self._accounts.domain(scope)
        receivers = await recipients(self._accounts, self._register, scope, event.purpose)
        return self._signer.sign(TYPE, self._record(event, domain, receivers))

    def _record(self, event: ConsentEvent, domain: DomainView, receivers: Sequence[Processor]) -> dict[str, Any]:
        purpose = self._catalog.purposes[event.purpose]
        site = domain.origins[0] if domain.origins else self._signer.issuer
        controller = f"domain:{domain.id}"
        given_for = None if event.valid_until is None else event.valid_until - event.created_at
        return {
            "@context": CONTEXT,
            "@type": "dpv:ConsentRecord",
            "iss": self._signer.issuer,
            "iat": int(self._clock.now().timestamp()),
            "schema_version": SCHEMA,
            "record_id": str(event.id),
            "pii_principal_id": str(event.subject_id),
            "pii_processing": {
                "privacy_notice": {
                    "@type": "dpv:ConsentNotice",
                    "notice_id": event.notice_id,
                    "notice_version": event.notice_version,
                    "language": event.locale,
                },
                "purpose": {"@type": "dpv:Purpose", "record_id": purpose.key, "title": purpose.title},
                "lawful_basis": "eu-gdpr:A6-1-a",
                "pii_information": [
                    {"@type": "dpv:PersonalData", "pii_type": category.key, "title": category.title}
                    for category in (self._catalog.categories[key] for key in categories_of(purpose.key))
                ],
                "pii_controllers": {"@type": "dpv:DataController", "party_id": controller},
                "recipients": [
                    {"@type": "dpv:Recipient", "party_name": one.name, "location": list(one.countries)}
                    for one in receivers
                ],
                "storage_locations": {"@type": "dpv:StorageLocation", "location": self._signer.issuer},
                "retention_period": {"@type": "dpv:StorageDuration", "title": self._kept(purpose.key)},
                "jurisdiction": event.jurisdiction or "unknown",
                "withdrawal_method": {
                    "control": "dpv:WithdrawConsent",
                    "exercised_at": f"{self._signer.issuer}/preferences?key={domain.widget_key}",
                },
            },
            "party_identification": {
                "@type": "dpv:DataController",
                "party_id": controller,
                "party_name": domain.title,
                "party_address": site,
                "party_contact": site,
                "party_type": "dpv:DataController",
            },
            "event": _event(event, given_for),
        }

    def _kept(self, purpose: str) -> str:
        """The longest retention of what the purpose opens, in days, or until the consent ends."""
        days = [
            self._catalog.retention[key].days
            for key in {mark.retain for _, _, mark in personal_columns() if purpose in mark.purposes}
        ]
        known = [d for d in days if d is not None]
        return f"P{max(known)}D" if known and len(known) == len(days) else "until the consent ends"


def categories_of(purpose: str) -> list[str]:
    """The categories of personal data that a purpose opens, from the marks of all columns."""
    return sorted({mark.category for _, _, mark in personal_columns() if purpose in mark.purposes})


def _event(event: ConsentEvent, given_for: timedelta | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "@type": "dpv:ConsentStatus",
        "event_time": event.created_at.isoformat(),
        "entity_id": str(event.subject_id),
        "event_type": "dpv:ExpressedConsent",
        "event_state": STATES[event.answer],
        "method": event.method,
        "signal": event.signal,
    }
    if given_for is not None and event.valid_until is not None:
        said |= {"valid_until": event.valid_until.isoformat(), "validity_duration": f"P{given_for.days}D"}
    return said
