"""The embedded server's life: first start, sharing, kills and recovery, and what its log may hold."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from omniops.database import embedded_process
from omniops.database.binaries import Binaries, find
from omniops.database.embedded import EmbeddedPostgres, Server
from omniops.errors import ConfigError, NotReady
from psycopg.conninfo import make_conninfo

PASSWORD = "correct horse battery staple"
ROOT = os.geteuid() == 0
CANARY = "canary-4711"


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


@pytest.fixture
def empty() -> Iterator[Home]:
    with scratch() as home:
        yield home


@pytest.fixture(scope="module")
def shared() -> Iterator[Home]:
    with scratch() as home:
        making = home.postgres()
        making.start()
        making.stop()
        yield home


@pytest.fixture
def home(shared: Home) -> Iterator[Home]:
    """A home with data and no server, the same for all tests of this file: making the data takes the longest."""
    shared.close()
    shared.log.unlink(missing_ok=True)
    yield shared
    shared.close()


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


def pg_ctl(folder: Path) -> str:
    """The program as the server's own user can run it: from the copy, where one had to be made."""
    copies = sorted((folder / "binaries").glob("*/**/bin/pg_ctl"))
    return str(copies[0] if copies else find().program("pg_ctl"))


def as_owner(data: Path) -> dict[str, Any]:
    """Arguments that run a program as the server's user."""
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}


def wait_for(condition: Callable[[], bool]) -> None:
    assert embedded_process.until(condition, 30, poll=0.001), "never came true"


DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


@pytest.mark.parametrize("program", [None, *DEBIAN], ids=lambda path: path.parts[4] if path else "first provider")
def test_data_survives_a_restart_under_every_installed_postgresql(empty: Home, program: Path | None) -> None:
    programs = find(prefer=int(program.parts[4]), wheels=()) if program else None
    first, second = empty.postgres(programs=programs), empty.postgres(programs=programs)
    server = first.start()
    made = born(server)
    ask(server, "create table if not exists kept (n int)", "truncate kept", "insert into kept values (42)")
    first.release()
    assert not first.running()
    server = second.start()
    assert ask(server, "select n from kept") == [(42,)]
    assert born(server) != made
    second.release()


