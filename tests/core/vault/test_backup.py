"""Backup and restore: rows from the file, keys from the newest copy of the vault, nobody erased comes back."""

import io
import shutil
import subprocess

import psycopg
import pytest
from nightly import PASSWORD, members_of, opened
from omniops import Actor
from omniops.errors import ConfigError, Refused
from omniops.operations import age
from omniops.operations.backup import back_up, check
from omniops.operations.restoring import bring_back, keys_from_mirror
from omniops.settings import Settings
from omniops.testing.rooms import Rooms
from omniops.vault.roots import FolderRoot
from sqlmodel import select

pytestmark = pytest.mark.slow
AGENT = Actor("member", "m1")


@pytest.fixture(scope="module")
async def story(postgres, tmp_path_factory, table_maker, contact_table):
    """Three backups (nine, six days and one day before), then Anna is erased; in between Ben's key was replaced."""
    links, folder = postgres.database(), tmp_path_factory.mktemp("backups")
    async with opened(postgres, links, folder) as house:
        await table_maker(links)
        scope = await house.rooms.domain()
        people = [await house.person(contact_table, scope, f"{name}@example.org") for name in ("anna", "ben", "dora")]
        await house.member("mara@example.org")
        (folder / "data").mkdir()
        for day, nights in ((-9, 0), (-6, 3), (-1, 5)):
            if nights:
                await house.sleep(nights)
            back_up(links, house.root, folder / f"day{day}.age", folder / "data", now=house.clock.now())
            if day == -6:
                await house.nights.rotate_subjects(people[1].subject_id)
        await house.sleep()
        await house.rooms.vault.shred(scope, people[0].subject_id, actor=AGENT)
        await house.sleep()
        yield house, links, folder, scope, people


def settings(folder, **more):
    return Settings(data_dir=folder / "data", keys_dir=folder / "keys", keys_mirror=folder / "mirror", **more)


async def seen(links, root, clock, scope, table):
    async with Rooms.open(links, root, clock) as rooms:
        async with rooms.database.session(scope) as session:
            rows = (await session.exec(select(table).where(table.domain_id == scope.domain_id))).all()
        clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
        found = {clear(row.email, otherwise=None) for row in rows} - {None}
        for email in found:
            assert await rooms.vault.find(scope.domain_id, "email", email) is not None
        assert await rooms.vault.find(scope.domain_id, "email", "anna@example.org") is None
        assert await members_of(rooms, clock).sign_in("mara@example.org", PASSWORD, network="n")
        return found


