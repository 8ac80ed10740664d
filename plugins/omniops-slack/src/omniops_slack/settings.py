"""What an operator says about the Slack app, and what is kept of a business's workspace."""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from omniops.contracts.oauth import OAuthConnection
from pydantic import Field, SecretStr, field_validator

API, HOOKS = "https://slack.com", "https://hooks.slack.com"


class SlackSettings(PluginSettings):
    """The operator's app at api.slack.com. One app serves all businesses of the deployment."""

    client_id: str = Field(default="", max_length=100, description="Client ID of the app (Basic Information).")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the app.")
    signing_secret: SecretStr | None = Field(
        default=None, description="Signing secret of the app: what Slack sends is believed by it alone."
    )
    pkce: bool = Field(
        default=False,
        description="Use PKCE as well. Only for an app that has it switched on, which makes its access end after 30 "
        "days without use and cannot be undone there.",
    )
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS; 1.2 is shown as an exception in the register."
    )
    base_url: str = Field(default=API, max_length=200, description="Where Slack is, for tests against a double.")
    hooks_url: str = Field(default=HOOKS, max_length=200, description="Where answers to commands go, for tests.")

    @field_validator("base_url", "hooks_url")
    @classmethod
    def _https(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme != "https" or not url.hostname or url.username or url.path not in ("", "/") or url.query:
            raise ValueError("it is an address such as https://slack.com")
        return value.rstrip("/")

    @property
    def places(self) -> tuple[SplitResult, ...]:
        """Every place that is asked."""
        return urlsplit(self.base_url), urlsplit(self.hooks_url)


class SlackConnection(OAuthConnection):
    """A business's workspace."""

    channel: str = Field(
        default="",
        pattern=r"^([CG][A-Z0-9]{1,30})?$",
        description="ID of the channel that hand-offs go to. The app must be a member of it.",
    )

    @property
    def team(self) -> str:
        """The workspace's id."""
        return self.tokens.extra.get("team", "") if self.tokens is not None else ""
