"""From nothing to a database that is there and migrated: folders, keys, server, roles, tables. Safe to repeat.

The order lets a start that was killed at any point be taken up by the next: root key, database, roles, migrations.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.contracts.root_keys import RootPlace, RootProvider
from omniops.database.links import ROLES, Link, Links, Role, check_region
from omniops.errors import ConfigError
from omniops.settings import Settings
from omniops.vault.roots import EnvironmentRoot, FolderRoot

if TYPE_CHECKING:
    from omniops.database.embedded import EmbeddedPostgres


@dataclass(slots=True)
class Prepared:
    """What a runtime is opened with. `postgres` is set while the embedded server is ours to release."""

    links: Links
    root: RootProvider
    postgres: EmbeddedPostgres | None = None
    warnings: list[str] = field(default_factory=list)


@contextmanager
def prepared(settings: Settings, *, create: bool) -> Iterator[Prepared]:
    """The root key and the links to the database, whose embedded server runs as long as this context is open.

    With `create`, missing keys and folders are made, but never a new root for data that exists already. Raises
    `ConfigError` or `NotReachable` with what to do.
    """
    _check_folders(settings)
    root = _root(settings, create=create)
    if settings.database_url is not None:
        yield Prepared(_external(settings, root), root)
        return
    from omniops.database.embedded import EmbeddedPostgres

    if not create and not _cluster(settings).exists():
        raise ConfigError(f"There is no database in {settings.data_dir} yet.", do="Run `omniops up` once.")
    postgres = EmbeddedPostgres(
        settings.data_dir / "postgres", password=root.secret("database admin"), user=settings.postgres_user
    )
    server = postgres.start()
    try:
        admin = Link({**server.parameters(), "dbname": "postgres"})
        links = Links.build(admin, None, passwords(root))
        yield Prepared(links, root, postgres, list(server.warnings))
    finally:
        postgres.release()


def _check_folders(settings: Settings) -> None:
    data, keys = settings.data_dir.resolve(), settings.keys_dir.resolve()
    if keys == data or data in keys.parents:
        raise ConfigError(
            f"The keys folder {keys} lies inside the data folder {data}: a copy of one would be a copy of both.",
            do="Set OMNIOPS_KEYS_DIR to a folder outside it.",
        )


def _cluster(settings: Settings) -> Path:
    return settings.data_dir / "postgres" / "data" / "PG_VERSION"


def _root(settings: Settings, *, create: bool) -> RootProvider:
    """The root key from the provider that `root_keys` names; a new one only where nothing hangs from an older one."""
    if settings.root_keys == "file":
        known, place = FolderRoot.exists(settings.keys_dir), f"the root key {settings.keys_dir / 'root.key'}"
    elif settings.root_keys == "environment":
        known, place = EnvironmentRoot.exists(settings.keys_dir), f"every epoch key in {settings.keys_dir}"
    else:
        return _offered(settings, create=create and not _cluster(settings).exists())
    if not known and _cluster(settings).exists():
        raise ConfigError(
            f"The data folder {settings.data_dir} holds a database, but {place} is missing.",
            do="Put the keys folder back from its mirror. A new key would lock the data for ever, so none is made.",
        )
    if not known and not create:
        raise ConfigError(f"There are no keys in {settings.keys_dir} yet.", do="Run `omniops up` once.")
    if settings.root_keys == "file":
        return FolderRoot.create(settings.keys_dir) if create else FolderRoot(settings.keys_dir)
    if settings.root_key is None:
        raise ConfigError("OMNIOPS_ROOT_KEY is not set.", do="Give 64 hexadecimal digits: `openssl rand -hex 32`.")
    previous = settings.root_key_previous.get_secret_value() if settings.root_key_previous else None
    build = EnvironmentRoot.create if create else EnvironmentRoot
    return build(settings.keys_dir, settings.root_key.get_secret_value(), previous)


def _offered(settings: Settings, *, create: bool) -> RootProvider:
    """A plugin's provider. The plugin is built with shut doors: there is no database yet."""
    from omniops.doors import shut_context
    from omniops.plugins.loading import load
    from omniops.plugins.seams import Seams

    found = load(settings, partial(shut_context, settings.data_dir))
    offers = Seams(found, lambda said: None).root_keys()
    if settings.root_keys not in offers:
        known = ", ".join(["file", "environment", *sorted(offers)])
        raise ConfigError(f"Nothing offers root keys as {settings.root_keys!r}.", do=f"There are: {known}.")
    return offers[settings.root_keys].open(RootPlace(settings.keys_dir, create))


def _external(settings: Settings, root: RootProvider) -> Links:
    assert settings.database_url is not None
    admin = Link.parse(settings.database_url.get_secret_value())
    pooled = Link.parse(settings.database_pooled_url.get_secret_value()) if settings.database_pooled_url else None
    for link in (admin, pooled):
        if link is not None:
            check_region(link, settings.database_region, settings.database_region_networks)
    return Links.build(admin, pooled, passwords(root))


def passwords(root: RootProvider) -> dict[Role, str]:
    """The roles' passwords: derived from the root, so every machine that holds it knows them and none stores them."""
    return {role: root.secret(f"database {role}") for role in ROLES}


def make_folders(settings: Settings) -> None:
    """The data folder. As root others may pass through it, because the database's own user lives inside."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        settings.data_dir.mkdir(mode=0o711 if as_root else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data folder {settings.data_dir} cannot be made: {error.strerror}.",
            do="Set OMNIOPS_DATA_DIR to a folder that you may write.",
        ) from error
    mode = settings.data_dir.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(f"The data folder {settings.data_dir} can be written by everybody.")


def migrate_core(links: Links, root: RootProvider) -> bool:
    """Roles, schemas, core's own tables. True when something changed. Plugins' tables follow when they are loaded."""
    import omniops.runtime  # noqa: F401  (every room's tables)
    from omniops.database.migrate import CORE_BRANCH, Migrator
    from omniops.database.roles import prepare

    prepare(links, passwords(root))
    return Migrator(links).upgrade(CORE_BRANCH)
