"""Nobody sees another business's rows, whatever statement is sent: the database refuses, not the query."""

import asyncio
import random
from uuid import UUID, uuid4

import omniops.runtime  # noqa: F401  (all of core's tables)
import psycopg
import pytest
from omniops.accounts.models import Domain
from omniops.contracts.scope import Scope
from omniops.database.links import Links
from omniops.database.policies import scope_kind
from omniops.database.service import Database, Unscoped
from omniops.errors import ConfigError
from omniops.knowledge.models import Source
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select

DOMAINS = 50
ROWS = 20


@pytest.fixture(scope="module")
async def scopes(rooms) -> list[Scope]:
    scopes = [Scope(uuid4(), uuid4()) for _ in range(DOMAINS)]
    for scope in scopes:
        async with rooms.database.session(scope) as session:
            for number in range(ROWS):
                url = f"https://{scope.domain_id}.example/{number}"
                session.add(Source(domain_id=scope.domain_id, kind="site", url=url))
            session.add(Domain(account_id=scope.account_id, title="shop", origins=[], widget_key="k"))
            await session.commit()
    return scopes


async def test_concurrent_transactions_see_their_own_rows_only(rooms, scopes):
    order = random.Random(7)
    wrong: list[str] = []

    async def one(scope: Scope) -> None:
        async with rooms.database.session(scope) as session:
            # No `where`: the application's own filter is left out, so only the database stands between businesses.
            rows = (await session.exec(select(Source))).all()
            if len(rows) != ROWS or any(row.domain_id != scope.domain_id for row in rows):
                wrong.append(str(scope))

    gate = asyncio.Semaphore(24)

    async def limited(scope: Scope) -> None:
        async with gate:
            await one(scope)

    await asyncio.gather(*(limited(order.choice(scopes)) for _ in range(600)))
    assert wrong == []


