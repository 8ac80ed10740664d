"""A PostgreSQL server for a test run, and as many migrated scratch databases on it as one likes.

`OMNIOPS_TEST_DATABASE_URL` names a server to use instead of the embedded one (its login must be able to create roles
and databases): the same tests then run on any supported version.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from omniops.database.links import ROLES, Link, Links, Role
from omniops.database.migrate import CORE_BRANCH, Migrator
from omniops.database.roles import prepare
from omniops.vault.roots import FolderRoot

URL = "OMNIOPS_TEST_DATABASE_URL"


class Administrator:
    """What a test reads and changes as the administrator of a database: each statement is a transaction of its own,
    over one connection that the first one opens. Close it before the database goes."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._connection: psycopg.Connection | None = None

    def rows(self, statement: Any, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a statement, none for one that gives none. Without `values` a `%` is one, and several statements
        may stand in a line."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._links.admin.conninfo(), autocommit=True)
        done = self._connection.execute(statement, values)
        return done.fetchall() if done.description else []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@dataclass(slots=True)
class ScratchServer:
    """One server with one root key. `database()` gives a fresh migrated database in some milliseconds."""

    links: Links
    root: FolderRoot
    folder: Path
    _template: str = ""
    _made: list[str] = field(default_factory=list)

    def database(self) -> Links:
        """Links to a new database, made from a migrated template."""
        if not self._template:
            self._template = self._create("template1")
            template = self.links.database(self._template)
            prepare(template, passwords(self.root))
            Migrator(template).upgrade(CORE_BRANCH)
        return self.links.database(self._create(self._template))

    def empty(self) -> Links:
        """Links to a new database without any tables."""
        return self.links.database(self._create("template1"))

    def copy_keys(self, target: Path) -> FolderRoot:
        """The root as it was when the server began, for somebody who lets nights go by: `root` is everybody's."""
        return FolderRoot(Path(shutil.copytree(self.folder / "first-keys", target)))

    def _create(self, template: str) -> str:
        name = f"omniops_test_{uuid4().hex[:12]}"
        with psycopg.connect(self.links.admin.conninfo(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        self._made.append(name)
        return name

    def drop_all(self) -> None:
        with psycopg.connect(self.links.admin.conninfo(), autocommit=True) as connection:
            for name in self._made:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def passwords(root: FolderRoot) -> dict[Role, str]:
    """The roles' passwords, as the runtime derives them."""
    return {role: root.secret(f"database {role}") for role in ROLES}


@contextmanager
def scratch_server() -> Iterator[ScratchServer]:
    """Starts a server (or takes the named one) for the duration of a test run."""
    with tempfile.TemporaryDirectory(prefix="omniops-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the database's own user must be able to reach its folder inside
        root = FolderRoot.create(folder / "keys")
        shutil.copytree(folder / "keys", folder / "first-keys")
        with _admin(folder, root) as admin:
            yield (server := ScratchServer(Links.build(admin, None, passwords(root)), root, folder))
            if os.environ.get(URL):  # our own server goes away with its folder
                server.drop_all()


@contextmanager
def _admin(folder: Path, root: FolderRoot) -> Iterator[Link]:
    if url := os.environ.get(URL):
        yield Link.parse(url)
        return
    from omniops.database.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(folder / "postgres", password=root.secret("database admin"))
    server = postgres.start()
    try:
        yield Link({**server.parameters(), "dbname": "postgres"})
    finally:
        postgres.stop()
