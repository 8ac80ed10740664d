"""Erasing a person reaches every table that is about people, whoever made it."""

import psycopg
import pytest
from omniops.contracts.scope import Actor
from omniops.database.policies import scope_statements
from omniops.errors import NotFound

ACTOR = Actor.system("test")


@pytest.fixture
def left_behind(desk):
    """Tables of a plugin that is not installed any more: one of them refers to core's, and to the other."""
    with psycopg.connect(desk.runtime.database.links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("set search_path = omniops")
        for table, reference in (("gone_thread", None), ("gone_note", "gone_thread")):
            columns = "domain_id uuid, id uuid default gen_random_uuid(), subject_id uuid, thread_id uuid"
            foreign = f", foreign key (domain_id, thread_id) references {reference}" if reference else ""
            connection.execute(f"create table {table} ({columns}, primary key (domain_id, id){foreign})")
            for statement in scope_statements(table, "domain"):
                connection.execute(statement)
        yield connection
        connection.execute("drop table gone_note, gone_thread")


async def test_rows_of_a_plugin_that_is_gone_are_erased_as_well(desk, left_behind):
    ours, other = await desk.visitor(), await desk.visitor()
    for visitor in (ours, other):
        left_behind.execute(
            "with t as (insert into gone_thread (domain_id, subject_id) values (%(d)s, %(s)s) returning id)"
            " insert into gone_note (domain_id, subject_id, thread_id) select %(d)s, %(s)s, id from t",
            {"d": desk.domain.id, "s": visitor.subject_id},
        )
    deleted = await desk.runtime.privacy.erasure.erase(desk.domain.scope, ours.subject_id, actor=ACTOR)
    assert deleted["gone_note"] == deleted["gone_thread"] == deleted["visitor_session"] == 1
    left = left_behind.execute("select subject_id from gone_note union all select subject_id from gone_thread")
    assert left.fetchall() == [(other.subject_id,)] * 2


async def test_a_person_of_another_domain_is_not_there(desk):
    visitor = await desk.visitor(desk.other)
    with pytest.raises(NotFound):
        await desk.runtime.privacy.erasure.erase(desk.domain.scope, visitor.subject_id, actor=ACTOR)
