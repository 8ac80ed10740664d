"""The embedded server's log file: what may enter it, how long it grows, what is quoted from it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omniops.database import embedded_place as place

_CAP = 4 << 20
_QUOTED_LINES = 8
_FILTER = """\
while IFS= read -r line; do
    case $line in *'STATEMENT:  '* | '\t'*) ;; *) printf '%s\\n' "$line" ;; esac
done"""
"""Lets every line pass but a statement's. PostgreSQL has no setting that keeps back the statement of a PANIC, which a
full disk causes; its further lines begin with a tab."""


class ServerLog:
    """One file, private to us, and its predecessor `.1`. The server gets a pipe to it, never the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writer(self, user: pwd.struct_passwd) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
        """A descriptor to log into, and the filter behind it, which ends when the last copy of it is closed."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(self.path, flags, 0o600)
        readable, writable = os.pipe()
        try:
            try:
                passing = subprocess.Popen(
                    ["/bin/sh", "-c", _FILTER, "postgres-log"],
                    stdin=readable,
                    stdout=file,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    **place.as_user(user),
                )
            finally:
                os.close(readable)
                os.close(file)
            yield writable, passing
        finally:
            os.close(writable)

    def size(self) -> int:
        """Bytes so far: a mark for `tail`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def tail(self, since: int = 0) -> str:
        """The last lines, of those that were written after the mark."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as lines:
            lines.seek(since)
            return "\n".join(lines.read().decode(errors="replace").splitlines()[-_QUOTED_LINES:])

    def cap(self) -> None:
        """Copies and truncates: the filter keeps the file open for years, and appends, so it goes on at the start."""
        with suppress(FileNotFoundError):
            if self.path.stat().st_size > _CAP:
                shutil.copy(self.path, f"{self.path}.1")
                os.truncate(self.path, 0)
