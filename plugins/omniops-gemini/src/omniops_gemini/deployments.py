"""The deployments that the operator's settings make, and the processor that receives the data."""

from __future__ import annotations

from datetime import date
from typing import Any

from omniops.contracts.declaration import Mechanism, Processor
from omniops.contracts.provider import Deployment
from omniops.contracts.vendor import CATEGORY, CONNECT, RESPOND

from omniops_gemini.catalogue import CAPS, MAX_INPUT, MAX_OUTPUT, MODELS, RETIRES, price
from omniops_gemini.settings import GeminiSettings

NAME = PROCESSOR = "gemini"
"""Of the provider, and key of the processor."""
TERMS = "https://business.safety.google/processorterms/"
KEEPS = {
    "days": "For a limited time, to look for abuse (paid projects); not used for training.",
    "none": "Nothing, where Google approved zero data retention for the key's project.",
}
_OFFICIAL: dict[str, Any] = {
    "legal_name": "Google LLC",
    "contact": "https://support.google.com/policies/troubleshooter/9009584",
    "policy_url": "https://policies.google.com/privacy",
    "contract_url": TERMS,
    "mechanisms": (
        Mechanism("scc", TERMS, module="2 and 3"),
        Mechanism("uk_addendum", TERMS),
        Mechanism("swiss_addendum", TERMS),
    ),
}
"""What Google's processing terms offer for paid projects, read in November 2026. Another address is somebody else's."""


def processor(settings: GeminiSettings) -> Processor:
    """The register's entry."""
    assert settings.place.hostname is not None
    return Processor(
        key=PROCESSOR,
        name=settings.title,
        role="ai",
        hosts=(settings.place.hostname,),
        ports=(settings.port,),
        countries=tuple(settings.countries),
        purposes=(RESPOND, CONNECT),
        categories=(CATEGORY,),
        **(_OFFICIAL if settings.base_url is None else {}),
        retention=KEEPS[settings.retention] if settings.base_url is None else "",
        measures=("zero_retention",) if settings.retention == "none" else (),
    )


def deployments(settings: GeminiSettings, today: date) -> list[Deployment]:
    """One for each model, in the operator's order, at the prices of a day."""
    return [
        Deployment(
            name=f"{NAME}/{model}/{settings.region}",
            provider=NAME,
            model=model,
            region=settings.region,
            processor=PROCESSOR,
            caps=CAPS,
            max_input=MAX_INPUT,
            max_output=MAX_OUTPUT,
            retention=settings.retention,
            price=price(model, today),
            retires=RETIRES.get(model),
            keyed=settings.api_key is not None,
            tier=MODELS[model].tier if model in MODELS else "default",
        )
        for model in settings.models
    ]
