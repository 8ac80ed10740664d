"""Core and plugins migrate side by side: installing, upgrading and purging one leaves the others working."""

import shutil
import textwrap

import omniops.operations.migrating  # noqa: F401 (all of core's tables)
import psycopg
import pytest
from omniops import DomainModel, not_personal
from omniops.database.migrate import CORE_BRANCH, Branch, Migrator
from omniops.database.roles import prepare
from omniops.errors import ConfigError
from omniops.testing.scratch import passwords
from sqlmodel import SQLModel


class AcmeNote(DomainModel, table=True):
    __tablename__ = "acme_note"
    text: str = not_personal("public note")


class BetaThing(DomainModel, table=True):
    __tablename__ = "beta_thing"
    size: int = not_personal("a size")


FIRST = """
import sqlalchemy as sa
from alembic import op
revision = "1"
down_revision = None
def upgrade():
    op.create_table("{table}", sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False), sa.Column("{column}", sa.{kind}(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"))
    op.scope_table("{table}", "domain")
def downgrade():
    op.drop_table("{table}")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision = "2"
down_revision = "1"
def upgrade():
    op.create_index("ix_acme_note_text", "acme_note", ["text"])
def downgrade():
    op.drop_index("ix_acme_note_text")
"""


@pytest.fixture
def links(postgres):
    links = postgres.empty()
    prepare(links, passwords(postgres.root))
    return links


@pytest.fixture
def acme(tmp_path) -> Branch:
    return branch(tmp_path, "acme", FIRST.format(table="acme_note", column="text", kind="String"))


@pytest.fixture
def beta(tmp_path) -> Branch:
    return branch(tmp_path, "beta", FIRST.format(table="beta_thing", column="size", kind="Integer"))


def branch(folder, owner, source) -> Branch:
    versions = folder / owner
    versions.mkdir()
    (versions / "1_first.py").write_text(textwrap.dedent(source))
    return Branch(owner, versions)


def tables(links) -> set[str]:
    with psycopg.connect(links.admin.conninfo()) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'omniops'").fetchall()
    return {row[0] for row in rows}


def migrate(links, *branches: Branch) -> Migrator:
    migrator = Migrator(links, branches)
    for each in migrator.branches:
        migrator.upgrade(each)
    return migrator


def test_models_and_database_agree(links, acme, beta):
    migrator = migrate(links, acme, beta)
    # Tables of another test module, or of a plugin that one imported, are nobody's here.
    mapped = {one.local_table.name: one.class_.__module__ for one in SQLModel._sa_registry.mappers}
    strange = {name for name, module in mapped.items() if not module.startswith(("omniops.", __name__))}
    assert [found for found in migrator.drift() if not any(name in found for name in strange)] == []
    assert migrator.pending() == {}


def test_a_model_that_nobody_migrated_is_drift(links, acme):
    migrator = migrate(links, acme)
    column = AcmeNote.__table__.c.text
    column.nullable = True
    try:
        assert any("acme" in found for found in migrator.drift())
    finally:
        column.nullable = False


def test_upgrading_again_changes_nothing(links, acme):
    migrator = migrate(links, acme)
    assert [migrator.upgrade(b) for b in migrator.branches] == [False, False]


def test_a_plugin_upgrades_alone(links, acme, beta):
    migrate(links, acme, beta)
    (acme.versions / "2_second.py").write_text(SECOND)
    migrator = Migrator(links, [acme, beta])
    assert migrator.pending() == {"acme": ("1", "2")}
    assert [migrator.upgrade(b) for b in migrator.branches] == [False, True, False]


def test_purging_one_leaves_the_others(links, acme, beta):
    migrator = migrate(links, acme, beta)
    migrator.downgrade(acme)
    assert "acme_note" not in tables(links)
    assert "alembic_version_acme" not in tables(links)
    assert "beta_thing" in tables(links)
    rest = Migrator(links, [beta])
    assert [rest.upgrade(b) for b in rest.branches] == [False, False]


def test_an_uninstalled_plugins_tables_stay_and_break_nothing(links, acme, beta):
    migrate(links, acme, beta)
    rest = Migrator(links, [beta])
    assert [rest.upgrade(b) for b in rest.branches] == [False, False]
    assert "acme_note" in tables(links)


def test_core_cannot_be_taken_away(links):
    with pytest.raises(ConfigError):
        migrate(links).downgrade(CORE_BRANCH)


def test_a_plugins_table_is_scoped_like_any_other(links, acme):
    migrate(links, acme)
    with psycopg.connect(links.app.conninfo()) as connection:
        assert connection.execute("select count(*) from acme_note").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("insert into acme_note values (gen_random_uuid(), gen_random_uuid(), 'x')")


def fake_newer(links, owner, oldest):
    with psycopg.connect(links.admin.conninfo()) as connection:
        connection.execute(f"update omniops.alembic_version_{owner} set version_num = '9999'")
        connection.execute("update omniops.schema_info set oldest_code = %s where owner = %s", [oldest, owner])


