"""What an operator says about the Google app, and what a business says about its Workspace."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from omniops import PluginSettings
from omniops.contracts.calendar import AppointmentRules
from omniops.contracts.oauth import OAuthConnection
from pydantic import Field, SecretStr, field_validator

_HOSTS = {
    "apis": "https://www.googleapis.com",
    "gmail": "https://gmail.googleapis.com",
    "people": "https://people.googleapis.com",
    "sheets": "https://sheets.googleapis.com",
    "tokens": "https://oauth2.googleapis.com",
}
Place = Literal["apis", "gmail", "people", "sheets"]
ACCOUNTS = "https://accounts.google.com"
_TOPIC = r"^(projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254})?$"
_ADDRESS = r"^([^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,190})?$"


class GoogleSettings(PluginSettings):
    """The operator's app in the Google Cloud console. One app serves all businesses of the deployment."""

    client_id: str = Field(default="", max_length=200, description="Client ID of the app, a web application.")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the app.")
    topic: str = Field(
        default="",
        pattern=_TOPIC,
        description="Pub/Sub topic that Gmail tells of new mail; without it mailboxes are looked at every few minutes.",
    )
    push_account: str = Field(
        default="",
        pattern=_ADDRESS,
        description="Service account that signs what the topic's push subscription sends; nobody else is believed.",
    )
    push_audience: str = Field(
        default="", max_length=300, description="Audience of that signature, as it is set in the push subscription."
    )
    app_id: str = Field(
        default="",
        pattern=r"^\d{0,20}$",
        description="Number of the app's project, for Google's window in which people choose files.",
    )
    picker_key: str = Field(
        default="",
        max_length=100,
        description="API key of that window. It is public: restrict it at Google to your dashboard's address.",
    )
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS; 1.2 is shown as an exception in the register."
    )
    base_url: str = Field(default="", max_length=200, description="Where a double of Google is, for tests alone.")

    @field_validator("base_url")
    @classmethod
    def _https(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme != "https" or not url.hostname or url.username or url.path not in ("", "/")):
            raise ValueError("it is an address such as https://google.test")
        return value.rstrip("/")

    def at(self, place: Place | Literal["tokens"]) -> str:
        """The address of one of Google's services, without a path."""
        return self.base_url or _HOSTS[place]

    @property
    def authorize(self) -> str:
        """Where a member agrees, in their browser."""
        return f"{self.base_url or ACCOUNTS}/o/oauth2/v2/auth"

    @property
    def hosts(self) -> dict[str, int]:
        """Every host that is asked, with its port."""
        places = [urlsplit(self.base_url)] if self.base_url else [urlsplit(one) for one in _HOSTS.values()]
        return {place.hostname or "": place.port or 443 for place in places}


class GoogleConnection(AppointmentRules, OAuthConnection):
    """A business's Google account."""

    calendar: str = Field(
        default="primary",
        min_length=1,
        max_length=254,
        pattern=r"^\S+$",
        description="Calendar of appointments: `primary`, or the ID that stands in its settings at Google.",
    )
    label: str = Field(
        default="",
        max_length=100,
        pattern=r"^[A-Za-z0-9_]*$",
        description="ID of the Gmail label whose mail is read and answered. Empty: none is.",
    )

    @property
    def address(self) -> str:
        """The account's mail address, as Google vouched for it; empty before it is connected."""
        return self.tokens.extra.get("email", "") if self.tokens is not None else ""
