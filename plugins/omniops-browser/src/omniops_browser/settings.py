"""What an operator can say about the browser."""

from __future__ import annotations

from pathlib import Path

from omniops import PluginSettings
from pydantic import Field


class BrowserSettings(PluginSettings):
    """Operator settings of the browser."""

    path: Path | None = Field(default=None, description="The Chromium to start, instead of the first one on PATH.")
    sandbox: bool = Field(
        default=True, description="Chromium's sandbox. It does not work for root; false is a risk that you take."
    )
    seconds: float = Field(default=20.0, gt=0, le=50, description="Longest wait for one page, in seconds.")
    quiet: float = Field(
        default=5.0, ge=0, le=30, description="Longest wait for a page's scripts to come to rest, in seconds."
    )