async def test_raw_sql_counts_its_own_rows(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        connection = await session.connection()
        assert (await connection.execute(text("select count(*) from source"))).scalar() == ROWS
        assert (await connection.execute(text("select count(*) from omniops.domain"))).scalar() == 1


async def test_a_pooled_connection_without_a_scope_sees_nothing(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        await session.exec(select(Source))
        await session.commit()
    for _ in range(5):  # the pool hands out connections that carried a scope a moment ago
        async with rooms.database.connect() as connection:
            assert (await connection.execute(text("select count(*) from source"))).scalar() == 0
            assert (await connection.execute(text("select count(*) from domain"))).scalar() == 0


async def test_a_session_without_a_scope_cannot_begin(rooms):
    session = rooms.database._new_session(rooms.database._app, None)
    with pytest.raises(Unscoped):
        await session.connection()
    await session.close()


@pytest.mark.parametrize("how", ["orm", "core", "bulk", "raw"])
async def test_a_foreign_row_cannot_be_written(rooms, scopes, how):
    mine, theirs = scopes[0], scopes[1]
    row = {"domain_id": theirs.domain_id, "id": uuid4(), "kind": "site", "url": f"https://x.example/{how}"}
    row |= {"include": [], "exclude": []}
    async with rooms.database.session(mine) as session:
        with pytest.raises(DBAPIError, match="row-level security"):
            if how == "orm":
                session.add(Source(**row))
                await session.flush()
            elif how == "raw":
                connection = await session.connection()
                await connection.execute(
                    text(
                        "insert into source (domain_id, id, kind, url, include, exclude, created_at)"
                        " values (:domain_id, :id, :kind, :url, '[]', '[]', now())"
                    ),
                    row,
                )
            else:
                connection = await session.connection()
                statement = Source.__table__.insert()
                rows = [{**row, "created_at": text("now()")}] if how == "core" else [row, {**row, "id": uuid4()}]
                rows = [{**r, "created_at": __import__("datetime").datetime.now().astimezone()} for r in rows]
                await connection.execute(statement, rows)


async def test_foreign_rows_cannot_be_changed_or_deleted(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        connection = await session.connection()
        theirs = {"d": scopes[1].domain_id}
        changed = await connection.execute(text("update source set url = 'x' where domain_id = :d"), theirs)
        assert changed.rowcount == 0
        gone = await connection.execute(text("delete from source where domain_id = :d"), theirs)
        assert gone.rowcount == 0
        await session.rollback()


async def test_a_row_cannot_be_moved_into_another_domain(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        connection = await session.connection()
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(text("update source set domain_id = :d"), {"d": scopes[1].domain_id})


async def test_a_scope_ends_with_its_transaction(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        await session.commit()
        connection = await session.connection()  # a new transaction of the same session gets its scope again
        assert (await connection.execute(text("select count(*) from source"))).scalar() == ROWS
    async with rooms.database.connect() as connection:
        setting = (await connection.execute(text("select current_setting('omniops.domain', true)"))).scalar()
        assert not setting


async def test_the_look_up_before_a_scope_gives_ids_and_nothing_else(rooms):
    scope = await rooms.domain()
    assert await rooms.database.resolve("domain", scope.domain_id.bytes) == scope
    assert await rooms.database.resolve("domain", uuid4().bytes) is None
    assert await rooms.database.resolve("api_key", scope.domain_id.bytes) is None
    async with rooms.database.connect() as connection:
        assert (await connection.execute(text("select count(*) from lookup"))).scalar() == 0


async def test_every_table_is_scoped_forced_and_marked(links: Links):
    """Walks what is really in the database, so that a table which bypassed our helpers is found too."""
    from omniops.database.models import unmarked

    assert unmarked(SQLModel.metadata) == []
    with psycopg.connect(links.admin.conninfo()) as connection:
        rows = connection.execute(
            "select n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity,"
            " (select count(*) from pg_policy p where p.polrelid = c.oid),"
            " array(select a.attname from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname in ('omniops', 'vault')"
        ).fetchall()
    tables = {table.name: table for table in SQLModel.metadata.tables.values()}
    assert len(rows) > 25
    for schema, name, enabled, forced, policies, columns in rows:
        if name.startswith("alembic_version_"):
            continue
        assert name in tables, f"{schema}.{name} is in the database but in no model"
        if {"domain_id", "account_id", "home_id"} & set(columns):
            assert enabled, name
            assert forced, name
            assert policies >= 2, name
        else:
            assert scope_kind(tables[name]) is None


@pytest.mark.parametrize("role", ["owner", "system", "admin"])
async def test_the_server_refuses_a_role_that_nothing_filters(links: Links, role):
    strong = Links(
        admin=links.admin,
        owner=links.owner,
        app=getattr(links, role),
        pooled=None,
        jobs=links.jobs,
        system=links.system,
    )
    database = Database(strong)
    try:
        with pytest.raises(ConfigError, match="would see every business's rows"):
            await database.check()
    finally:
        await database.close()


async def test_the_apps_own_role_is_accepted(rooms):
    await rooms.database.check()


async def test_the_jobs_role_reaches_the_queue_and_nothing_else(links: Links):
    with psycopg.connect(links.jobs.conninfo(), autocommit=True) as connection:
        assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
        for table in ("omniops.source", "vault.subject_key", "omniops.lookup"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {table}")


async def test_the_app_cannot_rewrite_the_audit_or_touch_the_queues_tables(rooms, scopes):
    async with rooms.database.session(scopes[0]) as session:
        connection = await session.connection()
        for statement in (
            "update audit_entry set actor = 'x'",
            "delete from audit_entry",
            "update egress_entry set host = 'x'",
            "select * from jobs.procrastinate_jobs",
            "insert into gate_allow (host, port, reason, plaintext, created_at) values ('h', 1, 'r', true, now())",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with session.begin_nested():
                    await session.connection()
                    await connection.execute(text(statement))


async def test_each_use_of_the_system_role_is_in_the_audit(rooms):
    from omniops.audit.service import OPERATOR

    before = (await rooms.audit.verify(OPERATOR)).entries
    async with rooms.database.system("test: look around") as session:
        connection = await session.connection()
        assert (await connection.execute(text("select count(*) from source"))).scalar() >= DOMAINS * ROWS
    assert (await rooms.audit.verify(OPERATOR)).entries == before + 1


def test_domain_ids_are_not_guessable():
    from omniops.contracts.ids import new_id

    ids = [new_id() for _ in range(1000)]
    assert len({i.int & ((1 << 62) - 1) for i in ids}) == 1000
    assert all(isinstance(i, UUID) and i.version == 7 for i in ids)
