"""The operator's settings: environment over file over default, unknown names refused.

Every setting is an environment variable `OMNIOPS_NAME`, or `name = …` in the file `omniops.toml`. A plugin's settings
are `OMNIOPS_PLUGIN__NAME` or a table `[plugin]` in the file; they belong to the plugin's own `Settings` model.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from omniops.contracts.declaration import Assessment
from omniops.errors import ConfigError

PREFIX = "OMNIOPS_"
FILE_NAME = "omniops.toml"
BUILT_IN_PLUGINS = ("website", "site", "quoting", "hybrid", "wordllama")
DEFAULT_PLUGINS = (*BUILT_IN_PLUGINS, "minilm")
"""Enabled unless the operator says otherwise. `minilm` counts only where its distribution is installed."""
DEFAULT_ORDER = ("anthropic", "openai", "gemini")
"""Which vendors are asked first, of those that are enabled. The privacy policy says so."""

_OUTSIDE = frozenset({"OMNIOPS_CONFIG", "OMNIOPS_TEST_DATABASE_URL"})
"""Variables with our prefix that are no settings: where the file is, and what only the tests read."""


def _default_folder(kind: Literal["data", "keys"]) -> Path:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/omniops") if kind == "data" else Path("/var/lib/omniops-keys")
    dirs = platformdirs.PlatformDirs("omniops", appauthor=False)
    return Path(dirs.user_data_dir) if kind == "data" else Path(dirs.user_config_dir) / "keys"


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


class Settings(BaseModel):
    """All of core's settings. Frozen: a running process never changes its mind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(
        default_factory=lambda: _default_folder("data"),
        description="Folder of the embedded database, index caches and installed models.",
    )
    keys_dir: Path = Field(
        default_factory=lambda: _default_folder("keys"),
        description="Folder of the root and epoch keys. Must lie outside the data folder.",
    )
    root_keys: str = Field(
        default="file",
        description="Where the root key and the epoch keys live: `file` (all in the keys folder), `environment` (the "
        "root in `OMNIOPS_ROOT_KEY`, the epochs in the keys folder), or what an enabled plugin offers.",
    )
    root_key: SecretStr | None = Field(
        default=None, description="The root key where `root_keys` is `environment`: 64 hexadecimal digits."
    )
    root_key_previous: SecretStr | None = Field(
        default=None, description="The root key before `root_key`, while it is rotated."
    )
    epoch_days: int = Field(
        default=7,
        ge=1,
        le=90,
        description="Days after which the key of a night is destroyed, and with it every older copy of the database's "
        "keys. A backup that is older opens only beside a newer copy of the keys.",
    )
    keys_mirror: Path | None = Field(
        default=None,
        description="Folder on other storage that holds the keys, a copy of the vault and the shred list, for the day "
        "on which this machine is lost.",
    )
    backup_dir: Path | None = Field(
        default=None,
        description="Folder that gets an encrypted backup every day, on other storage than the database and the keys.",
    )
    backup_days: int = Field(default=30, ge=1, description="Days that the daily backups are kept.")
    database_url: SecretStr | None = Field(
        default=None,
        description="Direct URL of a PostgreSQL 15 to 18 server, as a user who may create roles. "
        "Without it OmniOps runs its own server in the data folder.",
    )
    database_pooled_url: SecretStr | None = Field(
        default=None,
        description="URL of a pooler in front of the same database for the app's own queries. "
        "Migrations, workers and notifications always use the direct URL.",
    )
    database_region: str | None = Field(
        default=None,
        description="Region in which the database must lie, for example `eu`. Start-up refuses a host outside it.",
    )
    database_region_networks: list[IPv4Network | IPv6Network] = Field(
        default_factory=list,
        description="Networks of the declared region. When given, every address of the database host must lie in one.",
    )
    postgres_user: str = Field(
        default="postgres",
        description="The user that the embedded database runs as when OmniOps is started by root.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(default=8020, ge=0, le=65535, description="Port of the web server. 0 takes a free one.")
    base_url: str | None = Field(
        default=None, description="Public URL of this server, for links and the script tag. Default: host and port."
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM certificate chain. With it the web server ends TLS itself, 1.3 only."
    )
    tls_key: Path | None = Field(default=None, description="PEM private key of the certificate.")
    tls_ca: Path | None = Field(
        default=None, description="PEM file of authorities trusted for outgoing TLS instead of the system's."
    )
    web_processes: int = Field(default=1, ge=1, le=64, description="Web processes that `omniops up` starts.")
    plugins: list[str] = Field(
        default_factory=lambda: list(DEFAULT_PLUGINS),
        description="Enabled plugins in order. Only these are imported.",
    )
    plugin_mode: Literal["normal", "strict", "safe"] = Field(
        default="normal",
        description="`strict` refuses to start when a plugin fails; `safe` loads none but the built-in ones.",
    )
    provider_order: list[str] = Field(
        default_factory=lambda: list(DEFAULT_ORDER),
        description="Providers in the order in which they are asked; others follow in the order of the plugins.",
    )
    encoder: str | None = Field(
        default=None, description="Name of the sentence encoder, or `none`. Default: the best that is there."
    )
    knowledge_index: str = Field(default="hybrid", description="Name of the index that answers searches.")
    mailer: str | None = Field(
        default=None,
        description="Name of the mailer that sends mail. Default: the first one of the enabled plugins.",
    )
    objection_days: int = Field(
        default=30,
        ge=14,
        le=365,
        description="Days in which accounts may object to a new processor before it receives anything of them.",
    )
    index_memory_mb: int = Field(default=256, ge=16, description="Memory that all opened indexes may take, in MiB.")
    crawl_per_second: float = Field(
        default=4.0, gt=0, le=100, description="Pages per second that the crawler asks one host for."
    )
    crawl_pages: int = Field(default=20_000, ge=1, description="Most pages that one crawl of a source visits.")
    visitor_session_hours: float = Field(
        default=24.0, gt=0, le=2160, description="Life of a visitor's session token. The client rotates it before."
    )
    visitor_overlap_seconds: int = Field(
        default=120, ge=0, le=3600, description="How long a visitor's token still works after it was rotated."
    )
    visitor_writes: int = Field(default=60, ge=1, description="Writes per minute of one visitor's session.")
    visitor_network_writes: int = Field(
        default=600, ge=1, description="Writes per minute of all visitors of one network (/24 or /48)."
    )
    visitor_domain_writes: int = Field(default=6000, ge=1, description="Writes per minute of all visitors of a domain.")
    visitor_sessions: int = Field(default=60, ge=1, description="New visitors' sessions in ten minutes of one network.")
    visitor_streams: int = Field(
        default=8, ge=1, description="Open streams of one visitor's session in one web process."
    )
    legal_name: str = Field(
        default="", max_length=200, description="Who runs this server, as the privacy page names it."
    )
    postal_address: str = Field(default="", max_length=400, description="Postal address of the operator, on one line.")
    privacy_email: str = Field(default="", max_length=254, description="Address for questions about privacy.")
    privacy_contact: str = Field(
        default="", max_length=200, description="Data protection officer, or another named contact."
    )
    supervisory_authority: str = Field(
        default="", max_length=200, description="The data protection authority in charge."
    )
    eu_representative: str = Field(
        default="",
        max_length=400,
        description="Representative in the EU (GDPR Art. 27), or why none is needed.",
    )
    assessments: dict[str, Assessment] = Field(
        default_factory=dict,
        description="Your own assessments of legitimate interests, as JSON by purpose, in the place of those that come "
        "with OmniOps and its plugins: author, made_on, review_by, interest, need, balance.",
    )
    hosting: str = Field(
        default="", max_length=200, description="Who hosts this server and where, for example `Hetzner in Germany`."
    )
    security_contact: str = Field(
        default="",
        max_length=300,
        pattern=r"^((https://|mailto:|tel:)[!-~]+)?$",
        description="Where weaknesses of this server are reported, as an address with `mailto:`, `https://` or `tel:`; "
        "`/.well-known/security.txt` tells it.",
    )
    source_url: str = Field(
        default="",
        max_length=300,
        pattern=r"^(https?://[!-~]+)?$",
        description="Where the source of what runs here can be read; the page at `/` links it.",
    )
    terms_url: str = Field(
        default="",
        max_length=300,
        pattern=r"^(https?://[!-~]+)?$",
        description="Your own terms for businesses, which `/terms` then leads to instead of the template.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`auto`: text on a terminal, JSON otherwise."
    )
    plugin_settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of each plugin, by its name.", exclude=True
    )

    _split_plugins = field_validator("plugins", "provider_order", mode="before")(_split)
    _split_networks = field_validator("database_region_networks", mode="before")(_split)

    def to_line(self) -> bytes:
        """All that was set, secrets included, on one line of JSON: for the private pipe to a child process."""
        values = self.model_dump(mode="json", exclude_unset=True) | {"plugin_settings": self.plugin_settings}
        for name in self.model_fields_set:
            if isinstance(value := getattr(self, name), SecretStr):
                values[name] = value.get_secret_value()
        return json.dumps(values).encode() + b"\n"

    @property
    def visitor_lifetimes(self) -> tuple[timedelta, timedelta]:
        """How long a visitor's token is good for, and the one before it after a rotation."""
        return timedelta(hours=self.visitor_session_hours), timedelta(seconds=self.visitor_overlap_seconds)

    @cached_property
    def public_url(self) -> str:
        """The URL under which visitors reach this server, without a slash at the end."""
        if self.base_url:
            return self.base_url.rstrip("/")
        scheme = "https" if self.tls_certificate else "http"
        return f"{scheme}://{self.host}:{self.port}"


