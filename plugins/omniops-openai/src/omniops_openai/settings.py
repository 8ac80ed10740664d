"""What an operator says about OpenAI or a compatible server, and what a business says about its own key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from pydantic import Field, SecretStr, field_validator, model_validator

from omniops_openai.catalogue import MODELS

REGIONS: dict[str, tuple[str, str]] = {
    "global": ("https://api.openai.com/v1", "US"),
    "us": ("https://us.api.openai.com/v1", "US"),
    "eu": ("https://eu.api.openai.com/v1", "IE"),
    "ae": ("https://ae.api.openai.com/v1", "AE"),
    "au": ("https://au.api.openai.com/v1", "AU"),
    "in": ("https://in.api.openai.com/v1", "IN"),
    "jp": ("https://jp.api.openai.com/v1", "JP"),
}
"""OpenAI's data residency regions: base URL and country for the register. `eu` names no country at OpenAI; Ireland is
where its European company is."""


class OpenAISettings(PluginSettings):
    """Operator settings. With `base_url` the plugin speaks to that server, and to OpenAI no more."""

    api_key: SecretStr | None = Field(
        default=None, description="Key of the operator. Without it only businesses with a key of their own are served."
    )
    models: list[str] = Field(
        default_factory=lambda: list(MODELS), min_length=1, description="Models that may be asked, best first."
    )
    region: str = Field(
        default="global",
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description="Where the models run: a data residency region of OpenAI (global, us, eu, ae, au, in, jp), which "
        "the key's project must be made for. Of a server at `base_url`: `local`, `eu` or the like.",
    )
    countries: list[str] = Field(
        default_factory=list, description="Countries for the register, as ISO 3166 codes. Default: by OpenAI's region."
    )
    retention: Literal["none", "no_store", "days", "unknown"] | None = Field(
        default=None,
        description="What is kept of a request: `none` where your contract says zero data retention. Default: "
        "`no_store` at OpenAI, which watches for abuse for 30 days, and `unknown` at `base_url`.",
    )
    effort: Literal["none", "low", "medium", "high"] = Field(
        default="low", description="How long reasoning models may think before they answer."
    )
    base_url: str | None = Field(
        default=None,
        max_length=500,
        description="A compatible server instead of OpenAI: Ollama, vLLM, llama.cpp, Azure. Ends in `/v1` as a rule.",
    )
    api: Literal["responses", "chat"] = Field(
        default="responses", description="What is spoken: the Responses API, or chat completions as most servers do."
    )
    title: str = Field(default="OpenAI", min_length=1, max_length=100, description="Who receives the data, by name.")
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS of a server at `base_url`; 1.2 is shown as an exception in the register."
    )
    max_input: int = Field(default=32_000, ge=1_000, description="Tokens that models at `base_url` read at most.")
    tools: bool = Field(default=True, description="Whether models at `base_url` can call tools.")
    schemas: bool = Field(default=True, description="Whether models at `base_url` can be held to a JSON schema.")
    reasoning: bool = Field(default=False, description="Whether models at `base_url` take a reasoning effort.")
    input_price: Decimal | None = Field(
        default=None, ge=0, description="USD per million tokens read by models at `base_url`. 0 for your own machine."
    )
    output_price: Decimal | None = Field(
        default=None, ge=0, description="USD per million tokens written by models at `base_url`."
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
    def _whole(self) -> OpenAISettings:
        if self.base_url is None:
            if self.region not in REGIONS:
                raise ValueError(f"region: OpenAI has {', '.join(REGIONS)}, not {self.region!r}")
            return self
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
            raise ValueError("base_url: it is an address such as https://models.example.com/v1")
        missing = {"models", "region", "countries", "title"} - self.model_fields_set
        if missing:
            raise ValueError(f"with base_url, say also who runs the server and where: {', '.join(sorted(missing))}")
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price belong together")
        return self

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.base_url or REGIONS[self.region][0]

    @property
    def place(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        return self.place.port or (443 if self.place.scheme == "https" else 80)

    @property
    def official(self) -> bool:
        """Whether it is OpenAI itself, which knows fields that others refuse."""
        return self.base_url is None


class OpenAIConnection(PluginSettings):
    """A business's own account at OpenAI."""

    api_key: SecretStr = Field(min_length=1, max_length=500, description="API key of the business's own project.")
