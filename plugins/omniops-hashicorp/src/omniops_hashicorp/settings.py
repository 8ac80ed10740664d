"""What the operator says about Vault."""

from __future__ import annotations

from pathlib import Path

from omniops import PluginSettings
from pydantic import Field

_PATH = r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$"


class HashiCorpSettings(PluginSettings):
    """The agent signs in by itself; OmniOps holds no token."""

    socket: Path = Field(
        default=Path("/run/vault/agent.sock"), description="Unix socket on which Vault's agent or proxy listens."
    )
    mount: str = Field(default="secret", pattern=_PATH, description="Where a KV engine of version 2 is mounted.")
    path: str = Field(
        default="",
        pattern=rf"^$|{_PATH}",
        description="Where in it the keys lie; the same on every machine of the deployment. Without one it comes from "
        "keys_dir.",
    )
    namespace: str = Field(default="", description="Vault's namespace, where it has any.")
    patience: float = Field(default=5.0, gt=0, le=60, description="Seconds until an answer is given up.")