class Loaded(BaseModel):
    """Settings together with where each value came from: `environment`, `file` or `default`."""

    settings: Settings
    sources: dict[str, str]
    file: Path | None


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """The file that `omniops plugin enable` writes and every command reads: `OMNIOPS_CONFIG`, else a default place."""
    environ = os.environ if environ is None else environ
    if named := environ.get("OMNIOPS_CONFIG"):
        return Path(named)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/etc/omniops") / FILE_NAME
    return Path(platformdirs.user_config_dir("omniops", appauthor=False)) / FILE_NAME


def load(environ: Mapping[str, str] | None = None, **override: Any) -> Loaded:
    """Reads environment and file. Raises `ConfigError` that names the source, the setting and what to do."""
    environ = os.environ if environ is None else environ
    file = config_file(environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    plugins: dict[str, dict[str, Any]] = {}
    in_file = _read_file(file, required="OMNIOPS_CONFIG" in environ)
    for source, found in (("file", in_file), ("environment", _read_environment(environ))):
        for name, value in found.items():
            if isinstance(value, dict):
                plugins.setdefault(name, {}).update(value)
            else:
                _check_name(name, source, file)
                values[name], sources[name] = value, source
    for name, value in override.items():
        if value is not None:
            values[name], sources[name] = value, "command line"
    try:
        settings = Settings(**values, plugin_settings=plugins)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = f"variable {PREFIX}{name.upper()}" if sources.get(name) == "environment" else f"{name} in {file}"
        raise ConfigError(f"Setting {name!r} ({where}) does not fit: {first['msg']}.") from error
    return Loaded(settings=settings, sources={n: sources.get(n, "default") for n in Settings.model_fields}, file=file)


def _read_file(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        if required:
            raise ConfigError(f"OMNIOPS_CONFIG names {file}, which does not exist.") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The settings file {file} cannot be read: {error}.") from error


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in environ.items():
        if not key.startswith(PREFIX) or key in _OUTSIDE:
            continue
        name, _, field = key[len(PREFIX) :].lower().partition("__")
        if field:
            found.setdefault(name, {})[field] = value
        else:
            found[name] = value
    return found


def _check_name(name: str, source: str, file: Path) -> None:
    known = [n for n in Settings.model_fields if n != "plugin_settings"]
    if name in known:
        return
    where = f"environment variable {PREFIX}{name.upper()}" if source == "environment" else f"{file}"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "See `omniops config show` for all names."
    raise ConfigError(f"Unknown setting {name!r} ({where}).", do=hint)
