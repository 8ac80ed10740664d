"""`omniops restore`: rows from a backup, keys from the newest copy of the vault that there is, and nobody who was
erased comes back.

Everything happens in a scratch database beside the living one. Only when the last step is through do they change
places; a restore that was refused or killed has changed nothing.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from omniops.audit.service import OPERATOR, Entry
from omniops.bootstrap import migrate_core
from omniops.contracts.ids import SystemClock
from omniops.contracts.root_keys import RootProvider
from omniops.contracts.scope import Scope
from omniops.database.dumps import beside
from omniops.database.links import Links
from omniops.errors import ConfigError, Refused
from omniops.jobs.service import REPLIES, SENDING
from omniops.logs import logger
from omniops.operations.backup import Manifest, tried, unpacked
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.vault.carrying import carry, note
from omniops.vault.copies import VaultCopy
from omniops.vault.mirror import Mirror, Shredded
from omniops.vault.roots import EnvironmentRoot, FolderRoot
from omniops.vault.shredding import SHRED


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `vault` says where the keys came from; `erased` persons of the shred list were in the backup
    and were taken out again; the database from before lies under `before`, where there was one."""

    made_at: str
    rows: int
    vault: str
    erased: int
    cancelled: int
    before: str


def keys_from_mirror(settings: Settings) -> bool:
    """On a new machine: the keys from the mirror, where the keys folder has none. Whether any were taken."""
    exists = EnvironmentRoot.exists if settings.root_keys == "environment" else FolderRoot.exists
    mirror = settings.keys_mirror
    if exists(settings.keys_dir) or settings.root_keys not in ("file", "environment"):
        return False
    if mirror is None or not any(mirror.glob("epoch-*.key")):
        raise ConfigError(
            f"There are no keys in {settings.keys_dir}, and no mirror to take them from.",
            do="Put the keys folder back, or set OMNIOPS_KEYS_MIRROR. Without them no backup opens.",
        )
    settings.keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in [*mirror.glob("*.key"), *mirror.glob("root.next"), *mirror.glob("epoch.last")]:
        shutil.copyfile(path, settings.keys_dir / path.name)
        (settings.keys_dir / path.name).chmod(0o600)
    return True


def bring_back(
    settings: Settings, links: Links, root: RootProvider, file: Path, *, identity: Path | None = None
) -> Restored:
    """Puts a backup in the place of the deployment's database. Nothing else may run on it. Raises `Refused`."""
    mirror = None
    if settings.keys_mirror is not None:
        mirror = Mirror(settings.keys_mirror, root, SystemClock(), logger("omniops"))
    shreds = set(mirror.shreds()) if mirror is not None else set()
    with (
        unpacked(file, root, settings.data_dir, identity) as (manifest, path),
        tried(links, root, manifest, path) as found,
    ):
        migrate_core(found, root)
        note(found.admin)
        source = _newest_vault(links, found, mirror, manifest, settings.data_dir)
        carry(found.admin, root)
        shreds |= _shreds(found)
        _replay(found, shreds)
        cancelled = _cancel_outbound(found)
        erased = asyncio.run(_delete_rows(settings, found, root, shreds, manifest))
        before = _change_places(links, found)
    return Restored(manifest.made_at, manifest.rows, source, erased, cancelled, before)


def _newest_vault(links: Links, found: Links, mirror: Mirror | None, manifest: Manifest, folder: Path) -> str:
    """Puts the newest copy of the vault into the scratch database. The living one goes before the mirror's, that before
    the backup's own."""
    copy = folder / "vault.restoring"
    try:
        if _has_vault(links):
            VaultCopy(links.system).save(copy, at=datetime.now(UTC))
            VaultCopy(found.admin).load(copy)
            return "the database in place"
    finally:
        with suppress(FileNotFoundError):
            copy.unlink()
    at = mirror.written_at() if mirror is not None else None
    if mirror is not None and at is not None and at > datetime.fromisoformat(manifest.made_at):
        VaultCopy(found.admin).load(mirror.vault)
        return f"the key mirror of {at:%Y-%m-%d %H:%M}"
    return "the backup itself"


def _has_vault(links: Links) -> bool:
    try:
        with psycopg.connect(links.system.conninfo()) as connection:
            row = connection.execute(
                "select to_regclass('vault.epoch') is not null and exists (select from vault.account_key)"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def _shreds(found: Links) -> set[Shredded]:
    with psycopg.connect(found.system.conninfo()) as connection:
        rows = connection.execute("select account_id, home_id, subject_id from vault.shred")
        return {Shredded(str(account), str(home), str(subject)) for account, home, subject in rows}


def _replay(found: Links, shreds: set[Shredded]) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(found.system.url(), hide_parameters=True)
    try:
        with engine.begin() as connection:
            for one in shreds:
                place = {"account": UUID(one.account_id), "home": UUID(one.home_id), "subjects": [UUID(one.subject_id)]}
                for statement in SHRED:
                    connection.execute(statement, place)
    finally:
        engine.dispose()


def _cancel_outbound(found: Links) -> int:
    """What waited to be sent when the backup was made was sent since, or is too old: nobody gets it twice."""
    with psycopg.connect(found.admin.conninfo()) as connection:
        connection.execute("set local search_path to jobs")  # the queue's triggers name its types without their schema
        done = connection.execute(
            "update jobs.procrastinate_jobs set status = 'cancelled' where status = 'todo' and queue_name = any(%s)",
            [[REPLIES, SENDING]],
        )
        return done.rowcount


async def _delete_rows(
    settings: Settings, found: Links, root: RootProvider, shreds: set[Shredded], manifest: Manifest
) -> int:
    """The rows of everybody on the shred list. How many of them the backup held. Enters the restore into the chain."""
    async with Runtime.open(settings, found, root, migrate=True) as runtime:
        erased = 0
        for one in shreds:
            home, account = UUID(one.home_id), UUID(one.account_id)
            scope = Scope(account, None if home == account else home)
            erased += bool(await runtime.privacy.erasure.delete_rows(scope, UUID(one.subject_id)))
        detail = {"made_at": manifest.made_at, "dump_sha256": manifest.sha256, "erased": erased}
        await runtime.audit.write(Entry(OPERATOR, "system:restore", "backup.restored", "database", detail=detail))
        return erased


def _change_places(links: Links, found: Links) -> str:
    """The restored database takes the name of the deployment's; that one gets the time into its name. Both at once. An
    empty one, as a first start has made it, goes instead."""
    target, scratch = (link.parameters["dbname"] for link in (links.admin, found.admin))
    before = f"{target}_before_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    empty = not _has_vault(links)
    rename = sql.SQL("alter database {} rename to {}")
    try:
        with psycopg.connect(links.admin.database("template1").conninfo()) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = any(%s) and pid <> pg_backend_pid()",
                [[target, scratch]],
            )
            connection.execute(rename.format(sql.Identifier(target), sql.Identifier(before)))
            connection.execute(rename.format(sql.Identifier(scratch), sql.Identifier(target)))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse) as error:
        raise Refused(
            f"The databases cannot change places: {error.diag.message_primary}.",
            reason="database_busy",
            do="Stop every OmniOps process, and give OMNIOPS_DATABASE_URL a login that may create databases.",
        ) from error
    if empty:
        beside(links.admin, sql.SQL("drop database {}").format(sql.Identifier(before)))
    return "" if empty else before
