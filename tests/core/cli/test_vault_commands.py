"""`vault`, `backup` and `restore` as an operator types them, over a real database."""

import asyncio
import json
from contextlib import contextmanager

import psycopg
import pytest
from omniops.bootstrap import Prepared
from omniops.cli import vault
from omniops.cli.app import app
from omniops.operations.backup import daily
from omniops.operations.doctor import _mirror
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock
from omniops.vault.roots import FolderRoot
from typer.testing import CliRunner

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(postgres, tmp_path_factory):
    """Settings, links and a root of a deployment with one account."""
    folder, links = tmp_path_factory.mktemp("commands"), postgres.database()
    postgres.copy_keys(folder / "keys")
    (folder / "data").mkdir()
    settings = Settings(
        data_dir=folder / "data",
        keys_dir=folder / "keys",
        keys_mirror=folder / "mirror",
        plugins=["site", "quoting", "hybrid"],
        encoder="none",
    )

    async def begin():
        async with Runtime.open(settings, links, FolderRoot(folder / "keys"), migrate=True) as runtime:
            await Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge).ensure("Shop")

    asyncio.run(begin())
    return settings, links


@pytest.fixture
def omniops(stage, monkeypatch):
    settings, links = stage
    ready = Prepared(links, FolderRoot(settings.keys_dir))

    @contextmanager
    def prepared(settings, *, create):
        yield ready

    monkeypatch.setattr(vault, "settings", lambda: settings)
    monkeypatch.setattr("omniops.cli.session.settings", lambda: settings)
    monkeypatch.setattr("omniops.bootstrap.prepared", prepared)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_night_and_the_rotations_say_what_moved_and_what_is_left(omniops, stage):
    settings, _ = stage
    assert _mirror(settings).state == "warn"
    night = omniops("vault", "night", "--json")
    assert night.exit_code == 0, night.output
    assert json.loads(night.stdout)["accounts"] == 1
    assert _mirror(settings).state == "ok"
    assert _mirror(settings.model_copy(update={"keys_mirror": None})).state == "warn"
    for what in ("root", "account", "subject"):
        done = omniops("vault", "rotate", what)
        assert done.exit_code == 0, done.output
        assert f"moved to the new {what} key; 0 left under the old one." in done.output
    assert "The key mirror is up to date." in omniops("vault", "night").output


def test_rows_that_are_left_make_the_command_fail(omniops, monkeypatch):
    async def left(*arguments):
        from collections import Counter

        return Counter({"account": 3})

    monkeypatch.setattr("omniops.vault.nights.left", left)
    done = omniops("vault", "rotate", "subject")
    assert done.exit_code == 1
    assert "3 left under the old one" in done.output


@pytest.mark.parametrize("arguments", [("rotate", "everything"), ("rotate", "subject", "--subject", "anna")])
def test_what_is_no_key_and_no_id_is_named(omniops, arguments):
    assert omniops("vault", *arguments).exception is not None


def test_a_backup_is_made_tried_recorded_and_brought_back(omniops, stage, tmp_path):
    _, links = stage
    file = tmp_path / "a.age"
    made = omniops("backup", str(file))
    assert made.exit_code == 0, made.output
    assert "restored once and found equal" in made.output
    with psycopg.connect(links.system.conninfo()) as connection:
        entry = connection.execute("select actor, detail from audit_entry where action = 'backup.made'").fetchone()
        connection.execute("update account set name = 'Changed'")
    assert entry[0] == "system:backup"
    assert len(entry[1]["dump_sha256"]) == 64
    assert "is whole" in omniops("restore", str(file), "--check").output
    assert omniops("restore", str(file)).exit_code == 1  # nobody said yes
    back = omniops("restore", str(file), "--yes", "--json")
    assert back.exit_code == 0, back.output
    assert json.loads(back.stdout)["vault"] == "the database in place"
    with psycopg.connect(links.system.conninfo()) as connection:
        assert connection.execute("select name from account").fetchone() == ("Shop",)
    assert omniops("vault", "night").exit_code == 0


def test_a_file_that_is_not_there_is_named(omniops, tmp_path):
    assert "There is no file" in str(omniops("restore", str(tmp_path / "none.age")).exception)


async def test_the_worker_makes_one_backup_a_day_and_drops_the_oldest(stage, tmp_path):
    settings, links = stage
    kept = tmp_path / "backups"
    settings = settings.model_copy(update={"backup_dir": kept, "backup_days": 2})
    ready, clock = Prepared(links, FolderRoot(settings.keys_dir)), ManualClock()
    async with Runtime.open(settings, ready.links, ready.root, clock=clock) as runtime:
        (task,) = daily(runtime, ready)
        await task.run()
        (first,) = kept.iterdir()
        written = first.stat().st_mtime_ns
        await task.run()
        assert first.stat().st_mtime_ns == written
        clock.forward(days=3)
        await task.run()
        (second,) = kept.iterdir()
        assert second != first
        runtime.settings = settings.model_copy(update={"backup_dir": None})
        assert daily(runtime, ready) == []
