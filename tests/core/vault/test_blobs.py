"""Files at rest: sealed in chunks, bound to their place, gone with the key above them, and in clear nowhere."""

import secrets
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, Refused, Rejected
from omniops.vault.blobs import CHUNK, Blobs

MEMBER = Actor("member", "m")
MOST = 8 * CHUNK


class Now:
    def __init__(self):
        self.at = datetime(2026, 11, 28, tzinfo=UTC)

    def now(self):
        return self.at


@pytest.fixture(scope="module")
def clock():
    return Now()


@pytest.fixture(scope="module")
def blobs(rooms, clock):
    return Blobs(rooms.database, rooms.vault, clock)


@pytest.fixture(scope="module")
async def scope(rooms):
    return await rooms.domain()


def put(blobs, scope, data=b"hello", *, most=MOST, **more):
    return blobs.put(scope, data, name="a.txt", media_type="text/plain", most=most, **more)


def read(blobs, scope, blob, purpose="knowledge.manage"):
    return blobs.read(scope, blob, purpose=purpose, actor=MEMBER)


def raw(links, statement, *values):
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        return connection.execute(statement, values)


async def pieces(*parts):
    for part in parts:
        yield part


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7])
async def test_a_file_comes_back_as_it_went_in(blobs, scope, size):
    data = secrets.token_bytes(size)
    found = await read(blobs, scope, await put(blobs, scope, pieces(data[:3], data[3:])))
    assert (found.name, found.media_type, found.size) == ("a.txt", "text/plain", size)
    assert await found.whole() == data


async def test_a_personal_file_opens_for_its_own_purposes_alone(rooms, blobs, scope):
    blob = await put(blobs, scope, subject_id=await rooms.subject(scope))
    assert await (await read(blobs, scope, blob, "support.provide")).whole() == b"hello"
    with pytest.raises(Refused) as refused:
        await read(blobs, scope, blob, "knowledge.manage")
    assert refused.value.reason == "purpose_not_in_mark"


async def test_each_opening_is_one_entry_of_the_access_log(rooms, blobs, scope, links):
    blob = await put(blobs, scope, secrets.token_bytes(3 * CHUNK))
    count = "select count(*) from omniops.audit_entry where object = 'own_blob' and action = 'vault.open'"
    before = raw(links, count).fetchone()[0]
    await (await read(blobs, scope, blob)).whole()
    assert raw(links, count).fetchone()[0] == before + 1


async def test_a_shredded_person_takes_the_file_along(rooms, blobs, scope):
    subject = await rooms.subject(scope)
    blob = await put(blobs, scope, subject_id=subject)
    await rooms.vault.shred(scope, subject, actor=MEMBER)
    with pytest.raises(Refused) as refused:
        await read(blobs, scope, blob, "support.provide")
    assert refused.value.reason == "erased"
    with pytest.raises(Refused):
        await put(blobs, scope, subject_id=subject)


async def test_another_domain_has_no_such_file(rooms, blobs, scope):
    blob = await put(blobs, scope)
    stranger = await rooms.domain()
    with pytest.raises(NotFound):
        await read(blobs, stranger, blob)
    await blobs.delete(stranger, blob)
    assert await (await read(blobs, scope, blob)).whole() == b"hello"


@pytest.mark.parametrize(
    "change",
    [
        "update omniops.blob_chunk set body = set_byte(body, 40, get_byte(body, 40) # 1) where own_id = %s"
        " and number = 1",
        "update omniops.blob_chunk set number = 7 - number where own_id = %s and number in (0, 1)",
        "delete from omniops.blob_chunk where own_id = %s and number = 2",
        "update omniops.own_blob set size = 2097152 where id = %s",
    ],
    ids=("changed", "moved", "missing", "cut off"),
)
async def test_a_file_that_was_changed_does_not_open(blobs, scope, links, change):
    blob = await put(blobs, scope, secrets.token_bytes(3 * CHUNK))
    raw(links, change, blob)
    with pytest.raises(Refused) as refused:
        await (await read(blobs, scope, blob)).whole()
    assert refused.value.reason == "tampered"


async def test_a_file_that_is_too_large_leaves_nothing(blobs, scope, links):
    count = "select (select count(*) from omniops.own_blob), (select count(*) from omniops.blob_chunk)"
    before = raw(links, count).fetchone()

    async def endless():
        while True:
            yield bytes(CHUNK)

    with pytest.raises(Rejected) as rejected:
        await put(blobs, scope, endless(), most=3 * CHUNK)
    assert rejected.value.code == "too_large"
    assert "3 MiB" in str(rejected.value)
    assert raw(links, count).fetchone() == before


async def test_a_deleted_file_is_gone_with_its_chunks_while_it_is_read(blobs, scope, links):
    blob = await put(blobs, scope, secrets.token_bytes(2 * CHUNK))
    found = await read(blobs, scope, blob)
    reading = aiter(found)
    await anext(reading)
    await blobs.delete(scope, blob)
    with pytest.raises(NotFound):
        await anext(reading)
    assert raw(links, "select count(*) from omniops.blob_chunk where own_id = %s", blob).fetchone() == (0,)


async def test_what_nothing_needs_goes_after_a_day(rooms, blobs, scope, clock):
    subject = await rooms.subject(scope)
    kept, loose = await put(blobs, scope, subject_id=subject), await put(blobs, scope, subject_id=subject)
    async with rooms.database.session(scope) as session:
        await blobs.keep(session, kept, subject_id=subject)
        for wrong in (None, await rooms.subject(scope)):
            with pytest.raises(NotFound):
                await blobs.keep(session, loose, subject_id=wrong)
        await session.commit()
    clock.at += timedelta(days=1, seconds=1)
    await put(blobs, scope)
    assert await (await read(blobs, scope, kept, "support.provide")).whole() == b"hello"
    with pytest.raises(NotFound):
        await read(blobs, scope, loose, "support.provide")
