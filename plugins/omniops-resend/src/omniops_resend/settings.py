"""What an operator says about their account at Resend."""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from pydantic import Field, SecretStr, field_validator


class ResendSettings(PluginSettings):
    """The operator's account. One account sends for all businesses of the deployment."""

    api_key: SecretStr | None = Field(
        default=None, description="API key with sending access only, restricted to the sender's domain."
    )
    sender: str | None = Field(
        default=None,
        pattern=r"^[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,190}$",
        description="Address that the server's own mail comes from, of a domain that Resend verified.",
    )
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS; 1.2 is shown as an exception in the register."
    )
    base_url: str = Field(
        default="https://api.resend.com", max_length=200, description="Where Resend is, for tests against a double."
    )

    @field_validator("base_url")
    @classmethod
    def _https(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme != "https" or not url.hostname or url.username or url.path not in ("", "/") or url.query:
            raise ValueError("it is an address such as https://api.resend.com")
        return value.rstrip("/")

    @property
    def place(self) -> SplitResult:
        """What is asked."""
        return urlsplit(self.base_url)
