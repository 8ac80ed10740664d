"""Work that nobody waits for stands back behind what visitors wait for."""

import os
from uuid import uuid4

from omniops.contracts.scope import Scope
from omniops.database.priority import RANK, stand_back
from omniops.knowledge.models import Source
from sqlalchemy import text
from sqlmodel import select

PID = text("select pg_backend_pid()")


async def pid_of(session):
    return (await (await session.connection()).execute(PID)).scalar_one()


async def test_its_process_comes_after_the_others_and_ends_with_it(rooms):
    scope = Scope(uuid4(), uuid4())
    async with rooms.database.background(scope) as session, rooms.database.session(scope) as other:
        pid = await pid_of(session)
        assert os.getpriority(os.PRIO_PROCESS, pid) == RANK
        assert os.getpriority(os.PRIO_PROCESS, await pid_of(other)) == 0
    async with rooms.database.session(scope) as session:
        statement = text("select count(*) from pg_stat_activity where pid = :pid and state <> 'idle'")
        assert (await (await session.connection()).execute(statement, {"pid": pid})).scalar_one() == 0


async def test_it_sees_its_own_rows_only_and_can_commit_more_than_once(rooms):
    mine, other = Scope(uuid4(), uuid4()), Scope(uuid4(), uuid4())
    async with rooms.database.session(other) as session:
        session.add(Source(domain_id=other.domain_id, kind="site", url="https://other.example/"))
        await session.commit()
    async with rooms.database.background(mine) as session:
        for number in range(2):
            session.add(Source(domain_id=mine.domain_id, kind="site", url=f"https://mine.example/{number}"))
            await session.commit()
        assert {row.domain_id for row in (await session.exec(select(Source))).all()} == {mine.domain_id}


def test_nothing_but_a_process_of_postgresql_is_touched():
    assert not stand_back(os.getpid())
    assert os.getpriority(os.PRIO_PROCESS, 0) == 0
