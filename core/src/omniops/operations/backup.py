"""`omniops backup`: the whole database in one encrypted file, with a manifest of what is in it, tried out at once.

The file is an age file around a tar of `manifest.json` and `dump`. It holds wrapped keys but no key that opens them:
those are at the root provider and in the key mirror.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from omniops import __version__
from omniops.audit.service import OPERATOR, Entry
from omniops.bootstrap import Prepared, passwords
from omniops.contracts.root_keys import RootProvider
from omniops.database.dumps import Contents, dump, restore, scratch
from omniops.database.links import Links
from omniops.database.roles import prepare
from omniops.errors import Refused
from omniops.jobs.service import MAINTENANCE, Task
from omniops.operations import age
from omniops.runtime import Runtime

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    omniops: str
    made_at: str
    server: str
    root: str
    epoch: int
    sha256: str
    tables: dict[str, int]
    chains: dict[str, Any]
    revisions: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def contents(self) -> Contents:
        return Contents(
            self.tables, {account: (seq, head) for account, (seq, head) in self.chains.items()}, self.revisions
        )


async def recorded(runtime: Runtime, ready: Prepared, file: Path, recipients: Sequence[str] = ()) -> Manifest:
    """Makes a backup, tries it out, and enters it into the operator's chain. Raises as `back_up` and `check` do."""
    folder = runtime.settings.data_dir
    manifest = await asyncio.to_thread(
        back_up, ready.links, ready.root, file, folder, now=runtime.clock.now(), recipients=recipients
    )
    await tried_out(runtime, ready, file)
    detail = {"rows": manifest.rows, "epoch": manifest.epoch, "dump_sha256": manifest.sha256}
    await runtime.audit.write(Entry(OPERATOR, "system:backup", "backup.made", "database", detail=detail))
    return manifest


async def tried_out(runtime: Runtime, ready: Prepared, file: Path) -> Manifest:
    """A drill: restores a backup into a scratch database, and enters into the operator's chain whether it is whole, how
    many seconds that took, and to which moment it leads back. Raises as `check` does."""
    begun = time.monotonic()
    detail: dict[str, Any] = {"whole": False, "file": file.name}
    try:
        manifest = await asyncio.to_thread(check, ready.links, ready.root, file, runtime.settings.data_dir)
        detail |= {"whole": True, "leads_back_to": manifest.made_at, "rows": manifest.rows}
    except Refused as refused:
        detail["reason"] = refused.reason
        raise
    finally:
        detail["seconds"] = round(time.monotonic() - begun, 1)
        await runtime.audit.write(Entry(OPERATOR, "system:backup", "backup.tried", "database", detail=detail))
    return manifest


def daily(runtime: Runtime, ready: Prepared) -> list[Task]:
    """The worker's task for the setting `backup_dir`: a backup a day, made up for after an outage, the oldest go."""
    folder = runtime.settings.backup_dir
    if folder is None:
        return []

    async def run() -> None:
        now = runtime.clock.now()
        file = folder / f"omniops-{now:%Y-%m-%d}.age"
        if file.exists():
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest = await recorded(runtime, ready, file)
        oldest = f"omniops-{now - timedelta(days=runtime.settings.backup_days):%Y-%m-%d}.age"
        gone = [path for path in folder.glob("omniops-????-??-??.age") if path.name < oldest]
        for path in gone:
            path.unlink()
        runtime.log.info("backup.made", rows=manifest.rows, dropped=len(gone))

    return [Task("backup:daily", run, queue=MAINTENANCE, cron="25 * * * *")]


def back_up(
    links: Links, root: RootProvider, file: Path, folder: Path, *, now: datetime, recipients: Sequence[str] = ()
) -> Manifest:
    """Writes `file`, whole or not at all. `folder` takes the dump meanwhile: storage that may hold the database may
    hold that. Raises `Refused`, `ConfigError` and `Rejected`."""
    to = age.recipients(root, recipients)
    with tempfile.TemporaryDirectory(dir=folder, prefix="backup-") as name:
        path = Path(name) / "dump"
        contents, server = dump(links.system, path)
        manifest = Manifest(
            FORMAT,
            __version__,
            now.isoformat(),
            server,
            root.fingerprint,
            root.epoch(),
            _sha256(path),
            **asdict(contents),
        )
        (Path(name) / "manifest.json").write_text(json.dumps(asdict(manifest)))
        partial = file.with_name(f"{file.name}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as writer:
            _tar_into(Path(name), writer, to)
            writer.flush()
            os.fsync(writer.fileno())
        os.replace(partial, file)
    return manifest


def _tar_into(folder: Path, writer: Any, to: Sequence[Any]) -> None:
    """Packs and encrypts at the same time, so that nothing is on disk twice."""
    source, sink = os.pipe()

    def pack() -> None:
        with os.fdopen(sink, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
            for part in ("manifest.json", "dump"):
                tar.add(folder / part, arcname=part)

    packing = threading.Thread(target=pack)
    packing.start()
    with os.fdopen(source, "rb") as reader:
        age.encrypt(reader, writer, to)
    packing.join()


@contextmanager
def unpacked(
    file: Path, root: RootProvider, folder: Path, identity: Path | None = None
) -> Iterator[tuple[Manifest, Path]]:
    """A backup's manifest and its dump, which has the hash that the manifest names. Raises `Refused`."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="restore-") as name:
        whole = Path(name) / "whole"
        with whole.open("wb") as writer:
            age.decrypt(file, writer, root, identity)
        with tarfile.open(whole) as tar:
            tar.extractall(name, members=[tar.getmember("manifest.json"), tar.getmember("dump")], filter="data")
        whole.unlink()
        values = json.loads((Path(name) / "manifest.json").read_text())
        if values["format"] != FORMAT:
            raise Refused(
                f"The backup {file} has format {values['format']}; this version reads {FORMAT}.", reason="backup_format"
            )
        manifest = Manifest(**values)
        if _sha256(Path(name) / "dump") != manifest.sha256:
            raise Refused(f"The dump in {file} is not the one that its manifest names.", reason="backup_damaged")
        yield manifest, Path(name) / "dump"


@contextmanager
def tried(links: Links, root: RootProvider, manifest: Manifest, path: Path) -> Iterator[Links]:
    """The dump in a scratch database, with the counts and chain heads of the manifest. Raises `Refused`."""
    name = f"omniops_restore_{datetime.now(UTC):%Y%m%d_%H%M%S}_{uuid4().hex[:6]}"
    with scratch(links.admin, name):
        found = links.database(name)
        prepare(found, passwords(root))
        restore(found.admin, path)
        prepare(found, passwords(root))
        with psycopg.connect(found.system.conninfo()) as connection:
            differences = manifest.contents.differences(Contents.of(connection))
        if differences:
            raise Refused(
                f"What was restored is not what the backup's manifest names: {'; '.join(differences[:3])}.",
                reason="backup_differs",
            )
        yield found


def check(links: Links, root: RootProvider, file: Path, folder: Path, identity: Path | None = None) -> Manifest:
    """Restores a backup into a scratch database, compares, and drops it. Raises `Refused` where it is not whole."""
    with unpacked(file, root, folder, identity) as (manifest, path), tried(links, root, manifest, path):
        return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
