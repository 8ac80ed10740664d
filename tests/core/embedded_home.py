"""A scratch home of the embedded server, and what is asked of it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from omniops.database import embedded_process
from omniops.database.binaries import Binaries
from omniops.database.embedded import EmbeddedPostgres, Server
from psycopg.conninfo import make_conninfo

PASSWORD = "correct horse battery staple"


ROOT = os.geteuid() == 0


class Home:
    """A scratch place for one home and its sockets. Not `tmp_path`: pytest closes that to the server's user."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folder = base / "home"
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.children: list[Child] = []

    def postgres(
        self, *, password: str = PASSWORD, user: str | None = None, programs: Binaries | None = None
    ) -> EmbeddedPostgres:
        return EmbeddedPostgres(
            self.folder, password=password, user=user, run_folder=self.base / "run", binaries=programs
        )

    def child(self, *, user: str | None = None) -> Child:
        self.children.append(Child(self, user))
        return self.children[-1]

    def close(self) -> None:
        while self.children:
            self.children.pop().kill()
        owner = pwd.getpwuid(self.data.stat().st_uid).pw_name if self.data.exists() else None
        self.postgres(user=owner).stop()

    def postmaster(self) -> int:
        process = embedded_process.postmaster(self.data)
        assert process is not None
        return process.pid


class Child:
    """Another process of ours with its own `EmbeddedPostgres`, told what to do line by line."""

    PROGRAM = """
import os, pwd, sys
from pathlib import Path
from omniops.database.embedded import EmbeddedPostgres
folder, run, password, user = sys.argv[1:]
if user:
    os.setgroups([]); os.setgid(pwd.getpwnam(user).pw_gid); os.setuid(pwd.getpwnam(user).pw_uid)
postgres = EmbeddedPostgres(Path(folder), password=password, run_folder=Path(run))
for line in sys.stdin:
    try:
        result = getattr(postgres, line.strip())()
        print("ok", result, flush=True)
    except Exception as error:
        print(type(error).__name__, str(error).replace(chr(10), " "), flush=True)
"""

    def __init__(self, home: Home, user: str | None) -> None:
        arguments = [str(home.folder), str(home.base / "run"), PASSWORD, user or ""]
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def say(self, method: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{method}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return next(line for line in self.process.stdout if line.startswith(("ok", "ConfigError", "NotReady")))

    def call(self, method: str) -> str:
        self.say(method)
        return self.hear()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def scratch() -> Iterator[Home]:
    base = Path(tempfile.mkdtemp(prefix="omniops-pg-", dir="/tmp"))
    base.chmod(0o711)
    home = Home(base)
    yield home
    home.close()
    shutil.rmtree(base)


def connect(server: Server, **changed: str) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(**{**server.parameters(), **changed}), autocommit=True)


def ask(server: Server, *statements: str) -> list[tuple[Any, ...]]:
    """Runs statements, each in its own transaction, as psql would: text only, nothing prepared."""
    with connect(server) as connection, psycopg.ClientCursor(connection) as cursor:
        for statement in statements:
            cursor.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def born(server: Server) -> object:
    return ask(server, "select pg_postmaster_start_time()")[0][0]


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_and_fail(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def held(lock: Path) -> bool:
    with embedded_process.opened(lock) as own:
        return not embedded_process.try_lock(own)


def as_owner(data: Path) -> dict[str, Any]:
    """Arguments that run a program as the server's user."""
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}


def wait_for(condition: Callable[[], bool]) -> None:
    assert embedded_process.until(condition, 30, poll=0.001), "never came true"
