"""What the operator sets, and what a business gives for its shop."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from omniops.contracts.plugin import PluginSettings
from pydantic import Field, SecretStr, field_validator

_KEY = re.compile(r"(ck|cs)_[0-9a-f]{40}")


class WooCommerceSettings(PluginSettings):
    app_name: str = Field(
        default="OmniOps", min_length=1, max_length=60, description="Name that a shop shows when it is to be connected."
    )


class Store(PluginSettings):
    """One shop. The keys stay empty until the shop hands them over, where they are not entered."""

    url: str = Field(max_length=300, description="Address of the shop, such as https://shop.example.")
    consumer_key: SecretStr = Field(default=SecretStr(""), description="Consumer key, ck_ and 40 characters.")
    consumer_secret: SecretStr = Field(default=SecretStr(""), description="Consumer secret, cs_ and 40 characters.")
    access: Literal["read", "read_write"] = Field(
        default="read", description="What the key may do in the shop: read, or read and write."
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret of webhooks that you made in the shop by hand, if there are any."
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        """One spelling: https, host, perhaps port and folder, no slash at the end. The gate judges where it leads."""
        parts = urlsplit(value.strip())
        if parts.scheme != "https" or not parts.hostname or ":" in parts.hostname:
            raise ValueError("an address that begins with https:// is needed: keys are sent encrypted only")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("the address holds more than host and folder")
        folder = parts.path.rstrip("/").removesuffix("/wp-json")
        if not re.fullmatch(r"(/[\w.~-]+)*", folder, re.ASCII) or "/.." in folder:
            raise ValueError("the folder of the address has characters that are not expected there")
        return f"https://{parts.hostname}{f':{parts.port}' if parts.port not in (None, 443) else ''}{folder}"

    @field_validator("consumer_key", "consumer_secret")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        bare = value.get_secret_value().strip()
        if bare and not _KEY.fullmatch(bare):
            raise ValueError("a key is ck_ or cs_ and 40 characters from 0-9 and a-f")
        return SecretStr(bare)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset({"read", "write"} if self.access == "read_write" else {"read"})
