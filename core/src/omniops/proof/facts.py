"""What the policy's sentences are filled with: the operator's settings, the declarations, the live register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from omniops.database.marks import personal_columns
from omniops.privacy.catalog import Catalog
from omniops.privacy.register import ProcessorRegister
from omniops.settings import Settings

COUNTRIES = {
    "US": "the United States",
    "DE": "Germany",
    "IE": "Ireland",
    "GB": "the United Kingdom",
    "NL": "the Netherlands",
}
_LEGAL_NAME = "the operator of this server, who has not named itself yet"


class Deployment(Protocol):
    """What facts are read from: a runtime."""

    settings: Settings
    catalog: Catalog
    register: ProcessorRegister


def collected(catalog: Catalog) -> Mapping[str, str]:
    """The kinds of personal data that are stored: key and title, in the order of the catalogue."""
    used = {mark.category for _, _, mark in personal_columns()}
    return {key: category.title for key, category in catalog.categories.items() if key in used}


def facts(of: Deployment) -> dict[str, str]:
    """A value for every `{name}` of the policy. None is ever empty."""
    settings, catalog = of.settings, of.catalog
    entries = [found.processor for found in of.register.all()]
    ai = [entry for entry in entries if entry.role == "ai"]
    days = {key: str(rule.days) for key, rule in catalog.retention.items() if rule.days is not None}
    email = settings.privacy_email or "the address that the website names"
    return {
        "legal_name": settings.legal_name or _LEGAL_NAME,
        "postal_address": settings.postal_address or "whose address is not given yet",
        "contact_email": email,
        "contact_name": settings.privacy_contact or email,
        "authority": settings.supervisory_authority or "the data protection authority of the place where you live",
        "representative": settings.eu_representative
        or "no representative in the EU is named: we are established there, or have recorded why none is needed",
        "collected": _titles(catalog, "nothing"),
        "ai_providers": _listed(
            [entry.name for entry in ai], "none is enabled, and answers are quotations of the pages"
        ),
        "ai_countries": _countries([c for entry in ai for c in entry.countries], "no country, as none is enabled"),
        "openai_countries": _vendor(of.register, "openai"),
        "google_countries": _vendor(of.register, "gemini"),
        "anthropic_order": "is asked first unless the business says otherwise"
        if settings.provider_order[:1] == ["anthropic"]
        else "is asked in the order that the operator chose",
        "countries": _countries([c for entry in entries for c in entry.countries], "none"),
        "processors": _listed([entry.name for entry in entries], "nobody"),
        "tls_exceptions": _listed([f"{e.name} with TLS {e.tls}" for e in entries if e.tls != "1.3"], "none"),
        "database_region": settings.database_region or "a place that the operator chooses and has not named yet",
        "hosting": settings.hosting or "a place that the operator has not named yet",
        "chat_days": days["chat"],
        "analytics_days": days["analytics"],
        "audit_months": str(round(int(days["audit"]) / 30.4)),
        "california": f"{_californias(catalog)}; and no inferences",
    }


def _vendor(register: ProcessorRegister, key: str) -> str:
    """Where a vendor of the policy is asked: as its entry says, and where it would be while it has none."""
    entry = register.get(key)
    return _countries([*entry.processor.countries] if entry else ["US"], "a country that is not named yet")


def _titles(catalog: Catalog, none: str) -> str:
    """The kinds of data in a sentence. Titles have commas of their own."""
    return "; ".join(title[0].lower() + title[1:] for title in collected(catalog).values()) or none


def _californias(catalog: Catalog) -> str:
    """What is stored, by the names of Cal. Civ. Code 1798.140(v)(1). A category without one stands under its own."""
    stored = [catalog.categories[key] for key in collected(catalog)]
    return "; ".join(dict.fromkeys(one.california.replace("_", " ") or one.title for one in stored)) or "nothing"


def _listed(items: list[str], none: str) -> str:
    found = list(dict.fromkeys(items))
    if not found:
        return none
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def _countries(codes: list[str], none: str) -> str:
    return _listed([COUNTRIES.get(code, code) for code in sorted(set(codes))], none)
