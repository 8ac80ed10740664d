"""What an operator can get wrong, or a machine can do: one clear message, nothing half done, and a healthy end."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import psycopg
import pytest
from omniops.bootstrap import prepared
from omniops.settings import Settings

CONFIG = 3


def said_well(done, *words, code=CONFIG):
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def wait_until(condition, seconds=240):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_port_that_is_taken_is_named(used):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said_well(used.run("up", "--port", str(port)), str(port), "OMNIOPS_PORT")


def test_a_second_up_on_one_folder_names_the_first(used):
    first = used.start("up", "--port", "0")
    try:
        wait_until(lambda: "OmniOps runs on" in used.said)
        said_well(used.run("up", "--port", "0"), "already runs", str(first.pid), "OMNIOPS_DATA_DIR")
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 0


def test_up_twice_is_safe_and_keeps_what_is_there(used):
    def start():
        before = len(used.said) if (used.folder / "log").exists() else 0
        process = used.start("up", "--port", "0", "--site", "https://shop.example")
        wait_until(lambda: "put this line on the site" in used.said[before:])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        return next(line for line in used.said[before:].splitlines() if "data-domain" in line).partition("data-domain")[
            2
        ]

    assert start() == start()


def test_a_lost_root_key_is_never_replaced(used):
    moved = used.folder / "keys-elsewhere"
    used.keys.rename(moved)
    try:
        said_well(used.run("up", "--port", "0"), "root key", "mirror")
        assert not (used.keys / "root.key").exists()
    finally:
        shutil.rmtree(used.keys, ignore_errors=True)
        moved.rename(used.keys)
    assert used.run("status").returncode == 0


def test_another_root_key_is_refused(used, place):
    assert place.run("config", "show").returncode == 0
    other = used.folder / "keys-other"
    used.keys.rename(other)
    try:
        from omniops.vault.roots import FolderRoot

        FolderRoot.create(used.keys)
        done = used.run("status")
        assert done.returncode in (3, 4)
        assert "Traceback" not in done.stderr
        assert "key" in done.stderr or "password" in done.stderr
    finally:
        shutil.rmtree(used.keys)
        other.rename(used.keys)


def test_a_folder_of_somebody_else_is_left_alone(place):
    (place.data / "postgres").mkdir(parents=True)
    (place.data / "postgres" / "thesis.txt").write_text("years of work")
    done = place.run("up", "--port", "0")
    said_well(done, "postgres")
    assert (place.data / "postgres" / "thesis.txt").read_text() == "years of work"


def revise(used, *statements):
    settings = Settings(data_dir=used.data, keys_dir=used.keys)
    with prepared(settings, create=False) as ready, psycopg.connect(ready.links.admin.conninfo()) as connection:
        return [connection.execute(statement).fetchone()[0] for statement in statements]


@pytest.fixture
def newer(used):
    """The database as a later version left it: a revision that this code does not know."""
    (before,) = revise(used, "select version_num from omniops.alembic_version_core")
    revise(used, "update omniops.alembic_version_core set version_num = '9999_future' returning 1")
    yield used
    (code,) = revise(used, "select code from omniops.schema_info where owner = 'core'")
    revise(
        used,
        f"update omniops.alembic_version_core set version_num = '{before}' returning 1",
        f"update omniops.schema_info set oldest_code = '{code}' where owner = 'core' returning 1",
    )


def test_a_database_that_was_just_set_up_fits(used):
    looked = used.run("migrate", "--check")
    assert looked.returncode == 0, looked
    assert "The database fits this version." in looked.stderr


def test_a_newer_database_that_needs_newer_code_is_left_alone(newer):
    revise(newer, "update omniops.schema_info set oldest_code = '9.0.0' where owner = 'core' returning 1")
    for command in (["up", "--port", "0"], ["status"], ["migrate"]):
        said_well(newer.run(*command), "newer", "9.0.0", "backup")
    assert revise(newer, "select version_num from omniops.alembic_version_core") == ["9999_future"]


def test_a_newer_database_that_carries_this_version_is_used(newer):
    assert newer.run("status").returncode == 0
    assert newer.run("migrate").returncode == 0


def test_the_keys_must_not_lie_in_the_data_folder(place):
    said_well(place.run("up", OMNIOPS_KEYS_DIR=str(place.data / "keys")), "inside the data folder", "OMNIOPS_KEYS_DIR")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OMNIOPS_PROT", "1", ("prot", "Did you mean", "port")),
        ("OMNIOPS_PORT", "many", ("port", "integer")),
        ("OMNIOPS_CONFIG", "/nowhere/omniops.toml", ("/nowhere/omniops.toml", "does not exist")),
        ("OMNIOPS_DATABASE_URL", "mysql://x", ("postgresql://user:password@host",)),
    ],
)
def test_a_wrong_setting_is_named(place, name, value, words):
    said_well(place.run("up", **{name: value}), *words)


def test_a_database_outside_the_region_is_refused(place):
    done = place.run(
        "up",
        OMNIOPS_DATABASE_URL="postgresql://u:p@203.0.113.9/omniops",
        OMNIOPS_DATABASE_REGION="eu-central-1",
        OMNIOPS_DATABASE_REGION_NETWORKS="198.51.100.0/24",
    )
    said_well(done, "203.0.113.9", "OMNIOPS_DATABASE_REGION")


def test_a_full_disk_is_said_and_nothing_is_lost(place):
    """On a small file system of its own, which takes a name space where we are not root."""
    script = f"""
set -e
mkdir -p {place.data}
mount -t tmpfs -o size=150m,mode=0711 none {place.data}
"$@" migrate
head -c 140m /dev/zero > {place.data}/filler 2>/dev/null || true
set +e
"$@" ask 'Is anybody there?' 2> {place.folder}/said; echo $? > {place.folder}/full
rm {place.data}/filler
"$@" status 2>> {place.folder}/after; echo $? >> {place.folder}/after
"""
    wrap = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", *wrap, "sh", "-c", script, "sh", sys.executable, "-m", "omniops"]
    done = subprocess.run(command, env=place.environment(), capture_output=True, text=True, timeout=120)
    said = (place.folder / "said").read_text()
    assert (place.folder / "full").read_text().strip() != "0", done.stderr
    assert "Traceback" not in said
    assert (place.folder / "after").read_text().strip().endswith("0"), (place.folder / "after").read_text()
