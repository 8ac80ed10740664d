"""What a restore carries over from the backup's own vault into the newer copy: keys and look-up hashes that were
replaced since, of people who still live. The rows of the backup stand under them.

Nothing of an erased person is carried: the newer copy says who that is, and the shred list is replayed afterwards.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from omniops.contracts.root_keys import RootProvider
from omniops.database.links import Link
from omniops.errors import ConfigError, Refused
from omniops.vault.crypto import rehash, unwrap, wrap

_NOTED = ("account_key", "subject_key", "identifier")


def note(admin: Link) -> None:
    """Puts the backup's own vault aside, before the newest copy takes its place."""
    with psycopg.connect(admin.conninfo()) as connection:
        for table in _NOTED:
            connection.execute(f"create table vault.was_{table} as table vault.{table}")


def carry(admin: Link, root: RootProvider) -> None:
    """Carries over what is needed, and drops what was put aside. Raises `Refused` where no key opens at all."""
    with psycopg.connect(admin.conninfo()) as connection:
        old = _account_keys(connection, root, "was_account_key")
        new = _account_keys(connection, root, "account_key")
        count = connection.execute("select count(*) from vault.account_key").fetchone()
        if count and count[0] and not new:
            raise Refused(
                "No key of this backup opens any more: the keys of its nights were destroyed.",
                reason="epochs_destroyed",
                do="Restore beside a newer copy of the vault: a key mirror, or the database in place.",
            )
        active = {account: max(v for a, v in new if a == account) for account in {a for a, _ in new}}
        _carry_keys(connection, old, new, active)
        _carry_identifiers(connection, old, new, active)
        _readdress(connection, root, new)
        connection.execute("delete from vault.root")
        connection.execute("insert into vault.root (fingerprint, created_at) values (%s, now())", [root.fingerprint])
        for table in _NOTED:
            connection.execute(f"drop table vault.was_{table}")


def _account_keys(connection: psycopg.Connection, root: RootProvider, table: str) -> dict[tuple[UUID, int], bytes]:
    """Those that open; an epoch that was destroyed leaves its keys out."""
    found = {}
    rows = connection.execute(f"select account_id, version, epoch, wrapped from vault.{table}").fetchall()  # noqa: S608
    for account, version, epoch, wrapped in rows:
        try:
            found[account, version] = unwrap(wrapped, root.epoch_key(epoch))
        except (ConfigError, Refused):
            continue
    return found


def _carry_keys(connection: psycopg.Connection, old: Any, new: Any, active: Any) -> None:
    """Keys that were retired since: the backup's fields stand under them, and the next night seals those anew."""
    rows = connection.execute(
        "select w.account_id, w.home_id, w.subject_id, w.version, w.account_key_version, w.wrapped, w.pepper_wrapped"
        " from vault.was_subject_key w join vault.subject_key k using (home_id, subject_id, version)"
        " where k.state = 'retired' and w.wrapped is not null"
    ).fetchall()
    for account, home, subject, version, under, wrapped, pepper in rows:
        if (account, under) in old and account in active:
            above, below = new[account, active[account]], old[account, under]
            connection.execute(
                "update vault.subject_key set state = 'old', account_key_version = %s, wrapped = %s,"
                " pepper_wrapped = %s where home_id = %s and subject_id = %s and version = %s",
                [
                    active[account],
                    wrap(unwrap(wrapped, below), above),
                    wrap(unwrap(pepper, below), above),
                    home,
                    subject,
                    version,
                ],
            )


def _carry_identifiers(connection: psycopg.Connection, old: Any, new: Any, active: Any) -> None:
    """Look-up hashes of rows that only the backup has; those of rows that it does not have go."""
    rows = connection.execute(
        "select w.account_id, w.home_id, w.kind, w.hash, w.row_id, w.subject_id, w.account_key_version"
        " from vault.was_identifier w where not exists (select from vault.identifier i where i.home_id = w.home_id"
        " and i.row_id = w.row_id and i.kind = w.kind) and exists (select from vault.subject_key k"
        " where k.home_id = w.home_id and k.subject_id = w.subject_id and k.wrapped is not null)"
    ).fetchall()
    for account, home, kind, digest, row, subject, under in rows:
        if (account, under) in old and account in active:
            moved = rehash(digest, kind, (home, old[account, under]), (home, new[account, active[account]]))
            connection.execute(
                "insert into vault.identifier (account_id, home_id, kind, hash, row_id, subject_id,"
                " account_key_version) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [account, home, kind, moved, row, subject, active[account]],
            )
    connection.execute(
        "delete from vault.identifier i where not exists (select from vault.was_identifier w"
        " where w.home_id = i.home_id and w.row_id = i.row_id and w.kind = i.kind)"
    )


def _readdress(connection: psycopg.Connection, root: RootProvider, new: Any) -> None:
    """Members' addresses stand under the night of the backup; they are made again from their look-up hashes."""
    row = connection.execute("select max(number) from vault.epoch").fetchone()
    epoch = root.epoch_key(row[0] if row and row[0] else root.epoch())
    rows = connection.execute(
        "select account_id, hash, account_key_version from vault.identifier"
        " where home_id = account_id and kind = 'email'"
    ).fetchall()
    connection.execute("delete from omniops.lookup where kind = 'member_address'")
    for account, digest, under in rows:
        if (account, under) in new:
            address = rehash(digest, "email", (account, new[account, under]), (None, epoch))
            connection.execute(
                "insert into omniops.lookup (kind, hash, account_id) values ('member_address', %s, %s)"
                " on conflict do nothing",
                [address, account],
            )
