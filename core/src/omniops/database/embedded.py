"""The embedded PostgreSQL: made, started, shared, re-attached and stopped by OmniOps itself.

Three locks of the kernel (flock) in the home folder say all there is to know, and a `kill -9` frees them:

- `postgres.start`, exclusive: one process at a time makes, starts or stops the server.
- `postgres.users`, shared by every process that uses the server: who can take it exclusively is the last one.
- `postgres.server`, exclusive: inherited by `initdb`, the server and all its children, so it is held for exactly as
  long as one of them lives, be it an orphan of a killed server or a server in another container.

A server outlives its users when they are killed; the next `start` finds it by `postmaster.pid` and attaches. Every
method can block, so none may be called in an event loop. Unix only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from omniops import logs
from omniops.database import embedded_cluster as cluster
from omniops.database import embedded_place as place
from omniops.database.binaries import Binaries, find
from omniops.database.embedded_log import ServerLog
from omniops.database.embedded_process import (
    PidFile,
    end_orphans,
    open_lock,
    opened,
    pid_file,
    postmaster,
    remove_stale_notes,
    try_lock,
    until,
)
from omniops.database.embedded_settings import PORT, command_line
from omniops.errors import ConfigError, NotReady

_HOME = frozenset({
    "data", "data.partial", "binaries", "postgres.log", "postgres.log.1",
    "postgres.start", "postgres.users", "postgres.server",
})  # fmt: skip
_LAST_BREATH = 10.0
"""Seconds for processes that must end at once: orphans, and a server that was told to drop everything."""
_CLEAN_STOP = 30.0
"""Seconds for the last checkpoint: 128 MB of buffers on a slow disk. Then it is cut short, which loses nothing."""
_WRONG_PASSWORD = "password authentication failed"  # noqa: S105  words of PostgreSQL
_RECOVERING = "the database system is"
_DISK_FULL = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EFBIG: "File too large",
}
_WAL_SEGMENT = 16 << 20

log = logs.logger("database")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answered. `host` is the folder of its Unix socket; `warnings` are sentences for the operator."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    warnings: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """The superuser's connection, as libpq names its parts."""
        return {
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "dbname": "postgres",
        }


