"""The embedded server after kills: of its owner, of itself, in the middle of a start or of a recovery."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import psutil
import psycopg
import pytest
from embedded_home import (
    Home,
    as_owner,
    ask,
    born,
    connect,
    held,
    lives,
    run_and_fail,
    wait_for,
)
from omniops.database import embedded_process
from omniops.database.embedded import Server


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
