"""The embedded server's life: first start, sharing, kills and recovery, and what its log may hold."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest
from embedded_home import PASSWORD, Home, as_owner, ask, born, lives
from omniops.database.binaries import find
from omniops.database.embedded import EmbeddedPostgres
from omniops.errors import ConfigError, NotReady


def pg_ctl(folder: Path) -> str:
    """The program as the server's own user can run it: from the copy, where one had to be made."""
    copies = sorted((folder / "binaries").glob("*/**/bin/pg_ctl"))
    return str(copies[0] if copies else find().program("pg_ctl"))


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
