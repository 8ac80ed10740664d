"""A deployment of its own beside the real one, for probes of what concerns a deployment as a whole: a lost machine, a
backup that is restored, years that pass. It has a database, root keys and a key mirror of its own, and is gone after.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg

from omniops.bootstrap import Prepared, migrate_core
from omniops.contracts.ids import ShiftedClock
from omniops.contracts.proof import Waits
from omniops.contracts.root_keys import RootProvider
from omniops.database.dumps import scratch
from omniops.database.links import Links
from omniops.errors import ConfigError
from omniops.operations import backup
from omniops.operations.restoring import bring_back, keys_from_mirror
from omniops.proof.stage import Application, LiveStage
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.vault.roots import FolderRoot

PLUGINS = ("website", "site", "quoting", "hybrid")
"""Core's own: what is tried here is core's."""
Build = Callable[[Runtime, RootProvider], Application]


class OwnRoot(FolderRoot):
    """Keys of its own. Only the logins of the database are those of the real deployment: a server has one set of them,
    and another password would lock that deployment out."""

    def __init__(self, folder: Path, logins: RootProvider) -> None:
        super().__init__(folder)
        self._logins = logins

    def secret(self, use: str) -> str:
        return self._logins.secret(use) if use.startswith("database ") else super().secret(use)


@dataclass(slots=True)
class Besides:
    """Implements `contracts.proof.Beside`."""

    stage: LiveStage
    folder: Path
    clock: ShiftedClock
    root: OwnRoot
    logins: RootProvider
    _made: list[Path] = field(default_factory=list)

    @property
    def _runtime(self) -> Runtime:
        return self.stage.runtime

    def ahead(self, days: int) -> None:
        self.clock.ahead += timedelta(days=days)

    async def sleep(self, days: int = 1) -> None:
        for _ in range(days):
            self.ahead(1)
            await self._runtime.privacy.nights.night()

    async def daily(self) -> Sequence[Path]:
        ready = Prepared(self._runtime.database.links, self.root)
        for task in backup.daily(self._runtime, ready):
            await _able(task.run())
        return sorted((self.folder / "backups").glob("*.age"))

    async def back_up(self) -> Path:
        file = self.folder / f"{len(self._made)}.age"
        self._made.append(file)
        ready = Prepared(self._runtime.database.links, self.root)
        await _able(backup.recorded(self._runtime, ready, file))
        return file

    async def try_out(self, file: Path) -> None:
        await _able(backup.tried_out(self._runtime, Prepared(self._runtime.database.links, self.root), file))

    @asynccontextmanager
    async def elsewhere(self, file: Path) -> AsyncIterator[LiveStage]:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="machine-") as name:
            settings = _settings(self._runtime.settings, Path(name))
            shutil.copytree(self.folder / "mirror", Path(name) / "mirror")
            (Path(name) / "data").mkdir(mode=0o700)
            keys_from_mirror(settings)
            root = OwnRoot(settings.keys_dir, self.logins)
            with _database(self._runtime.database.links) as links:
                await asyncio.to_thread(bring_back, settings, links, root, file)
                async with Runtime.open(settings, links, root, clock=self.clock) as runtime:
                    yield await LiveStage.over(runtime, self.stage.application)


@asynccontextmanager
async def beside(runtime: Runtime, logins: RootProvider, build: Build) -> AsyncIterator[Besides]:
    """A new deployment on the same database server. Raises `Waits` where the login may not create a database."""
    with tempfile.TemporaryDirectory(dir=runtime.settings.data_dir, prefix="proof-") as name:
        folder = Path(name)
        settings, clock = _settings(runtime.settings, folder), ShiftedClock()
        (folder / "data").mkdir(mode=0o700)
        FolderRoot.create(settings.keys_dir)
        root = OwnRoot(settings.keys_dir, logins)
        with _database(runtime.database.links) as links:
            await asyncio.to_thread(migrate_core, links, root)
            async with Runtime.open(settings, links, root, clock=clock, migrate=True) as own:
                await own.privacy.nights.night()
                stage = await LiveStage.over(own, build(own, root))
                yield Besides(stage, folder, clock, root, logins)


def _settings(real: Settings, folder: Path) -> Settings:
    return real.model_copy(
        update={
            "data_dir": folder / "data",
            "keys_dir": folder / "keys",
            "keys_mirror": folder / "mirror",
            "backup_dir": folder / "backups",
            "root_keys": "file",
            "encoder": "none",
            "plugins": [name for name in real.plugins if name in PLUGINS],
        }
    )


@contextmanager
def _database(links: Links) -> Iterator[Links]:
    name = f"omniops_proof_{uuid4().hex[:12]}"
    try:
        with scratch(links.admin, name):
            yield links.database(name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Waits("a login in OMNIOPS_DATABASE_URL that may create databases") from error


async def _able(doing: Awaitable[object]) -> None:
    """Where the programs of PostgreSQL are missing, nothing about backups can be shown."""
    try:
        await doing
    except ConfigError as error:
        raise Waits(f"what backups need: {error}") from error
