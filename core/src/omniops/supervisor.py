"""`omniops up`: PostgreSQL, web and worker as children of one process, each restarted by itself."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from omniops.bootstrap import Prepared
from omniops.contracts.plugin import Log
from omniops.errors import ConfigError, OmniOpsError
from omniops.settings import Settings

BACK_OFF = (0.2, 1.0, 3.0, 10.0, 30.0)
HEALTHY_SECONDS = 60.0
STOP_SECONDS = 15.0


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One `up` per data folder. Raises `ConfigError` that names the other process."""
    path = settings.data_dir / "up.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(descriptor, 40).decode("ascii", "replace").strip() or "another process"
            raise ConfigError(
                f"OmniOps already runs on {settings.data_dir} (process {other}).",
                do="Stop it first, or use another folder with OMNIOPS_DATA_DIR.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Child:
    """One kind of process, kept running."""

    name: str
    command: Sequence[str]
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started: float = 0.0
    not_before: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts children, watches them and the database, stops them in order."""

    settings: Settings
    ready: Prepared
    log: Log
    children: list[Child] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def add(self, name: str, arguments: Sequence[str], pass_fds: tuple[int, ...] = ()) -> None:
        """A child that runs `omniops ARGUMENTS --supervised`."""
        self.children.append(Child(name, [sys.executable, "-m", "omniops", *arguments, "--supervised"], pass_fds))

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Runs until a signal. `on_ready` is called once, from a thread, when the children were started."""
        _no_core_dumps()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        threading.Thread(target=self._watch_database, daemon=True, name="database").start()
        for child in self.children:
            self._start(child)
        if on_ready is not None:
            threading.Thread(target=on_ready, daemon=True, name="ready").start()
        try:
            while not self._stop.wait(0.2):
                for child in self.children:
                    self._look(child)
        finally:
            self._stop_all()

    def stop(self) -> None:
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def _start(self, child: Child) -> None:
        # The child's input is our end of a pipe: when we are gone, however that came about, it ends as well.
        child.process = subprocess.Popen(child.command, stdin=subprocess.PIPE, pass_fds=child.pass_fds)
        assert child.process.stdin is not None
        with suppress(BrokenPipeError):  # it ended already, and is started again
            child.process.stdin.write(self.settings.to_line())
            child.process.stdin.flush()
        child.started = time.monotonic()

    def _look(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.failures = 0 if now - child.started > HEALTHY_SECONDS else child.failures + 1
            child.not_before = now + BACK_OFF[min(child.failures, len(BACK_OFF) - 1)]
            self.log.error("child.ended", child=child.name, code=code, failures=child.failures)
            _close(child.process)
            child.process = None
        elif now >= child.not_before:
            self._start(child)

    def _watch_database(self) -> None:
        """Brings the embedded server back when it ended. The children meet it as a database that was away."""
        postgres = self.ready.postgres
        while postgres is not None and not self._stop.is_set():
            if not postgres.wait(timeout=1.0) or self._stop.is_set():
                continue
            self.log.error("database.ended")
            try:
                postgres.start()
                self.log.info("database.back")
            except OmniOpsError as error:
                self.log.error("database.not_back", said=str(error))
                self._stop.wait(5.0)

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _no_core_dumps() -> None:
    """A process's memory can hold what people wrote; it must not land on disk when the process crashes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def wait_for(host: str, port: int, seconds: float) -> bool:
    """Whether something answers on a port within a time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
