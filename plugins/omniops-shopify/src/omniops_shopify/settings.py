"""What an operator says about the app at Shopify, and what a business says about its shop."""

from __future__ import annotations

from typing import Any

from omniops import PluginSettings
from omniops.contracts.oauth import OAuthConnection
from pydantic import Field, SecretStr, field_validator

DOMAIN = "myshopify.com"
LABEL = r"^[a-z0-9][a-z0-9-]{0,62}$"


class ShopifySettings(PluginSettings):
    """Operator settings: the app in Shopify's developer dashboard."""

    client_id: str = Field(default="", max_length=100, description="Client id of the app.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its client secret; also what Shopify signs webhooks with."
    )
    previous_secret: SecretStr | None = Field(
        default=None, description="The secret before it was changed: Shopify signs with it for up to an hour more."
    )
    domain: str = Field(
        default=DOMAIN, pattern=r"^[a-z0-9.-]+$", description="Where shops live. Another one is for tests only."
    )
    port: int = Field(default=443, ge=1, le=65535, description="Port of the shops. Another one is for tests only.")


class Shop(OAuthConnection):
    """A business's shop."""

    shop: str = Field(pattern=LABEL, description="Name of the shop at Shopify: `example` for example.myshopify.com.")

    @field_validator("shop", mode="before")
    @classmethod
    def _label(cls, value: Any) -> Any:
        """People paste the whole address."""
        if not isinstance(value, str):
            return value
        return value.strip().lower().removeprefix("https://").rstrip("/").removesuffix(f".{DOMAIN}")
