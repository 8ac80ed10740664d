"""The deployments that the operator's settings make, and the processor that receives the data."""

from __future__ import annotations

from datetime import date
from typing import Any

from omniops.contracts.declaration import Mechanism, Processor
from omniops.contracts.provider import Cap, Deployment, Price
from omniops.contracts.vendor import CATEGORY, CONNECT, RESPOND

from omniops_openai.catalogue import CAPS, MAX_INPUT, MAX_OUTPUT, MODELS, RETIRES, price
from omniops_openai.settings import REGIONS, OpenAISettings

NAME = PROCESSOR = "openai"
"""Of the provider, and key of the processor."""
TERMS = "https://openai.com/policies/data-processing-addendum/"
_OFFICIAL: dict[str, Any] = {
    "contact": "privacy@openai.com",
    "policy_url": "https://openai.com/policies/privacy-policy/",
    "contract_url": TERMS,
    "mechanisms": (
        Mechanism("scc", TERMS, module="2 and 3"),
        Mechanism("uk_addendum", TERMS),
        Mechanism("swiss_addendum", TERMS),
    ),
}
"""What OpenAI's addendum offers, read in November 2026. A server at `base_url` is somebody else's."""


def processor(settings: OpenAISettings) -> Processor:
    """The register's entry: one host, and the countries that the operator or OpenAI's region names."""
    assert settings.place.hostname is not None
    return Processor(
        key=PROCESSOR,
        name=settings.title,
        role="ai",
        hosts=(settings.place.hostname,),
        ports=(settings.port,),
        countries=tuple(settings.countries) or (REGIONS[settings.region][1],),
        purposes=(RESPOND, CONNECT),
        categories=(CATEGORY,),
        tls=settings.tls if not settings.official else "1.3",
        **(_OFFICIAL if settings.official else {}),
        retention=_keeps(settings),
        measures=("zero_retention",) if settings.retention == "none" else (),
    )


def _keeps(settings: OpenAISettings) -> str:
    """What is known of it, in words; of a server of the operator's choice nothing is."""
    if settings.retention == "none":
        return "Nothing, by the operator's contract (zero data retention)."
    if not settings.official:
        return ""
    return "Up to 30 days, to look for abuse; nothing in its history of answers."


def deployments(settings: OpenAISettings) -> list[Deployment]:
    """One for each model, in the operator's order."""
    return [_official(model, settings) if settings.official else _served(model, settings) for model in settings.models]


def _official(model: str, settings: OpenAISettings) -> Deployment:
    return Deployment(
        name=f"openai/{model}/{settings.region}",
        provider=NAME,
        model=model,
        region=settings.region,
        processor=PROCESSOR,
        caps=CAPS | (Cap.TOKEN_COUNT if settings.api == "responses" else Cap.NONE),
        max_input=MAX_INPUT,
        max_output=MAX_OUTPUT,
        retention=settings.retention or "no_store",
        price=price(model, settings.region),
        retires=RETIRES.get(model),
        keyed=settings.api_key is not None,
        tier=MODELS[model].tier if model in MODELS else "default",
    )


def _served(model: str, settings: OpenAISettings) -> Deployment:
    caps = Cap.NONE
    for wanted, cap in (
        (settings.tools, Cap.TOOLS),
        (settings.schemas, Cap.STRICT_SCHEMA),
        (settings.reasoning, Cap.REASONING),
    ):
        caps |= cap if wanted else Cap.NONE
    cost = None
    if settings.input_price is not None and settings.output_price is not None:
        cost = Price(settings.input_price, settings.output_price, "the operator", date.min)
    return Deployment(
        name=f"openai/{model}/{settings.region}",
        provider=NAME,
        model=model,
        region=settings.region,
        processor=PROCESSOR,
        caps=caps,
        max_input=settings.max_input,
        retention=settings.retention or "unknown",
        price=cost,
    )