def test_the_version_before_runs_on_a_newer_schema_that_still_carries_it(links):
    migrator = migrate(links)
    fake_newer(links, "core", "0.1.0")
    migrator.ensure_compatible(CORE_BRANCH)


def test_a_schema_that_is_too_new_is_refused(links):
    migrator = migrate(links)
    fake_newer(links, "core", "99.0")
    for attempt in (migrator.ensure_compatible, migrator.upgrade):
        with pytest.raises(ConfigError, match="is newer than this OmniOps"):
            attempt(CORE_BRANCH)


def test_a_schema_that_is_behind_says_what_to_run(links, acme):
    migrate(links)
    with pytest.raises(ConfigError, match="omniops migrate"):
        Migrator(links, [acme]).ensure_compatible(acme)


def as_before(links, folder, revision):
    """The core's tables as a build had them that did not know the revision."""
    for path in CORE_BRANCH.versions.glob("*.py"):
        if path.name < revision:
            shutil.copy(path, folder)
    assert Migrator(links).upgrade(Branch("core", folder))


def test_words_that_lay_in_clear_are_gone_and_what_was_ours_stays(links, tmp_path):
    as_before(links, tmp_path, "0035")
    migrator = Migrator(links)
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # rows without the case that they belong to
        task = "store, title, state, code, evidence, attempts, by"
        for table, columns, values in (
            ("rights_event", "name, actor, detail, at", """'proven', 'm', '{"evidence": "Nakamura", "n": 1}', now()"""),
            ("rights_task", task, "'a', 'A', 'done', '', 'Nakamura', 1, 'm'"),
            ("rights_task", task, "'b', 'B', 'done', '', '3 rows', 1, null"),
        ):
            ids = "gen_random_uuid(), gen_random_uuid(), gen_random_uuid()"
            statement = f"insert into omniops.{table} (domain_id, id, case_id, {columns}) values ({ids}, {values})"
            connection.execute(statement.encode())
        assert migrator.upgrade(CORE_BRANCH)
        assert connection.execute("select detail from omniops.rights_event").fetchall() == [({"n": 1},)]
        kept = connection.execute("select store, evidence from omniops.rights_task order by store").fetchall()
        changed = "'omniops.rights_event'::regclass, 'omniops.rights_task'::regclass"
        statement = f"select count(*) from pg_class where oid in ({changed}) and relforcerowsecurity"
        forced = connection.execute(statement.encode()).fetchone()
    assert (kept, forced) == ([("a", ""), ("b", "3 rows")], (2,))
    drift = [one for one in migrator.drift() if "rights_" in one]
    assert drift == []


def test_accounts_of_the_proofs_are_marked_where_they_are_there_already(links, tmp_path):
    as_before(links, tmp_path, "0034")
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        for name in ("Proof", "Shop"):
            connection.execute("insert into omniops.account values (gen_random_uuid(), %s, now())", [name])
        connection.execute(
            "insert into omniops.proof_stage (name, in_account, in_domain)"
            " select 'one', account_id, gen_random_uuid() from omniops.account where name = 'Proof'"
        )
        assert Migrator(links).upgrade(CORE_BRANCH)
        marked = connection.execute("select name from omniops.account where for_probes").fetchall()
        forced = connection.execute(
            "select relforcerowsecurity from pg_class where oid = 'omniops.account'::regclass"
        ).fetchone()
    assert (marked, forced) == ([("Proof",)], (True,))


def test_two_servers_that_migrate_at_once_do_it_once(links):
    import threading

    done: list[object] = []

    def run():
        try:
            done.append(Migrator(links).upgrade(CORE_BRANCH))
        except Exception as error:
            done.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=str) == [False, False, True]


def test_autogenerate_writes_the_scope_too(links, tmp_path):
    migrate(links)
    versions = tmp_path / "beta"
    versions.mkdir()
    new = Branch("beta", versions)
    path = Migrator(links, [new]).revision(new, "first", "1")
    written = path.read_text()
    assert "op.scope_table('beta_thing', 'domain')" in written
    migrator = Migrator(links, [new])
    migrator.upgrade(new)
    assert [d for d in migrator.drift() if d.startswith("beta")] == []


def test_the_queues_schema_is_the_one_our_revisions_expect():
    """A new release of the queue with new migration files needs a revision of ours first."""
    from importlib.resources import files

    names = sorted(
        p.name for p in files("procrastinate").joinpath("sql/migrations").iterdir() if p.name.endswith(".sql")
    )
    assert names[-1] == "03.04.00_50_post_add_retry_failed_job_procedure.sql"


@pytest.fixture(autouse=True, scope="module")
def _forget_tables():
    yield
    for model in (AcmeNote, BetaThing):
        SQLModel.metadata.remove(model.__table__)
