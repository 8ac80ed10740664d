"""Where the embedded server may live and as whom: its user, its home folder, its socket folder.

Three kinds of folder, and who owns them when root starts the server: the *home* (locks, log, copied programs) belongs
to root, so that nothing root opens in it can be planted by the server's user; the *data* folder in it and the
*socket* folder belong to the server's user. Started by anybody else, everything belongs to that one user.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omniops.database.embedded_settings import PORT
from omniops.errors import ConfigError

DEFAULT_USER = "postgres"
_SOCKET_LIMIT = 103 if sys.platform == "darwin" else 107
"""Bytes of `sun_path` without the final zero byte (unix(7); 104 on macOS)."""


def is_root() -> bool:
    return os.geteuid() == 0


def short_name(folder: Path) -> str:
    """The same for a folder at every start, and short where the folder's own path may not be."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


def socket(folder: Path, port: int) -> Path:
    """The socket that a server with that port makes in that folder."""
    return folder / f".s.PGSQL.{port}"


def give(path: Path | int, user: pwd.struct_passwd) -> None:
    """Makes a path or an open file the server user's. Nothing to do where that is who we are."""
    if is_root():
        os.chown(path, user.pw_uid, user.pw_gid)


def as_user(user: pwd.struct_passwd) -> dict[str, Any]:
    """Arguments of `subprocess` for a program of the server: its user and nothing inherited.

    Our own environment may hold secrets, and /proc would show it to the server's user.
    """
    common: dict[str, Any] = {"env": {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}, "cwd": "/"}
    return common | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if is_root() else common


def server_user(name: str | None) -> tuple[pwd.struct_passwd, tuple[str, ...]]:
    """The user that the server runs as, with warnings for the operator.

    PostgreSQL refuses to run as root, so root names a user. Anybody else is that user, whatever `name` says.
    """
    if not is_root():
        try:
            return pwd.getpwuid(os.geteuid()), ()
        except KeyError:
            raise ConfigError(
                f"The user id {os.geteuid()} has no entry in the system's list of users, which PostgreSQL needs.",
                do="Add a line for it to /etc/passwd, or set OMNIOPS_DATABASE_URL to a server of yours.",
            ) from None
    name = name or DEFAULT_USER
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        if name != DEFAULT_USER:
            raise ConfigError(
                f"OMNIOPS_POSTGRES_USER names {name!r}, and this system has no such user.",
                do="Name an existing unprivileged user.",
            ) from None
        return pwd.getpwnam("nobody"), (
            "PostgreSQL runs as 'nobody', because this system has no user 'postgres'. Other programs that run as "
            "'nobody' can reach its files. Name a user of its own in OMNIOPS_POSTGRES_USER.",
        )
    if user.pw_uid == 0:
        raise ConfigError(
            f"OMNIOPS_POSTGRES_USER names {name!r}, which is root; PostgreSQL refuses to run as root.",
            do="Name an existing unprivileged user.",
        )
    return user, ()


def prepare_home(folder: Path, user: pwd.struct_passwd, known: Iterable[str]) -> None:
    """Creates the home where it is missing; refuses one that is someone else's or holds something else.

    `known` are the names of our own entries. Folders that exist keep their modes, parents always do.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        # Explicit, because a strict umask of root would shut out the server's user.
        path.chmod((0o710 if path == folder else 0o711) if is_root() else 0o700)
        if is_root() and path == folder:
            os.chown(path, 0, user.pw_gid)
    if not folder.is_dir():
        raise ConfigError(f"{folder} must be a folder for the database, and it is a file.", do="Name another path.")
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"The database folder {folder} belongs to {_name(found.st_uid)}, and OmniOps runs as "
            f"{_name(os.geteuid())}.",
            do="Start OmniOps as its owner, or name another data folder.",
        )
    if found.st_mode & (0o022 if is_root() else 0o002):
        raise ConfigError(
            f"Others may write into the database folder {folder} (mode {stat.S_IMODE(found.st_mode):04o}).",
            do=f"Run `chmod go-w {folder}`.",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"The database folder {folder} is not writable.", do="Make it writable, or name another.")
    strangers = {path.name for path in folder.iterdir()} - set(known) - {"lost+found"}
    if strangers and not (folder / "data").exists():
        raise ConfigError(
            f"The database folder {folder} holds {min(strangers)!r}, which is not OmniOps's.",
            do="Name an empty folder, or one that OmniOps made.",
        )


def check_reach(user: pwd.struct_passwd, *folders: Path) -> None:
    """Refuses folders that the server's user cannot walk to. Tried as that user, so that ACLs and mounts count."""
    if not is_root():
        return
    chain = [str(path) for folder in folders for path in (*reversed(folder.parents), folder)]
    walk = 'for p; do cd -- "$p" 2>/dev/null || { printf %s "$p"; exit 1; }; done'
    tried = subprocess.run(
        ["/bin/sh", "-c", walk, "sh", *chain],
        capture_output=True,
        text=True,
        **as_user(user),
    )
    if tried.returncode:
        raise ConfigError(
            f"The user {user.pw_name!r}, as whom PostgreSQL runs, cannot enter {tried.stdout}, and so cannot reach "
            f"{' and '.join(str(folder) for folder in folders if folder.is_relative_to(tried.stdout))}.",
            do=f"Name a data folder elsewhere (root's default is /var/lib/omniops), or, if others may pass through "
            f"that folder, run `chmod o+x {tried.stdout}`. OmniOps never does that by itself.",
        )


def socket_folder(folder: Path, user: pwd.struct_passwd, base: Path | None) -> Path:
    """Creates the folder of the server's socket: short, one per home, closed to everybody but the server's user.

    `base` is where it is made; by default /run/omniops for root, else $XDG_RUNTIME_DIR/omniops, else
    /tmp/omniops-UID. Anyone can plant a name in /tmp, so a base that is a link or someone else's is refused.
    """
    name = short_name(folder)
    base = base.absolute() if base else _default_base(name)
    path = base / name
    if not _fits(path):
        raise ConfigError(
            f"The socket path {socket(path, PORT)} is longer than the {_SOCKET_LIMIT} bytes that the system allows.",
            do="Name a shorter run folder.",
        )
    _make(base, 0o711 if is_root() else 0o700)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigError(
            f"The run folder {base} must be a folder of {_name(os.geteuid())} that nobody else can write in. It is "
            f"{stat.filemode(found.st_mode)} and belongs to {_name(found.st_uid)}.",
            do="Remove it, or name another.",
        )
    _make(path, 0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{path} must be the folder of the database's socket, and it is not one.", do="Remove it.")
    give(path, user)
    path.chmod(0o700)
    return path


def _default_base(name: str) -> Path:
    if is_root():
        return Path("/run/omniops" if Path("/run").is_dir() else "/var/run/omniops")
    session = os.environ.get("XDG_RUNTIME_DIR")
    if session:
        # Inherited through `su` and `sudo` it names a folder of somebody else.
        usable = Path(session).is_dir() and Path(session).stat().st_uid == os.geteuid()
        if usable and _fits(Path(session) / "omniops" / name):
            return Path(session) / "omniops"
    return Path(f"/tmp/omniops-{os.geteuid()}")  # noqa: S108  socket_folder() checks owner, type and mode


def _fits(path: Path) -> bool:
    return len(os.fsencode(socket(path, PORT))) <= _SOCKET_LIMIT


def _make(path: Path, mode: int) -> None:
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return
    path.chmod(mode)


def _name(uid: int) -> str:
    try:
        return repr(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"user id {uid}"
