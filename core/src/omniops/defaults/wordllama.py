"""The light encoder: static word vectors from the wordllama package, averaged. It needs no model file and no runtime.

The package itself is never imported: its loader looks for a hub although the wheel holds everything.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

from omniops import Info, Plugin, hookimpl
from omniops.contracts.knowledge import Encoder, EncoderOffer
from omniops.errors import NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = "l2_supercat_256.safetensors"
TOKENIZER = "l2_supercat_tokenizer_config.json"


class WordllamaPlugin(Plugin):
    """Finds passages by meaning without a model file: static word vectors."""

    info = Info(title="Wordllama word vectors", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def encoders(self) -> Sequence[EncoderOffer]:
        missing = None if _located() else "the package wordllama is not installed"
        return [
            EncoderOffer(
                name="wordllama",
                title="Wordllama l2_supercat_256",
                rank=10,
                open=WordllamaEncoder,
                missing=missing,
                languages=WordllamaEncoder.languages,
            )
        ]


class WordllamaEncoder(Encoder):
    """Mean of the words' vectors, 256 dimensions, English."""

    dimensions = 256
    weight = 0.65
    scale = 127 / 0.5
    languages = frozenset({"en"})

    def __init__(self) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        import numpy
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        located = _located()
        if located is None:
            raise NotReady("The package wordllama is not installed.")
        weights, tokenizer = located
        self._numpy = numpy
        (self._table,) = load_file(weights).values()
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.id = f"wordllama-256:{weights.stat().st_size}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        numpy = self._numpy
        vectors: NDArray[np.float32] = numpy.zeros((len(texts), self.dimensions), dtype=numpy.float32)
        for row, encoded in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            if encoded.ids:
                mean = self._table[encoded.ids].astype(numpy.float32).mean(axis=0)
                vectors[row] = mean / max(float(numpy.linalg.norm(mean)), 1e-9)
        return vectors


@lru_cache(1)
def _located() -> tuple[Path, Path] | None:
    """The two files inside the installed package."""
    try:
        listed = files("wordllama") or []
    except PackageNotFoundError:
        return None
    found = {entry.name: Path(str(entry.locate())) for entry in listed if entry.name in (WEIGHTS, TOKENIZER)}
    paths = found.get(WEIGHTS), found.get(TOKENIZER)
    return (paths[0], paths[1]) if paths[0] and paths[1] and paths[0].is_file() and paths[1].is_file() else None
