"""The embedded server as a process of this system: which one it is, what is left when it was killed, who may act."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil


class PidFile(NamedTuple):
    """What a server writes into `postmaster.pid`. `host` is the folder of its socket."""

    pid: int
    host: str
    port: int
    status: str


def pid_file(data: Path) -> PidFile | None:
    """None where there is no such file or the server has only begun to write it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        # The order of lines is PostgreSQL's src/include/utils/pidfile.h. It fills them in one after the other.
        return PidFile(int(lines[0]), lines[4], int(lines[3]), "".join(lines[7:8]).strip())
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def postmaster(data: Path) -> psutil.Process | None:
    """The living server process of a data folder. Pids are used again, so more than the number must fit."""
    found = pid_file(data)
    if found is None:
        return None
    try:
        process = psutil.Process(abs(found.pid))  # negative: a single-user session
        if process.uids().real != data.stat().st_uid:
            return None
        # Root in a container may not read another user's `cwd`, but everybody may read the command line. A zombie
        # has neither.
        fits = str(data) in process.cmdline() or process.cwd() == str(data)
    except (psutil.Error, FileNotFoundError):
        return None
    return process if fits else None


def remove_stale_notes(data: Path, socket: Path) -> None:
    """Removes the pid files of a dead server. PostgreSQL would believe them as long as their pid is a zombie's, which
    nobody reaps in many containers, or another process's.
    """
    (data / "postmaster.pid").unlink(missing_ok=True)
    lock = socket.with_name(f"{socket.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        # Not the one of a living server of other data, whose socket this is then.
        if str(data) in lock.read_text().splitlines():
            lock.unlink()


def end_orphans(uid: int, *marks: str) -> None:
    """Kills what killed processes left: a busy backend notices late, and nothing may write beside a new server.

    Meant are processes of that user whose command line holds one of `marks`.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real != uid or not any(mark in " ".join(process.cmdline()) for mark in marks):
                continue
            parent = process.parent()
            # The child of a living server is no orphan, even if that server's files are not the ones seen here.
            if parent is None or parent.name() != "postgres":
                process.kill()


def until(done: Callable[[], bool], seconds: float | None, *, poll: float = 0.005) -> bool:
    """Whether `done` came true within that time. None waits for ever. It is asked at least once."""
    end = None if seconds is None else time.monotonic() + seconds
    while not done():
        if end is not None and time.monotonic() >= end:
            return False
        time.sleep(poll)
    return True


def open_lock(path: Path) -> int:
    """A descriptor to lock. Each opening is a holder of its own, even within one process."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """The same for the length of a block; closing it unlocks it, unless a child has inherited it."""
    descriptor = open_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Takes the lock exclusively if that is possible at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
