"""The data folder of the embedded server: made whole or not at all, and told apart from others'."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from omniops.database import embedded_place as place
from omniops.database.binaries import Binaries
from omniops.database.embedded_settings import CONFIG_NAME, WRITTEN_ONCE, hashing
from omniops.errors import ConfigError

ADMIN = "omniops_admin"
"""The superuser. Row-level security does not bind it, so it makes the other roles and is never given to the app."""


class InitdbError(Exception):
    """initdb failed; the text is its output. Nothing is left of what it made."""


def made_by(data: Path, user: pwd.struct_passwd) -> int | None:
    """The major version of PostgreSQL that made the data folder, or None where there is none yet.

    Raises `ConfigError` for a folder that somebody else made or that `user` does not own.
    """
    if not data.exists() or not any(data.iterdir()):
        return None
    try:
        (data / CONFIG_NAME).stat()
        version = int((data / "PG_VERSION").read_text())
    except (FileNotFoundError, ValueError):
        raise ConfigError(
            f"{data} is not a data folder that OmniOps made: it lacks {CONFIG_NAME} or PG_VERSION.",
            do="Move it away, or name another data folder.",
        ) from None
    owner = data.stat().st_uid
    if owner != user.pw_uid:
        raise ConfigError(
            f"The data folder {data} belongs to user id {owner}, and PostgreSQL is to run as {user.pw_name!r} "
            f"(user id {user.pw_uid}).",
            do="Set OMNIOPS_POSTGRES_USER to its owner, or give the whole folder to that user.",
        )
    return version


def create(data: Path, binaries: Binaries, *, user: pwd.struct_passwd, password: str, lock: int) -> None:
    """Runs initdb under another name and renames, so that a half-made folder is never taken for a whole one.

    `lock` is inherited, so it is held until an initdb that outlives us has ended.
    """
    partial = data.with_name("data.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o700)
    place.give(partial, user)
    # Through a pipe, so that the password never lies in a file. initdb opens it anew by name, as its own user.
    readable, writable = os.pipe()
    try:
        place.give(readable, user)
        os.write(writable, password.encode() + b"\n")
        os.close(writable)
        made = subprocess.run(
            [
                binaries.program("initdb"),
                f"--pgdata={partial}",
                f"--username={ADMIN}",
                "--auth=scram-sha-256",
                "--pwfile=/dev/stdin",
                "--encoding=UTF8",
                "--no-locale",
                # The builtin provider sorts and folds the same on every system; it came with 17.
                *(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.version >= 17 else []),
                "--data-checksums",
                *(f"--set={name}={value}" for name, value in hashing(binaries.version).items()),
            ],
            stdin=readable,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(lock,),
            **place.as_user(user),
        )
    finally:
        os.close(readable)
    if made.returncode:
        shutil.rmtree(partial)
        raise InitdbError(made.stdout.strip())
    # O_EXCL: the folder belongs to the server's user, who must not lead root's pen elsewhere by a link.
    config = os.open(partial / CONFIG_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(config, WRITTEN_ONCE.encode())
        place.give(config, user)
        os.fsync(config)
    finally:
        os.close(config)
    partial.rename(data)
    # initdb has synced the files; this makes the new name outlive a power cut too.
    home = os.open(data.parent, os.O_RDONLY)
    os.fsync(home)
    os.close(home)
