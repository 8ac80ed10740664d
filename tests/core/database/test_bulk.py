"""Rows written in one statement arrive as they were given, and under the same policies as any other."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from omniops.contracts.ids import new_id
from omniops.database.bulk import insert_rows
from omniops.knowledge.models import Page, Passage, Source
from sqlalchemy.exc import DBAPIError
from sqlmodel import select


@pytest.fixture
async def source(desk):
    source = Source(domain_id=desk.domain.id, kind="site", url=f"https://{uuid4().hex}.example/")
    async with desk.runtime.database.session(desk.domain.scope) as session:
        session.add(source)
        await session.commit()
    return source


def page(source, url, **other):
    return {
        "domain_id": source.domain_id, "id": new_id(), "source_id": source.id, "url": url, "state": "read",
        "depth": 0, "title": "", "language": "", "found_at": datetime(2026, 11, 28, 9, 30, 0, 123456, tzinfo=UTC),
    } | other  # fmt: skip


async def write(desk, model, rows, scope=None, **options):
    async with desk.runtime.database.session(scope or desk.domain.scope) as session:
        count = await insert_rows(await session.connection(), model, rows, **options)
        await session.commit()
    return count


async def test_every_type_of_column_arrives_as_it_was_given(desk, source):
    first = page(
        source, "https://a.example/ü?a=\"b\"\\&c='d'", content_hash=bytes(range(256)), title="“Ünïcode” 🧭\n%s"
    )
    assert await write(desk, Page, [first]) == 1
    piece = {
        "domain_id": source.domain_id, "id": new_id(), "page_id": first["id"], "position": 3, "kind": "product",
        "heading": "", "text": "Price: 9", "question": None, "facts": {"price": "9.00", "sizes": [1, None, {"a": "}"}]},
        "created_at": first["found_at"],
    }  # fmt: skip
    assert await write(desk, Passage, [piece]) == 1
    async with desk.runtime.database.session(desk.domain.scope) as session:
        stored = (await session.exec(select(Page).where(Page.id == first["id"]))).one()
        passage = (await session.exec(select(Passage).where(Passage.id == piece["id"]))).one()
    assert {name: getattr(stored, name) for name in first} == first
    assert {name: getattr(passage, name) for name in piece} == piece


async def test_a_row_that_is_there_is_passed_over_only_where_that_was_asked_for(desk, source):
    rows = [page(source, f"https://a.example/{n}") for n in range(3)]
    assert await write(desk, Page, rows[:2]) == 2
    again = [{**row, "id": new_id()} for row in rows]
    assert await write(desk, Page, again, skip_existing=True) == 1
    with pytest.raises(DBAPIError, match="uq_page_url"):
        await write(desk, Page, [{**rows[0], "id": new_id()}])


async def test_no_rows_are_no_statement(desk):
    assert await write(desk, Page, []) == 0


async def test_rows_of_another_domain_are_refused(desk, source):
    with pytest.raises(DBAPIError, match="row-level security"):
        await write(desk, Page, [page(source, "https://a.example/")], scope=desk.other.scope)
