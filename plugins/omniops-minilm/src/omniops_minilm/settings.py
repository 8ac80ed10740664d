"""What an operator can say about the encoder."""

from __future__ import annotations

from pathlib import Path

from omniops import PluginSettings
from pydantic import Field


class MiniLMSettings(PluginSettings):
    """Operator settings of the MiniLM encoder."""

    path: Path | None = Field(
        default=None, description="Folder with minilm-int8.onnx and tokenizer.json, instead of the installed one."
    )
    threads: int = Field(default=1, ge=1, le=64, description="Threads for encoding one question.")