class EmbeddedPostgres:
    """The server of one home folder, as seen by one process. Any number of processes may use it at once.

    `folder` is made where it is missing, and holds nothing else. `password` is the superuser's: set when the data is
    made, checked at every start. `user` is whom the server runs as when root starts it. `run_folder` holds the
    socket; see `embedded_place.socket_folder` for the default. `timeout`, in seconds, bounds the wait for a start:
    recovery after a crash can take minutes on a slow disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        user: str | None = None,
        run_folder: Path | None = None,
        binaries: Binaries | None = None,
        max_connections: int = 100,
        timeout: float = 120.0,
    ) -> None:
        if not password or "\n" in password:
            raise ConfigError("The password of the embedded database must be one line that is not empty.")
        # Resolved, so that every spelling of a path is the same home and the same socket.
        self.folder = Path(os.path.realpath(folder))
        self.server_log = ServerLog(self.folder / "postgres.log")
        self._data = self.folder / "data"
        self._name = f"omniops-{place.short_name(self.folder)}"
        self._password = password
        self._user, self._warnings = place.server_user(user)
        self._run_folder = run_folder
        self._binaries = binaries
        self._max_connections = max_connections
        self._timeout = timeout
        self._users: int | None = None

    def start(self) -> Server:
        """Attaches to the running server, or starts it, or first makes its data; then counts as its user.

        Raises `ConfigError` for a folder, user, password or version that does not fit, and `NotReady` for what can
        pass: a full disk, a recovery that outlasts the timeout. Safe to call again when the server has died.
        """
        with self._told():
            place.prepare_home(self.folder, self._user, _HOME)
            with self._start_lock():
                with opened(self.folder / "postgres.server") as lock:
                    # A server whose starter was killed holds the lock for a moment before it writes postmaster.pid.
                    until(lambda: self.running() or self._free(lock), _LAST_BREATH)
                made_by = cluster.made_by(self._data, self._user)
                server = self._attach() or self._launch(made_by)
                if self._users is None:
                    self._users = open_lock(self.folder / "postgres.users")
                    # Never waits: it is taken exclusively under the start lock only, which we hold.
                    fcntl.flock(self._users, fcntl.LOCK_SH)
                return server

    def release(self) -> None:
        """Ends this process's use. The last one out stops the server. Without a `start` it does nothing."""
        if self._users is None:
            return
        with self._told(), self._start_lock():
            if try_lock(self._users):
                self._shut_down()
            self._leave()

    def stop(self) -> None:
        """Stops the server for all its users: ends their connections, writes everything out, waits for the end."""
        if not self._data.exists():
            return
        with self._told(), self._start_lock():
            self._shut_down()
            self._leave()

    def running(self) -> bool:
        """Whether the server process of this folder lives. It may still be starting or already be stopping."""
        with self._told():
            return postmaster(self._data) is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the server's end: True when it has ended, False after `timeout` seconds. Caps its log meanwhile."""

        def ended() -> bool:
            self.server_log.cap()
            return not self.running()

        return until(ended, timeout, poll=0.1)

    # Under the start lock: attaching, starting, stopping

    def _attach(self) -> Server | None:
        process, found = postmaster(self._data), pid_file(self._data)
        if process is None or found is None:
            return None
        with opened(self.folder / "postgres.server") as lock:
            ours = not try_lock(lock)
        by_hand = f"The server in {self._data} (process {process.pid}) was not started by OmniOps"
        lost = found.status == "ready" and not place.socket(Path(found.host), found.port).is_socket()
        if lost and not ours:
            raise NotReady(f"{by_hand} and has no socket.", do="Stop it, and OmniOps will start it.")
        if lost or found.status == "stopping":
            # The socket's folder was cleaned away, as $XDG_RUNTIME_DIR is at logout: nobody can ever connect again.
            self._shut_down()
            return None
        server = self._let_in(process.pid, self.running)
        if server is None:
            return None
        log.info("postgres attached", folder=str(self.folder), pid=process.pid)
        if ours:
            return server
        by_hand += ": its settings, and what it logs, are not OmniOps's. Stop it, and OmniOps will start it."
        return replace(server, warnings=(*server.warnings, by_hand))

    def _launch(self, made_by: int | None) -> Server:
        run_folder = place.socket_folder(self.folder, self._user, self._run_folder)
        place.check_reach(self._user, self.folder, run_folder)
        self.server_log.cap()
        since = self.server_log.size()
        with self._server_lock() as lock:
            binaries = self._choose(made_by)
            if made_by is None:
                self._create(binaries, lock)
            # Surely stale, for the lock is ours.
            remove_stale_notes(self._data, place.socket(run_folder, PORT))
            settings = command_line(
                self._data,
                run_folder,
                version=binaries.version,
                name=self._name,
                max_connections=self._max_connections,
            )
            with self.server_log.writer(self._user) as (output, log_filter):
                process = subprocess.Popen(
                    [binaries.program("postgres"), "-D", self._data, *settings],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(lock,),
                    start_new_session=True,
                    **place.as_user(self._user),
                )
        # Reaped whenever they end: a dead server must not stay as the zombie of a living supervisor.
        for child in (process, log_filter):
            threading.Thread(target=child.wait, name="postgres-reaper", daemon=True).start()
        try:
            server = self._let_in(process.pid, lambda: process.poll() is None, since)
        except ConfigError:
            self._shut_down()
            raise
        if server is None:
            until(lambda: log_filter.poll() is not None, _LAST_BREATH)
            raise self._failure("PostgreSQL did not start", self.server_log.tail(since))
        log.info("postgres started", folder=str(self.folder), source=binaries.source, pid=process.pid)
        return server

    def _choose(self, made_by: int | None) -> Binaries:
        binaries = self._binaries or find(prefer=made_by)
        if made_by is not None and made_by != binaries.version:
            raise ConfigError(
                f"The data folder {self._data} was made by PostgreSQL {made_by}, and the programs found are "
                f"PostgreSQL {binaries.version} ({binaries.source}), which cannot open it.",
                do=f"Install the programs of PostgreSQL {made_by} beside them. To change the version, make a backup "
                "with those, move the folder away and restore.",
            )
        if place.is_root() and not binaries.readable_by(self._user):
            binaries = binaries.copy_into(self.folder / "binaries")
            if not binaries.readable_by(self._user):
                raise ConfigError(
                    f"The user {self._user.pw_name!r} cannot run {binaries.program('postgres')}.",
                    do="Name a data folder on a file system that allows programs (mounted without noexec).",
                )
        return binaries

    def _create(self, binaries: Binaries, lock: int) -> None:
        try:
            cluster.create(self._data, binaries, user=self._user, password=self._password, lock=lock)
        except cluster.InitdbError as error:
            raise self._failure("The data folder of PostgreSQL could not be made", str(error)) from error

    def _let_in(self, pid: int, alive: Callable[[], bool], since: int = 0) -> Server | None:
        """Waits until the server lets us in; None when it has ended instead.

        A connection also proves that the server is ours: only one that knows the password passes SCRAM.
        """
        refusal = ""

        def decided() -> bool:
            nonlocal refusal
            found = pid_file(self._data)
            if found and found.pid == pid and found.status == "ready":
                refusal = self._refusal(found)
                if _WRONG_PASSWORD in refusal:
                    raise ConfigError(
                        f"The database in {self._data} does not accept the password derived from this root key.",
                        do="Check that the keys folder is the one that this data folder was made with.",
                    )
                if not refusal:
                    return True
            return not alive()

        if not until(decided, self._timeout):
            raise NotReady(
                f"PostgreSQL in {self._data} (process {pid}) let nobody in for {self._timeout:.0f} seconds; it was "
                f"left running. {refusal}\nLast lines of {self.server_log.path}:\n{self.server_log.tail(since)}",
                do="Start again to go on waiting.",
            )
        found = pid_file(self._data)
        if found is None or not alive():
            return None
        return self._server(found)

    def _server(self, found: PidFile) -> Server:
        return Server(found.host, found.port, cluster.ADMIN, self._password, self._warnings)

    def _refusal(self, found: PidFile) -> str:
        """Why the server does not let us in, in its own words; empty when it does."""
        try:
            psycopg.connect(make_conninfo(**self._server(found).parameters(), connect_timeout=10)).close()
        except psycopg.OperationalError as error:
            return str(error)
        return ""

    def _shut_down(self) -> None:
        found = pid_file(self._data)
        # PostgreSQL 18 hangs for ever when it is told to stop while it recovers from a crash. Recovery can be
        # broken off without loss: the next start begins it again.
        recovering = found is not None and (
            found.status in ("", "starting") or (found.status == "ready" and _RECOVERING in self._refusal(found))
        )
        ways = (
            {signal.SIGQUIT: _LAST_BREATH} if recovering else {signal.SIGINT: _CLEAN_STOP, signal.SIGQUIT: _LAST_BREATH}
        )
        for how, patience in ways.items():
            process = postmaster(self._data)
            if process is None:
                break
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
            if until(lambda: not self.running(), patience):
                log.info("postgres stopped", folder=str(self.folder))
                break
        else:
            raise NotReady(f"PostgreSQL in {self._data} did not stop.", do=f"See {self.server_log.path}.")
        # Its last act but one is to remove postmaster.pid; the lock tells when it and its children have really gone.
        with self._server_lock(), suppress(OSError):
            if found is not None and Path(found.host).name == place.short_name(self.folder):
                Path(found.host).rmdir()

    # Locks, log, errors

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        with opened(self.folder / "postgres.start") as lock:
            if not until(lambda: try_lock(lock), self._timeout):
                raise NotReady(
                    f"Another process has been starting or stopping the database in {self.folder} for "
                    f"{self._timeout:.0f} seconds.",
                    do=f"See {self.server_log.path}.",
                )
            yield

    @contextmanager
    def _server_lock(self) -> Iterator[int]:
        """The lock that says no server lives here."""
        with opened(self.folder / "postgres.server") as lock:
            if not until(lambda: self._free(lock), _LAST_BREATH):
                raise NotReady(
                    f"A server uses the database folder {self.folder}, and this system does not show where it runs.",
                    do="Stop it. Does another container have the same folder?",
                )
            yield lock

    def _free(self, lock: int) -> bool:
        """Tries to take the server's lock. While it cannot be had, ends what a killed server has left behind."""
        if try_lock(lock):
            return True
        # PostgreSQL shows `cluster_name` in the command line of each child.
        end_orphans(self._user.pw_uid, f"postgres: {self._name}: ", f"--pgdata={self._data}.partial")
        return False

    def _leave(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _failure(self, what: str, output: str) -> NotReady:
        # A disk may be too full for the line in the log that says so.
        nothing_left = shutil.disk_usage(self.folder).free < _WAL_SEGMENT
        if nothing_left or any(sign in output for sign in _DISK_FULL.values()):
            return self._disk_full(what)
        return NotReady(f"{what} in {self.folder}. Its last lines:\n{output}")

    def _disk_full(self, what: str) -> NotReady:
        return NotReady(
            f"{what}: the disk of {self.folder} is full.", do="Free some space (200 MB at least) and start again."
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the system refuses is told as what it means for the database."""
        try:
            yield
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise self._disk_full("PostgreSQL cannot run") from error
            raise ConfigError(
                f"The database folder {self.folder} cannot be used: {error}.",
                do="Check its owner, its mode and its file system.",
            ) from error
