"""What an operator says about Gemini, and what a business says about its own key."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from pydantic import Field, SecretStr, field_validator, model_validator

from omniops_gemini.catalogue import MODELS

URL = "https://generativelanguage.googleapis.com"


class GeminiSettings(PluginSettings):
    """Operator settings. Keys of paid projects only: what the free tier is sent, Google may train on."""

    api_key: SecretStr | None = Field(
        default=None, description="Key of the operator. Without it only businesses with a key of their own are served."
    )
    models: list[str] = Field(
        default_factory=lambda: list(MODELS), min_length=1, description="Models that may be asked, best first."
    )
    effort: Literal["low", "medium", "high"] = Field(
        default="low", description="How long the models may think before they answer."
    )
    retention: Literal["days", "none"] = Field(
        default="days",
        description="What Google keeps: `days` by its terms, `none` where it approved zero data retention for "
        "the key's project.",
    )
    base_url: str | None = Field(
        default=None,
        max_length=500,
        description="Another address of the same API, such as the operator's proxy. Businesses' keys never go there.",
    )
    region: str = Field(
        default="global",
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description="Where the models run. Google promises no place here: it is `global` without `base_url`.",
    )
    countries: list[str] = Field(
        default_factory=lambda: ["US"], min_length=1, description="Countries for the register, as ISO 3166 codes."
    )
    title: str = Field(
        default="Google (Gemini)", min_length=1, max_length=100, description="Who receives the data, by name."
    )

    @field_validator("models", "countries", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("models")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("a model is named twice")
        return value

    @model_validator(mode="after")
    def _whole(self) -> GeminiSettings:
        if self.base_url is None:
            if self.region != "global":
                raise ValueError(f"region: Google's own address is `global`, not {self.region!r}")
            return self
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
            raise ValueError("base_url: it is an address such as https://gemini.example.com")
        missing = {"region", "countries", "title"} - self.model_fields_set
        if missing:
            raise ValueError(f"with base_url, say also who is there and where: {', '.join(sorted(missing))}")
        return self

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.base_url or URL

    @property
    def place(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        return self.place.port or (443 if self.place.scheme == "https" else 80)


class GeminiConnection(PluginSettings):
    """A business's own project at Google."""

    api_key: SecretStr = Field(
        min_length=1, max_length=500, description="API key of the business's own, paid project at Google AI Studio."
    )
