"""What an operator says about the app at Meta, and what is kept of a business's number or page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from omniops import PluginSettings
from omniops.contracts.oauth import OAuthConnection
from pydantic import Field, SecretStr, field_validator

GRAPH, DIALOG, FILES = "https://graph.facebook.com", "https://www.facebook.com", "https://lookaside.fbsbx.com"
INSTAGRAM, INSTAGRAM_LOGIN = "https://graph.instagram.com", "https://api.instagram.com"
INSTAGRAM_DIALOG = "https://www.instagram.com"
VERSION = "v26.0"
"""Of the Graph API, since 2026-07-29."""


class MetaSettings(PluginSettings):
    """The operator's app at developers.facebook.com. One app serves all businesses of the deployment."""

    app_id: str = Field(default="", pattern=r"^\d{0,30}$", description="App ID (App settings, Basic).")
    app_secret: SecretStr | None = Field(default=None, description="App secret: what Meta sends is believed by it.")
    instagram_app_id: str = Field(
        default="", pattern=r"^\d{0,30}$", description="ID of the app's Instagram product, for Instagram Login."
    )
    instagram_app_secret: SecretStr | None = Field(
        default=None, description="Secret of the app's Instagram product: for Instagram Login, and what it sends."
    )
    former_app_secret: SecretStr | None = Field(
        default=None, description="The app secret of before, as long as Meta may still sign with it."
    )
    verify_token: SecretStr | None = Field(
        default=None, description="The verify token that is entered beside each callback URL at Meta."
    )
    whatsapp_config: str = Field(default="", pattern=r"^\d{0,30}$", description="Login configuration for WhatsApp.")
    messenger_config: str = Field(default="", pattern=r"^\d{0,30}$", description="Login configuration for Messenger.")
    instagram_config: str = Field(default="", pattern=r"^\d{0,30}$", description="Login configuration for Instagram.")
    ads_config: str = Field(default="", pattern=r"^\d{0,30}$", description="Login configuration for Meta Ads.")
    tls: Literal["1.3", "1.2"] = Field(
        default="1.3", description="Least TLS; 1.2 is shown as an exception in the register."
    )
    base_url: str = Field(default="", max_length=200, description="Where all of Meta is, for tests against a double.")

    @field_validator("base_url")
    @classmethod
    def _https(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme != "https" or not url.hostname or url.username or url.path not in ("", "/")):
            raise ValueError("it is an address such as https://graph.facebook.com")
        return value.rstrip("/")

    @property
    def graph(self) -> str:
        """The Graph API, with its version."""
        return f"{self.base_url or GRAPH}/{VERSION}"

    @property
    def dialog(self) -> str:
        """The page on which a business agrees."""
        return f"{self.base_url or DIALOG}/{VERSION}/dialog/oauth"

    @property
    def instagram(self) -> str:
        """Instagram's own Graph API, without a version."""
        return self.base_url or INSTAGRAM

    @property
    def instagram_login(self) -> str:
        """Where a code of Instagram Login is exchanged."""
        return f"{self.base_url or INSTAGRAM_LOGIN}/oauth/access_token"

    @property
    def instagram_dialog(self) -> str:
        """The page of Instagram on which a business agrees."""
        return f"{self.base_url or INSTAGRAM_DIALOG}/oauth/authorize"

    @property
    def places(self) -> Sequence[SplitResult]:
        """Every place that is asked."""
        own = [self.base_url] if self.base_url else [GRAPH, FILES, INSTAGRAM, INSTAGRAM_LOGIN]
        return [urlsplit(one) for one in own]

    @property
    def secrets(self) -> Sequence[SecretStr | None]:
        """All that a delivery may be signed by."""
        return self.app_secret, self.instagram_app_secret, self.former_app_secret

    def is_file(self, url: str) -> bool:
        """Whether files are fetched from this address: Meta's own hosts for them, and no others."""
        place = urlsplit(url)
        if self.base_url:
            return f"{place.scheme}://{place.netloc}" == self.base_url
        host = place.hostname or ""
        known = host == "lookaside.fbsbx.com" or host.endswith((".fbcdn.net", ".cdninstagram.com"))
        return place.scheme == "https" and known and place.port is None and place.username is None


class WhatsAppConnection(OAuthConnection):
    """A business's number on WhatsApp."""

    number: str = Field(
        default="",
        pattern=r"^(\d{1,30}:\d{1,30})?$",
        description="IDs of the WhatsApp Business account and of the number in it, apart by a colon.",
    )

    @property
    def account(self) -> str:
        """The WhatsApp Business account."""
        return self.number.partition(":")[0]

    @property
    def phone(self) -> str:
        """The number's id, which is no telephone number."""
        return self.number.partition(":")[2]


class MessengerConnection(OAuthConnection):
    """A business's page on Facebook."""

    page: str = Field(default="", pattern=r"^\d{0,30}$", description="ID of the page.")


class InstagramConnection(OAuthConnection):
    """A business's professional account on Instagram, with the page that it belongs to."""

    place: str = Field(
        default="",
        pattern=r"^(\d{1,30}:\d{1,30})?$",
        description="IDs of the page and of the Instagram account that belongs to it, apart by a colon.",
    )

    @property
    def page(self) -> str:
        return self.place.partition(":")[0]

    @property
    def account(self) -> str:
        """The Instagram account's id."""
        return self.place.partition(":")[2]


class InstagramLoginConnection(OAuthConnection):
    """A business's professional account on Instagram, which needs no page. It is the one that signed in."""

    @property
    def account(self) -> str:
        """The account's id, under which deliveries come."""
        return self.tokens.extra.get("account", "") if self.tokens is not None else ""


class AdsConnection(OAuthConnection):
    """A business's advertising account."""

    account: str = Field(default="", pattern=r"^\d{0,30}$", description="ID of the advertising account.")


def giver(connection: OAuthConnection) -> str:
    """Meta's id of who gave the access, as its callbacks name them."""
    return connection.tokens.extra.get("user", "") if connection.tokens is not None else ""
