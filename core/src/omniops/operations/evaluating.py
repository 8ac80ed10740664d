"""`omniops eval`: the product's own index, encoder and answerer on a test collection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from omniops.contracts.knowledge import IndexOffer
from omniops.errors import ConfigError
from omniops.knowledge.collection import load
from omniops.knowledge.encoders import Encoders
from omniops.knowledge.evaluate import AnswersReport, RetrievalReport
from omniops.knowledge.evaluate import answers as measure_answers
from omniops.knowledge.evaluate import retrieval as measure_retrieval
from omniops.operations.loading import seams_without_database
from omniops.plugins.seams import Seams
from omniops.settings import Settings

Progress = Callable[[str, int, int], None]


def retrieval(settings: Settings, folder: Path, progress: Progress) -> RetrievalReport:
    """Quality and cost of the search on one collection."""
    seams, encoders = _ready(settings)
    return asyncio.run(measure_retrieval(load(folder), _index(settings, seams), encoders(), progress))


def answers(settings: Settings, folder: Path, progress: Progress) -> AnswersReport:
    """Quality of the quotes, and of silence, on one collection."""
    seams, encoders = _ready(settings)
    quoting = next((p for p in seams.providers() if p.name == "quoting"), None)
    if quoting is None:
        raise ConfigError("The quoting answerer is not enabled.", do="Run `omniops plugin enable quoting`.")
    return asyncio.run(measure_answers(load(folder), _index(settings, seams), quoting, encoders(), progress=progress))


def _ready(settings: Settings) -> tuple[Seams, Encoders]:
    """Plugins and encoder. A model that can be made on this machine without a download is made first: what is measured
    is the product as it runs."""
    seams, encoders = seams_without_database(settings)
    made = False
    for model in seams.models():
        if settings.encoder in (None, model.name) and model.installed() is None and model.local_source() is not None:
            model.install(source=None, progress=lambda what, share: None, download=None)
            made = True
    return seams_without_database(settings) if made else (seams, encoders)


def _index(settings: Settings, seams: Seams) -> IndexOffer:
    for offer in seams.knowledge_indexes():
        if offer.name == settings.knowledge_index:
            return offer
    raise ConfigError(f"No plugin offers the index {settings.knowledge_index!r}.")
