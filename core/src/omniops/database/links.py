"""Who connects to PostgreSQL, as which role, over which link.

Four roles, each with one job (DESIGN section 6): `owner` runs migrations, `app` is filtered by row-level security,
`jobs` sees the queue's schema only, `system` is not filtered and every use of it is audited. A fifth login, the
administrator of the URL, creates them and is not used afterwards.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.engine import URL

from omniops.errors import ConfigError, NotReachable

Role = Literal["owner", "app", "jobs", "system"]
ROLES: tuple[Role, ...] = ("owner", "app", "jobs", "system")


def role_name(role: Role) -> str:
    """The name of the role in PostgreSQL."""
    return f"omniops_{role}"


@dataclass(frozen=True, slots=True)
class Link:
    """Connection parameters of one login, as libpq names them."""

    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, url: str) -> Link:
        """From a URL or a conninfo string. Raises `ConfigError` without repeating the password."""
        try:
            found = conninfo_to_dict(url)
        except Exception:
            raise ConfigError(
                "The database URL cannot be parsed.", do="Write postgresql://user:password@host:port/name."
            ) from None
        return cls({key: str(value) for key, value in found.items() if value is not None})

    @property
    def host(self) -> str:
        return self.parameters.get("host", "")

    @property
    def local(self) -> bool:
        """A Unix socket, or a loopback address with no name in between: nothing leaves the machine."""
        if self.host.startswith("/") or not self.host:
            return "hostaddr" not in self.parameters
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" and "hostaddr" not in self.parameters

    def secured(self) -> Link:
        """The same link with TLS 1.3 and a verified certificate demanded, unless it stays on the machine."""
        if self.local:
            return self
        demanded = {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3"}
        if "sslrootcert" not in self.parameters:
            demanded["sslrootcert"] = "system"
        return Link({**self.parameters, **demanded})

    def login(self, role: Role, password: str) -> Link:
        """The same server as one of our roles. `admin.project` logins of hosted poolers keep their suffix."""
        suffix = self.parameters.get("user", "").partition(".")[2]
        user = f"{role_name(role)}.{suffix}" if suffix else role_name(role)
        return Link({**self.parameters, "user": user, "password": password})

    def database(self, name: str) -> Link:
        return replace(self, parameters={**self.parameters, "dbname": name})

    def conninfo(self) -> str:
        """For psycopg and procrastinate."""
        return make_conninfo("", **self.parameters)

    def url(self) -> URL:
        """For SQLAlchemy, with everything but the login in the query."""
        known = {"user", "password", "host", "port", "dbname"}
        rest = {key: value for key, value in self.parameters.items() if key not in known}
        host = self.parameters.get("host", "")
        if host.startswith("/"):
            rest, host = {**rest, "host": host}, ""
        return URL.create(
            "postgresql+psycopg",
            username=self.parameters.get("user"),
            password=self.parameters.get("password"),
            host=host or None,
            port=int(self.parameters["port"]) if "port" in self.parameters else None,
            database=self.parameters.get("dbname"),
            query=rest,
        )

    def __repr__(self) -> str:
        user, database = self.parameters.get("user", ""), self.parameters.get("dbname", "")
        return f"<Link {quote(user)}@{self.host or 'socket'}/{quote(database)}>"


@dataclass(frozen=True, slots=True)
class Links:
    """All logins of one deployment. `pooled` is where the app's own queries go; everything else is direct."""

    admin: Link
    owner: Link
    app: Link
    pooled: Link | None
    jobs: Link
    system: Link

    @classmethod
    def build(cls, admin: Link, pooled: Link | None, passwords: Mapping[Role, str]) -> Links:
        admin = admin.secured()
        logins = {role: admin.login(role, passwords[role]) for role in ROLES}
        return cls(
            admin=admin,
            owner=logins["owner"],
            app=logins["app"],
            pooled=pooled.secured().login("app", passwords["app"]) if pooled else None,
            jobs=logins["jobs"],
            system=logins["system"],
        )

    def database(self, name: str) -> Links:
        """The same server, another database."""
        return Links(
            admin=self.admin.database(name),
            owner=self.owner.database(name),
            app=self.app.database(name),
            pooled=self.pooled.database(name) if self.pooled else None,
            jobs=self.jobs.database(name),
            system=self.system.database(name),
        )


REGION_TOKENS: Mapping[str, tuple[str, ...]] = {
    "eu": (
        "eu-", "europe-", "westeurope", "northeurope", "germany", "france", "sweden", "poland", "spain", "italy",
        "fsn1", "nbg1", "hel1", "ams", "fra", "par", "waw",
    ),
    "uk": ("eu-west-2", "europe-west2", "uksouth", "ukwest", "lon"),
    "us": ("us-", "northamerica-", "eastus", "westus", "centralus", "ash", "hil", "nyc", "sfo", "iad"),
}  # fmt: skip
"""How hosts of the large clouds name their region, by the region that an operator declares."""


def check_region(link: Link, region: str | None, networks: list[IPv4Network | IPv6Network]) -> None:
    """Refuses a database host outside the declared region: by its addresses where networks are given, else by the
    region in its host name. Raises `ConfigError`; a host that cannot be judged is refused too (fail closed)."""
    if region is None and not networks:
        return
    if link.local:
        return
    where = f"The database host {link.host!r}"
    if networks:
        addresses = _addresses(link)
        outside = [str(a) for a in addresses if not any(a in n for n in networks if n.version == a.version)]
        if outside:
            raise ConfigError(
                f"{where} has the address {outside[0]}, which lies outside the declared networks.",
                do="Change OMNIOPS_DATABASE_URL, or OMNIOPS_DATABASE_REGION_NETWORKS if the region really moved.",
            )
        return
    tokens = REGION_TOKENS.get(str(region), (f"{region}-", f"{region}."))
    labels = link.host.lower().split(".")
    if not any(token in label for label in labels for token in tokens):
        raise ConfigError(
            f"{where} does not say that it lies in the declared region {region!r}.",
            do="Use a host of that region, or state its networks in OMNIOPS_DATABASE_REGION_NETWORKS.",
        )


def _addresses(link: Link) -> list[IPv4Address | IPv6Address]:
    if pinned := link.parameters.get("hostaddr"):
        return [ip_address(pinned)]
    try:
        found = socket.getaddrinfo(link.host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotReachable(f"The database host {link.host!r} cannot be resolved: {error.strerror}.") from error
    return [ip_address(entry[4][0]) for entry in found]
