"""kill -9 between each pair of steps: never a row without its key, never a living key of one who was erased."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

CHILD = Path(__file__).with_name("kill_step.py")
LINKS = ("admin", "owner", "app", "pooled", "jobs", "system")
MOST = 80


@pytest.fixture
async def acts(rooms):
    """Runs an act for a new domain that dies before step `last`; True when it ended before it came to it."""
    scope = await rooms.domain()
    links = {name: dict(link.parameters) if (link := getattr(rooms.database.links, name)) else None for name in LINKS}
    given = {"links": links, "root": str(rooms.root._folder)}
    given |= {"account": str(scope.account_id), "domain": str(scope.domain_id)}
    command = [sys.executable, str(CHILD)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    child.stdin.write(json.dumps(given) + "\n")

    def act(name, last, subject=None):
        child.stdin.write(f"{name} {last} {subject}\n")
        child.stdin.flush()
        answer = child.stdout.readline().strip()
        assert answer in ("finished", "killed"), answer
        return answer == "finished"

    act.scope = scope
    yield act
    child.stdin.close()
    child.wait(30)
    child.stdout.close()


def rows(rooms, statement, *values):
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        return connection.execute(statement, values).fetchall()


def orphans(rooms):
    """Messages about somebody who has no living key."""
    return rows(
        rooms,
        "select m.id from omniops.message m left join vault.subject_key k"
        " on k.subject_id = m.subject_id and k.state = 'active' and k.wrapped is not null where k.subject_id is null",
    )


def newest(rooms, scope):
    return rows(rooms, "select subject_id from omniops.message where domain_id = %s", scope.domain_id)[-1][0]


async def test_creating(rooms, acts):
    scope = acts.scope
    for last in range(1, MOST):
        finished = acts("create", last)
        assert orphans(rooms) == []
        if finished:
            break
    else:
        pytest.fail("it never ended")
    assert last > 4
    assert rows(rooms, "select count(*) from omniops.message where domain_id = %s", scope.domain_id) == [(1,)]


@pytest.mark.parametrize("act", ["shred", "delete"])
async def test_shredding_and_deleting(rooms, acts, act):
    scope = acts.scope
    for last in range(1, MOST):
        assert acts("create", 0)
        subject = newest(rooms, scope)
        finished = acts(act, last, subject)
        key = rows(rooms, "select state, wrapped is not null from vault.subject_key where subject_id = %s", subject)
        assert key in ([("active", True)], [("shredded", False)]), "half a key"
        erased = rows(rooms, "select erased_at is not null from omniops.subject where id = %s", subject)
        left = rows(rooms, "select count(*) from omniops.message where subject_id = %s", subject)[0][0]
        if key[0][0] == "active":
            assert left == 1, "rows went before the key"
            assert erased == [(False,)]
        # The next run finishes what the kill left.
        assert acts("delete", 0, subject)
        assert rows(rooms, "select state from vault.subject_key where subject_id = %s", subject) == [("shredded",)]
        assert rows(rooms, "select count(*) from omniops.message where subject_id = %s", subject) == [(0,)]
        if finished:
            break
    else:
        pytest.fail("it never ended")
    assert last > 3


async def test_the_check_sees_a_row_without_a_key(rooms, acts):
    scope = acts.scope
    assert acts("create", 0)
    subject = newest(rooms, scope)
    rows(
        rooms,
        "update vault.subject_key set wrapped = null, state = 'shredded' where subject_id = %s returning 1",
        subject,
    )
    assert orphans(rooms) != []
    rows(rooms, "delete from omniops.message where subject_id = %s returning 1", subject)
