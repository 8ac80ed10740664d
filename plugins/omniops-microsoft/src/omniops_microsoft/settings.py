"""What an operator says about the app in Microsoft Entra, and what is kept of a business's account."""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from omniops.contracts.calendar import AppointmentRules
from omniops.contracts.oauth import OAuthConnection
from pydantic import Field, SecretStr, field_validator

GRAPH, LOGIN = "https://graph.microsoft.com", "https://login.microsoftonline.com"
_ID = r"[A-Za-z0-9_=+/-]{1,400}"


class MicrosoftSettings(PluginSettings):
    """The operator's app in the Entra admin center. One app serves all businesses of the deployment."""

    client_id: str = Field(default="", max_length=100, description="Application (client) ID of the app.")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the app: its value.")
    tenant: str = Field(
        default="common",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$",
        description="Whose accounts may connect: `common`, `organizations`, or one tenant's ID or domain.",
    )
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS; 1.2 is shown as an exception in the register."
    )
    graph_url: str = Field(default=GRAPH, max_length=200, description="Where Graph is, for tests against a double.")
    login_url: str = Field(default=LOGIN, max_length=200, description="Where people sign in, for tests.")

    @field_validator("graph_url", "login_url")
    @classmethod
    def _https(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme != "https" or not url.hostname or url.username or url.path not in ("", "/") or url.query:
            raise ValueError("it is an address such as https://graph.microsoft.com")
        return value.rstrip("/")

    @property
    def places(self) -> tuple[SplitResult, ...]:
        """Every place that is asked."""
        return urlsplit(self.graph_url), urlsplit(self.login_url)


class MicrosoftConnection(AppointmentRules, OAuthConnection):
    """A business's account: its mailbox, and the teams that it is in."""

    folder: str = Field(
        default="inbox",
        pattern=rf"^{_ID}$",
        description="ID of the mail folder that is answered, or `inbox`. No other folder is read.",
    )
    channel: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F-]{36}/19:[A-Za-z0-9_.@-]{1,200})?$",
        description="Team and channel that hand-offs go to, as `team/channel`.",
    )

    @property
    def user(self) -> str:
        """The account's id in Entra."""
        return self._extra("user")

    @property
    def address(self) -> str:
        """The mailbox's address, in lower case."""
        return self._extra("address")

    def _extra(self, name: str) -> str:
        return self.tokens.extra.get(name, "") if self.tokens is not None else ""
