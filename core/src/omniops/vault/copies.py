"""A copy of the vault's tables in one file: wrapped keys and look-up hashes, which open nothing without the epoch keys.

A restore takes the rows from a backup and the vault from the newest copy there is.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from omniops.database.links import Link

TABLES = ("root", "epoch", "account_key", "subject_key", "identifier", "shred")
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class VaultCopy:
    """The vault of the database behind a link, which must see all rows."""

    link: Link

    def save(self, path: Path, *, at: datetime) -> None:
        """Writes all tables as of one moment, whole or not at all."""
        with (
            psycopg.connect(self.link.conninfo()) as connection,
            tempfile.TemporaryDirectory(dir=path.parent, prefix=".vault-") as name,
        ):
            folder = Path(name)
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            columns = {}
            for table in TABLES:
                columns[table] = _columns(connection, table)
                with (
                    (folder / table).open("wb") as file,
                    connection.cursor().copy(_copy(table, columns[table], "to stdout")) as copy,
                ):
                    for piece in copy:
                        file.write(piece)
            epoch = connection.execute("select max(number) from vault.epoch").fetchone()
            manifest = {"at": at.isoformat(), "epoch": epoch[0] if epoch else None, "columns": columns}
            (folder / _MANIFEST).write_text(json.dumps(manifest))
            whole = folder / "whole"
            with tarfile.open(whole, "w") as tar:
                for part in (_MANIFEST, *TABLES):
                    tar.add(folder / part, arcname=part)
            whole.chmod(0o600)
            os.replace(whole, path)

    def load(self, path: Path) -> None:
        """Puts a saved copy in place of the vault's tables, in one transaction."""
        with tarfile.open(path) as tar, psycopg.connect(self.link.conninfo()) as connection:
            manifest = _manifest(tar)
            connection.execute(
                sql.SQL("truncate {}").format(sql.SQL(", ").join(sql.Identifier("vault", table) for table in TABLES))
            )
            for table in TABLES:
                body = tar.extractfile(table)
                assert body is not None
                with connection.cursor().copy(_copy(table, manifest["columns"][table], "from stdin")) as copy:
                    while piece := body.read(2**16):
                        copy.write(piece)

    @staticmethod
    def made_at(path: Path) -> datetime | None:
        """When a copy was saved; None where there is none."""
        try:
            with tarfile.open(path) as tar:
                return datetime.fromisoformat(_manifest(tar)["at"])
        except (FileNotFoundError, tarfile.TarError):
            return None


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " order by attnum",
        [f"vault.{table}"],
    )
    return [row[0] for row in found]


def _copy(table: str, columns: list[str], direction: str) -> sql.Composed:
    return sql.SQL("copy {} ({}) " + direction).format(
        sql.Identifier("vault", table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    file = tar.extractfile(_MANIFEST)
    assert file is not None
    found: dict[str, Any] = json.load(file)
    return found