def copy_of(links, postgres):
    """The living database under another name, so that each test may replace it."""
    name = f"{links.admin.parameters['dbname']}_copy"
    with psycopg.connect(postgres.links.admin.conninfo(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            [links.admin.parameters["dbname"]],
        )
        connection.execute(f"drop database if exists {name}")
        connection.execute(f"create database {name} template {links.admin.parameters['dbname']}")
    return links.database(name)


def restored(settings, links, root, file):
    """In a process's own event loop, as the command does it."""
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(bring_back, settings, links, root, file).result()


@pytest.mark.parametrize("day", [-9, -6, -1])
async def test_restored_beside_the_living_database(story, postgres, contact_table, day):
    house, links, folder, scope, _ = story
    place = copy_of(links, postgres)
    done = restored(settings(folder), place, house.root, folder / f"day{day}.age")
    assert (done.vault, done.erased) == ("the database in place", 1)
    assert done.before.startswith(place.admin.parameters["dbname"])
    found = await seen(place, house.root, house.clock, scope, contact_table)
    # The key that Ben's rows stood under on day -9 was replaced and destroyed since, and so were its copies.
    assert found == {"dora@example.org"} | ({"ben@example.org"} if day != -9 else set())


async def test_on_a_new_machine_from_mirror_and_backup(story, postgres, contact_table, tmp_path):
    house, _, folder, scope, _ = story
    new = settings(tmp_path).model_copy(update={"keys_mirror": tmp_path / "mirror"})
    shutil.copytree(folder / "mirror", tmp_path / "mirror")
    (tmp_path / "data").mkdir()
    assert keys_from_mirror(new)
    root = FolderRoot(tmp_path / "keys")
    place = postgres.empty()
    done = restored(new, place, root, folder / "day-6.age")
    assert done.vault.startswith("the key mirror of")
    assert (done.erased, done.before) == (1, "")
    assert await seen(place, root, house.clock, scope, contact_table) == {"ben@example.org", "dora@example.org"}


async def test_a_restore_that_fails_at_the_last_step_has_changed_nothing(story, postgres, contact_table, monkeypatch):
    house, links, folder, scope, _ = story
    place = copy_of(links, postgres)

    def busy(*arguments):
        raise Refused("busy", reason="database_busy")

    monkeypatch.setattr("omniops.operations.restoring._change_places", busy)
    with pytest.raises(Refused, match="busy"):
        restored(settings(folder), place, house.root, folder / "day-6.age")
    assert await seen(place, house.root, house.clock, scope, contact_table) == {
        "ben@example.org",
        "dora@example.org",
    }
    with psycopg.connect(place.admin.conninfo()) as connection:
        assert not connection.execute("select 1 from pg_database where datname like 'omniops_restore_%'").fetchall()


async def test_a_backup_alone_whose_nights_are_gone_opens_for_nobody_and_changes_nothing(story, postgres, tmp_path):
    house, _, folder, _, _ = story
    alone = settings(folder).model_copy(update={"keys_mirror": None})
    place = postgres.empty()
    with pytest.raises(Refused, match="No key of this backup opens any more"):
        restored(alone, place, house.root, folder / "day-9.age")
    with psycopg.connect(place.admin.conninfo()) as connection:
        assert connection.execute("select to_regclass('vault.account_key')").fetchone() == (None,)
        assert not connection.execute("select 1 from pg_database where datname like 'omniops_restore_%'").fetchall()


def test_one_changed_byte_is_noticed(story, tmp_path):
    house, links, folder, *_ = story
    whole = bytearray((folder / "day-1.age").read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "changed.age").write_bytes(whole)
    with pytest.raises(Refused, match="does not open"):
        check(links, house.root, tmp_path / "changed.age", folder / "data")


def test_a_dump_that_lost_rows_is_noticed(story, monkeypatch):
    house, links, folder, *_ = story

    def lossy(link, path):
        restore(link, path)
        with psycopg.connect(link.conninfo()) as connection:
            connection.execute("delete from omniops.subject")

    from omniops.operations import backup

    restore = backup.restore
    monkeypatch.setattr(backup, "restore", lossy)
    with pytest.raises(Refused, match=r"omniops.subject: 4 rows, not 0"):
        check(links, house.root, folder / "day-1.age", folder / "data")


def test_another_root_opens_no_backup(story, tmp_path):
    _, links, folder, *_ = story
    with pytest.raises(Refused, match="belongs to another root"):
        check(links, FolderRoot.create(tmp_path / "keys"), folder / "day-1.age", folder / "data")


def test_the_operators_own_age_key_opens_it_too(story, tmp_path):
    import pyrage

    house, links, folder, *_ = story
    mine = pyrage.x25519.Identity.generate()
    (tmp_path / "mine.txt").write_text(f"# created\n{mine}\n")
    file = tmp_path / "b.age"
    back_up(links, house.root, file, folder / "data", now=house.clock.now(), recipients=[str(mine.to_public())])
    out = io.BytesIO()
    age.decrypt(file, out, house.root, tmp_path / "mine.txt")
    assert b"manifest.json" in out.getvalue()
    assert file.stat().st_mode & 0o777 == 0o600
    left = [path.name for path in (folder / "data").iterdir()]
    assert set(left) <= {"index", "index-members"}, "no dump is left in clear"


@pytest.mark.skipif(not shutil.which("age"), reason="the age program is not installed")
def test_the_age_program_opens_it(story, tmp_path):
    house, _, folder, *_ = story
    (tmp_path / "key.txt").write_text(str(age.identity(house.root)))
    done = subprocess.run(
        ["age", "-d", "-i", tmp_path / "key.txt", folder / "day-1.age"], capture_output=True, check=True
    )
    assert b"manifest.json" in done.stdout


def test_without_keys_and_mirror_a_restore_makes_no_new_root(tmp_path):
    with pytest.raises(ConfigError, match="no mirror to take them from"):
        keys_from_mirror(Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys"))
    assert not (tmp_path / "keys").exists()