def test_settings_that_promises_rest_on_cannot_be_changed_in_sql_or_files(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    expected = {
        "listen_addresses": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "log_statement": "none",
        "log_min_messages": "log",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
    }
    ask(
        server,
        "alter system set log_statement = 'all'",
        "alter system set fsync = off",
        "alter system set listen_addresses = '*'",
    )
    with (home.data / "postgresql.conf").open("a") as file:
        file.write("log_min_messages = debug1\n")
    with (home.data / "omniops.conf").open("a") as file:
        file.write("log_error_verbosity = verbose\nwork_mem = 5MB\n")
    postgres.stop()
    server = postgres.start()
    settings = dict(ask(server, "select name, setting from pg_settings"))
    assert {name: settings[name] for name in expected} == expected
    assert settings["work_mem"] == "5120", "the operator's own file tunes the rest"
    postgres.release()


def test_last_one_out_stops_the_server(home: Home) -> None:
    child, postgres = home.child(), home.postgres()
    assert child.call("start").startswith("ok")
    pid = home.postmaster()
    postgres.start()
    assert home.postmaster() == pid
    assert child.call("release").startswith("ok")
    assert postgres.running()
    postgres.release()
    assert not postgres.running()
    assert not lives(pid)
    assert list((home.base / "run").iterdir()) == [], "no empty folder stays behind"


def test_stop_ends_it_for_all_users_and_each_can_start_it_again(home: Home) -> None:
    child, postgres = home.child(), home.postgres()
    child.call("start")
    postgres.start()
    postgres.stop()
    assert child.call("running").split() == ["ok", "False"]
    assert child.call("start").startswith("ok")
    assert child.call("release").startswith("ok")
    assert not postgres.running()


def test_many_processes_that_start_at_once_share_one_server(empty: Home) -> None:
    children = [empty.child() for _ in range(3)]
    for child in children:
        child.say("start")
    assert [child.hear().split()[0] for child in children] == ["ok"] * 3
    for child in children[1:]:
        child.call("release")
    assert empty.postgres().running()
    children[0].call("release")
    assert not empty.postgres().running()


def test_server_outlives_its_killed_owner_and_is_attached_again(home: Home) -> None:
    child = home.child()
    child.call("start")
    pid = home.postmaster()
    child.kill()
    postgres = home.postgres()
    assert postgres.running()
    postgres.start()
    assert home.postmaster() == pid
    postgres.release()
    assert not postgres.running(), "a killed user must not count as a user"


def test_killed_server_is_recovered_though_a_backend_of_it_is_busy(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    ask(server, "create table if not exists kept (n int)", "truncate kept", "insert into kept values (1)")
    busy = connect(server)
    orphan = busy.info.backend_pid
    # A loop without any wait never looks whether its postmaster lives.
    looping = threading.Thread(daemon=True, target=run_and_fail, args=(busy, "do 'begin loop end loop; end'"))
    looping.start()
    wait_for(lambda: ask(server, f"select 1 from pg_stat_activity where pid = {orphan} and state = 'active'") != [])
    os.kill(home.postmaster(), signal.SIGKILL)
    assert postgres.wait(30)
    assert lives(orphan), "else this test shows nothing"
    server = postgres.start()
    assert ask(server, "select n from kept") == [(1,)]
    looping.join(30)
    assert not lives(orphan)
    busy.close()
    postgres.release()


def test_pid_of_a_dead_server_that_another_process_has_now_is_no_obstacle(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    note = (home.data / "postmaster.pid").read_text()
    pid = home.postmaster()
    postgres.stop()
    user = pwd.getpwuid(home.data.stat().st_uid)
    other = subprocess.Popen(["/bin/sh", "-c", "read x"], stdin=subprocess.PIPE, **as_owner(home.data))
    try:
        stale = home.data / "postmaster.pid"
        stale.write_text(note.replace(str(pid), str(other.pid), 1))
        os.chown(stale, user.pw_uid, user.pw_gid)
        assert not postgres.running()
        assert postgres.start() == server
        postgres.release()
        assert other.poll() is None, "a stranger was stopped"
    finally:
        other.communicate()


@pytest.mark.parametrize("moment", ["data.partial", "data.partial/pg_wal", "data.partial/base/1/PG_VERSION", "data"])
def test_kill_in_the_middle_of_the_first_start_leaves_nothing_half_made(empty: Home, moment: str) -> None:
    child = empty.child()
    child.say("start")
    wait_for((empty.folder / moment).exists)
    child.kill()
    postgres = empty.postgres()
    server = postgres.start()
    assert ask(server, "select count(*) > 2000 from pg_proc") == [(True,)]
    assert not (empty.folder / "data.partial").exists()
    postgres.release()


def test_a_server_whose_starter_was_killed_at_once_is_waited_for(home: Home) -> None:
    """Held up between its start and its first sign, which is a matter of milliseconds in life."""
    postgres = home.postgres()
    server = postgres.start()
    command = psutil.Process(home.postmaster()).cmdline()
    postgres.stop()
    Path(server.host).mkdir()
    shutil.chown(server.host, home.data.stat().st_uid)
    with embedded_process.opened(home.folder / "postgres.server") as lock:
        assert embedded_process.try_lock(lock)
        late = subprocess.Popen(
            ["/bin/sh", "-c", 'read go; exec "$@"', "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            **as_owner(home.data),
        )
    found: list[Server] = []
    starting = threading.Thread(daemon=True, target=lambda: found.append(postgres.start()))
    starting.start()
    wait_for(lambda: held(home.folder / "postgres.start"))
    assert late.stdin is not None
    late.stdin.write(b"go\n")
    late.stdin.flush()
    starting.join(30)
    assert found == [server]
    assert home.postmaster() == late.pid
    postgres.stop()
    late.communicate()


def test_lost_socket_folder_is_made_again(home: Home) -> None:
    postgres = home.postgres()
    old = postgres.start()
    made = born(old)
    shutil.rmtree(old.host)
    server = postgres.start()
    assert born(server) != made
    postgres.release()


def test_stop_in_the_middle_of_a_recovery_does_not_hang(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    ask(server, "create table if not exists kept (n int)", "truncate kept", "insert into kept values (7)")
    with connect(server) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        wait_for(lambda: "all server processes terminated" in home.log.read_text())
        postgres.stop()
        with pytest.raises(psycopg.Error):
            victim.execute("select 1")
    last = home.log.read_text().rpartition("all server processes terminated")[2]
    assert "received immediate shutdown" in last
    assert "received fast shutdown" not in last
    assert ask(postgres.start(), "select n from kept") == [(7,)]
    postgres.release()


def test_wait_tells_a_living_server_from_a_dead_one(home: Home) -> None:
    postgres = home.postgres()
    postgres.start()
    assert postgres.wait(0) is False
    os.kill(home.postmaster(), signal.SIGKILL)
    assert postgres.wait() is True
    postgres.start()
    postgres.release()


def test_a_server_started_by_hand_is_used_and_named_in_a_warning(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    assert server.warnings == ()
    postgres.stop()
    Path(server.host).mkdir()
    shutil.chown(server.host, home.data.stat().st_uid)
    options = f"-c listen_addresses= -k {server.host}"
    subprocess.run(
        [pg_ctl(home.folder), "-D", str(home.data), "-w", "-l", "/dev/null", "-o", options, "start"],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        **as_owner(home.data),
    )
    with pytest.raises(ConfigError, match="password"):
        home.postgres(password="another").start()
    server = postgres.start()
    assert ask(server, "select 1") == [(1,)]
    assert "was not started by OmniOps" in server.warnings[0]
    postgres.stop()


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_the_same_life_for_an_unprivileged_owner(empty: Home) -> None:
    user = pwd.getpwnam("nobody")
    os.chown(empty.base, user.pw_uid, user.pw_gid)
    one, two = empty.child(user="nobody"), empty.child(user="nobody")
    assert one.call("start").startswith("ok")
    assert {path.lstat().st_uid for path in (empty.folder, empty.data, empty.log)} == {user.pw_uid}
    assert empty.folder.stat().st_mode & 0o777 == 0o700
    assert two.call("start").startswith("ok")
    one.kill()
    os.kill(empty.postmaster(), signal.SIGKILL)
    assert two.call("wait").split() == ["ok", "True"]
    assert two.call("start").startswith("ok")
    assert two.call("release").startswith("ok")
    assert not empty.postgres().running()


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_root_starts_it_as_the_named_user_and_keeps_the_home(empty: Home) -> None:
    postgres = empty.postgres(user="nobody")
    groups = os.getgroups()
    os.setgroups([*groups, pwd.getpwnam("root").pw_gid])
    try:
        postgres.start()
    finally:
        os.setgroups(groups)
    server = psutil.Process(empty.postmaster())
    nobody = pwd.getpwnam("nobody")
    assert set(server.uids()) == {nobody.pw_uid}
    assert set(server.gids()) == {nobody.pw_gid}
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "Groups:\t \n" in status, "it must keep none of root's groups"
    assert empty.data.stat().st_uid == nobody.pw_uid
    assert empty.data.stat().st_mode & 0o777 == 0o700
    assert {(empty.folder / name).stat().st_uid for name in ("", "postgres.log", "postgres.start")} == {0}
    postgres.stop()


def test_password_is_demanded_and_lies_nowhere(empty: Home) -> None:
    postgres = empty.postgres()
    server = postgres.start()
    for wrong in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            connect(server, password=wrong).close()
    with pytest.raises(ConfigError, match="does not accept the password"):
        empty.postgres(password="wrong").start()
    assert postgres.running(), "a stranger's failure must not stop the server of others"
    assert PASSWORD not in repr(server)
    postgres.stop()
    with pytest.raises(ConfigError, match="does not accept the password"):
        empty.postgres(password="wrong").start()
    assert not postgres.running(), "a server that nobody can use must not stay"
    for path in empty.base.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_server_inherits_nothing_of_our_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIOPS_SECRET", CANARY)
    postgres = home.postgres()
    postgres.start()
    assert CANARY not in psutil.Process(home.postmaster()).environ().values()
    postgres.release()


def fail_in_every_way(server: Server) -> None:
    """Statements that PostgreSQL answers with an error, a crash or a log line that quotes them by default."""
    for statement in (
        f"select '{CANARY}'::int",
        f'select * from "{CANARY}"',
        f"syntax {CANARY}",
        f"do $$ begin raise warning '{CANARY}'; raise exception '{CANARY}'; end $$",
        f"insert into people values ('{CANARY}')",
        f"notify events, '{CANARY}'",
        f"set log_statement = 'all'; set log_min_error_statement = 'error'; select '{CANARY}'::date",
    ):
        with contextlib.suppress(psycopg.Error):
            ask(server, statement)
    with connect(server) as connection:
        for statement in ("insert into people values (%s)", "select %s::text::int"):
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode(), [CANARY])


def test_no_statement_parameter_or_value_reaches_the_log(home: Home) -> None:
    postgres = home.postgres()
    server = postgres.start()
    ask(server, "create table people (name text unique)", "create table events (what text)")
    ask(server, f"insert into people values ('{CANARY}')")
    fail_in_every_way(server)

    # A crash: by default the log quotes what the dead backend was doing.
    victim = connect(server)
    pid = victim.info.backend_pid
    sleeping = threading.Thread(daemon=True, target=run_and_fail, args=(victim, f"select '{CANARY}', pg_sleep(60)"))
    sleeping.start()
    wait_for(lambda: ask(server, f"select 1 from pg_stat_activity where pid = {pid} and wait_event = 'PgSleep'") != [])
    os.kill(pid, signal.SIGKILL)
    sleeping.join(30)
    victim.close()
    wait_for(lambda: "was terminated by signal 9" in home.log.read_text())

    # A panic, for example of a full disk: no setting of PostgreSQL keeps its statement back.
    server = postgres.start()
    wal = home.data / "pg_wal"
    wal.chmod(0o500)

    def panicked() -> bool:
        with contextlib.suppress(psycopg.Error):  # not every failure is a panic
            ask(server, "select pg_switch_wal()", f"insert into events values ('{CANARY}\n{CANARY}')")
        return postgres.wait(0)

    wait_for(panicked)
    wal.chmod(0o700)
    wait_for(lambda: "PANIC" in home.log.read_text())

    postgres.start()
    postgres.stop()
    assert CANARY not in home.log.read_text()
    assert "database system is ready" in home.log.read_text(), "the log itself works"


def test_log_stays_short_while_the_server_lives(home: Home) -> None:
    postgres = home.postgres()
    postgres.start()
    with home.log.open("a") as file:
        file.write("noise\n" * (1 << 20))
    assert postgres.wait(0) is False
    postgres.stop()
    assert home.log.stat().st_size < 4096
    assert "shut down" in home.log.read_text(), "the server writes on after the cut"
    assert "noise" in (home.folder / "postgres.log.1").read_text()


@pytest.mark.skipif(not ROOT, reason="only root runs the server as another user")
def test_programs_in_a_closed_folder_are_copied_once(home: Home) -> None:
    closed = home.base / "venv"
    closed.mkdir(mode=0o700)
    private = find().copy_into(closed / "site-packages")
    assert not private.readable_by(pwd.getpwnam("postgres"))
    postgres = home.postgres(programs=private)
    postgres.start()
    running = Path(psutil.Process(home.postmaster()).exe())
    assert running.is_relative_to(home.folder / "binaries")
    postgres.stop()
    copied = running.stat().st_ino
    postgres.start()
    assert running.stat().st_ino == copied
    postgres.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_busy_start_lock_and_a_server_of_another_container_are_told(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omniops.database.embedded._LAST_BREATH", 0.05)
    hasty = EmbeddedPostgres(home.folder, password=PASSWORD, run_folder=home.base / "run", timeout=0.05)
    for name, message in (
        ("postgres.start", "Another process has been starting"),
        ("postgres.server", "another container"),
    ):
        with (home.folder / name).open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(NotReady, match=message):
                hasty.start()
