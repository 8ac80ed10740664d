"""The encoder at work: onnxruntime and the model's own tokenizer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omniops.contracts.knowledge import Encoder
from omniops.errors import Rejected

from omniops_minilm.files import MODEL, TOKENIZER, sha256

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # tokenizers brings a hub client along; it must never call home

MOST_TOKENS = 256
BATCH = 32
EXACT = "session.x64quantprecision"
"""ONNX Runtime, `onnxruntime_session_options_config_keys.h`: of consequence on x86-64 without VNNI only."""
REFERENCE = (
    ("That is a happy dog", 0.6946),
    ("That is a very happy person", 0.9429),
    ("Today is a sunny day", 0.2569),
)
"""Similarities to "That is a happy person" of the unquantised model. int8 moves single ones by up to .03."""
TOLERANCE = 0.04


class MiniLMEncoder(Encoder):
    """all-MiniLM-L6-v2, 384 dimensions, English. Longer texts than 256 tokens are read to there."""

    dimensions = 384
    weight = 0.8
    languages = frozenset({"en"})
    scale = 127 / 0.35
    """Components of its vectors stay below .35; a fixed scale lets rows of different days share a matrix."""

    def __init__(self, folder: str, threads: int = 1, digest: str = "") -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._folder = folder
        path = Path(folder) / MODEL
        self._digest = digest or sha256(path)
        self.id = f"minilm-l6-v2-int8:{self._digest[:16]}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Without VNNI, int8 sums overflow in ONNX Runtime's fast way: vectors, and answers at the cut, would be others
        # than on the processor next door. Its exact way gives the same ones on each.
        options.add_session_config_entry(EXACT, "1")
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(Path(folder) / TOKENIZER))
        except Exception as error:
            raise Rejected(
                f"The model in {folder} cannot be opened: {type(error).__name__}.",
                code="broken_model",
                do="Run `omniops models install minilm` again.",
            ) from error
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")  # noqa: S106

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Texts of like length share a batch: less padding, and int8 depends slightly on what shares one.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            encoded = self._tokenizer.encode_batch([texts[i] for i in rows])
            inputs = {
                "input_ids": np.array([e.ids for e in encoded], dtype=np.int64),
                "attention_mask": np.array([e.attention_mask for e in encoded], dtype=np.int64),
            }
            vectors[rows] = self.session.run(None, inputs)[0]
        return vectors

    def settings(self) -> Mapping[str, Any]:
        return {"folder": self._folder, "threads": os.cpu_count() or 1, "digest": self._digest}


def check(encoder: Encoder) -> None:
    """Raises `Rejected` unless the similarities are those of the model: a processor on which int8 goes wrong, or a file
    that is another model, is noticed before anything is encoded with it."""
    first, *others = [encoder.encode([text])[0] for text in ("That is a happy person", *(t for t, _ in REFERENCE))]
    for vector, (text, expected) in zip(others, REFERENCE, strict=True):
        found = float(first @ vector)
        if abs(found - expected) > TOLERANCE:
            raise Rejected(
                f"The model gives {found:.4f} for {text!r}; {expected:.4f} is right.",
                code="wrong_model",
                do="Install the model again; if this stays, this processor computes int8 differently.",
            )
