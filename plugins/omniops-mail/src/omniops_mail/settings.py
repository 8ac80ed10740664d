"""What an operator says about the mail servers, and what a business says about its mailbox."""

from __future__ import annotations

from typing import Any

from omniops import PluginSettings
from pydantic import Field, SecretStr, field_validator

ADDRESS = r"^[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,190}$"


class MailSettings(PluginSettings):
    """Operator settings of the mail servers."""

    smtp_host: str | None = Field(default=None, max_length=253, description="Host that takes outgoing mail.")
    smtp_port: int = Field(default=465, ge=1, le=65535, description="Its port: 465, or 587 with `smtp_starttls`.")
    smtp_starttls: bool = Field(default=False, description="Ask for TLS after connecting, as port 587 wants it.")
    smtp_user: str | None = Field(default=None, description="User at the SMTP host, for the server's own mail.")
    smtp_password: SecretStr | None = Field(default=None, description="Password of that user.")
    sender: str | None = Field(
        default=None, pattern=ADDRESS, description="Address that the server's own mail comes from."
    )
    imap_host: str | None = Field(default=None, max_length=253, description="Host of the mailboxes.")
    imap_port: int = Field(default=993, ge=1, le=65535, description="Its port, with TLS from the first byte.")
    party: str = Field(default="Mail server", description="Who runs these servers, for the register of processors.")
    countries: list[str] = Field(
        default_factory=list, description="Countries in which these servers stand, as ISO 3166 codes."
    )
    poll_seconds: float = Field(default=20, ge=0.05, le=3600, description="Seconds between looks into a mailbox.")
    most_bytes: int = Field(
        default=10 * 1024 * 1024, ge=10_000, description="Mail that is larger is left in the mailbox unread."
    )

    @field_validator("countries", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Mailbox(PluginSettings):
    """A business's mailbox at the operator's mail servers."""

    address: str = Field(pattern=ADDRESS, description="Address of the mailbox; answers come from it.")
    user: str = Field(min_length=1, max_length=254, description="User name at the mail server.")
    password: SecretStr = Field(description="Password, best one for this app only.")
    folder: str = Field(default="INBOX", min_length=1, max_length=200, description="Folder that is read.")
    plus: bool = Field(
        default=False, description="Whether address+anything reaches the mailbox: threads are then never lost."
    )

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]
