"""Which of a domain's languages the encoder does not know, and whether another one would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omniops.accounts.service import DomainView
from omniops.contracts.knowledge import EncoderOffer
from omniops.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Foreign:
    """A site with pages that the encoder does not understand. `why` and `fix` are empty where nothing would help."""

    said: str
    why: str = ""
    fix: str = ""


async def unknown_languages(runtime: Runtime, domain: DomainView) -> Foreign | None:
    """What is to be said of such pages; None where there is none."""
    encoder = runtime.encoders()
    if encoder is None or not encoder.languages:
        return None
    spoken = await runtime.knowledge.languages(domain.scope)
    foreign = [language for language in spoken if not encoder.knows(language)]
    if not foreign:
        return None
    said = (
        f"The encoder does not know {', '.join(foreign)} ({sum(spoken[one] for one in foreign)} of"
        f" {sum(spoken.values())} pages): they are found by their words, and quotes are a sentence longer."
    )
    return Foreign(said, *_helps(runtime.seams.encoders(), foreign))


def _helps(offers: Sequence[EncoderOffer], languages: Sequence[str]) -> tuple[str, str]:
    """Why another encoder is better and what to do for it; nothing where no enabled plugin has one."""
    fit = [offer for offer in offers if not offer.languages or offer.languages.issuperset(languages)]
    better = max(fit, key=lambda offer: offer.rank, default=None)
    if better is None:
        return "", ""
    chosen = f"OMNIOPS_ENCODER={better.name}"
    fix = f"omniops models install {better.name}, then {chosen}" if better.missing else chosen
    return f"{better.title} knows them.", fix
