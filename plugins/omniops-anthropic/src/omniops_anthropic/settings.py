"""What an operator says about Anthropic, and what a business says that has a key of its own."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from omniops import PluginSettings
from pydantic import Field, SecretStr, field_validator

from omniops_anthropic.models import DEFAULTS

API = "https://api.anthropic.com"


class AnthropicSettings(PluginSettings):
    """Operator settings of Anthropic."""

    api_key: SecretStr | None = Field(
        default=None,
        description="Key of the operator's account. Without it only businesses with a key of their own ask.",
    )
    models: list[str] = Field(
        default_factory=lambda: list(DEFAULTS), min_length=1, description="Models that may answer, best first."
    )
    inference_geo: Literal["global", "us"] = Field(
        default="global",
        description="Where the models run: `global` is wherever Anthropic has room, `us` costs a tenth more.",
    )
    retention: Literal["days", "none"] = Field(
        default="days",
        description="What Anthropic keeps: `days` by its terms, `none` where your contract says zero data retention.",
    )
    effort: Literal["low", "medium", "high"] = Field(
        default="low", description="How long the models think before they write. More is slower and costs more."
    )
    base_url: str = Field(
        default=API, max_length=300, description="Address of the API, for a gateway of your own in front of it."
    )

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ValueError("it is an address such as https://llm.example.com, without user and query")
        return value.rstrip("/")

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.base_url)
        return parts.port or (443 if parts.scheme == "https" else 80)


class AnthropicConnection(PluginSettings):
    """A business's own account at Anthropic."""

    api_key: SecretStr = Field(description="API key, best one for this website only.")
