"""Whose the embedded server is, and what of it lies in files: its owner, its password, its log."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import threading
from pathlib import Path

import psutil
import psycopg
import pytest
from embedded_home import PASSWORD, ROOT, Home, ask, connect, run_and_fail, wait_for
from omniops.database.binaries import find
from omniops.database.embedded import Server
from omniops.errors import ConfigError

CANARY = "canary-4711"


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
