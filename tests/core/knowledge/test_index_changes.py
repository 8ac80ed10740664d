"""The index while pages change: two processes over one database, many questions at once, little memory."""

import asyncio
from dataclasses import dataclass
from itertools import count

import pytest
from omniops.contracts.ids import SystemClock, new_id
from omniops.contracts.knowledge import IndexParts
from omniops.contracts.scope import Scope
from omniops.defaults.hybrid import _open as open_hybrid
from omniops.knowledge.cut import Piece
from omniops.knowledge.models import Page
from omniops.knowledge.store import NOTICE, PassageRows
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.index import MemoryStore
from omniops.testing.provider import hit

EDITS = 40
QUESTION = "Which version of the terms holds?"
SEARCHES = 200
"""Within these a rebuild has ended: each search waits for it up to half a second."""


@pytest.fixture
async def other(runtime, postgres, links, tmp_path):
    """A second process over the same database, with caches of its own."""
    settings = Settings(
        data_dir=tmp_path, keys_dir=tmp_path / "keys", plugins=["website", "site", "quoting", "hybrid"], encoder="none"
    )
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock()) as second:
        yield second


@dataclass
class Shop:
    """A domain of one page, whose passages are replaced as a crawl replaces them."""

    rows: PassageRows
    runtime: Runtime
    scope: Scope
    page: Page

    async def edit(self, version):
        said = f"These are the terms of the shop, and version number{version} of the terms holds from today."
        async with self.runtime.database.session(self.scope) as session:
            await self.rows.replace(session, self.scope, [(self.page, [Piece("text", "", said)])])
            await self.rows.bump(session, self.scope)
            await session.commit()


@pytest.fixture
async def shop(runtime):
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    domain, source = await firsts.ensure_site(account, f"https://{new_id().hex}.example/")
    page = Page(domain_id=domain.id, source_id=source.id, url=source.url, state="read", depth=0, title="Terms")
    async with runtime.database.session(domain.scope) as session:
        session.add(page)
        await session.commit()
    shop = Shop(PassageRows(runtime.database, SystemClock()), runtime, domain.scope, page)
    await shop.edit(0)
    return shop


async def version_found(runtime, scope):
    hits = (await runtime.index.search(scope, QUESTION)).hits
    return int(hits[0].passage.text.split("number")[1].split()[0]) if hits else None


async def test_another_process_hears_of_a_change_and_finds_it_without_the_old_text(shop, other):
    assert await version_found(other, shop.scope) == 0
    heard = asyncio.Event()

    async def hear(notice):
        heard.set()

    other.notices.on(NOTICE, hear)
    await shop.edit(1)
    await heard.wait()
    for _ in range(SEARCHES):
        found = await version_found(other, shop.scope)
        assert found in (None, 1), "text is answered that was replaced before the question was asked"
        if found == 1:
            return
    pytest.fail("the change was not found")


async def test_a_process_that_heard_nothing_finds_the_change_all_the_same(shop, other):
    assert await version_found(other, shop.scope) == 0
    await other.notices.close()
    await shop.edit(1)
    for _ in range(SEARCHES):
        if await version_found(other, shop.scope) == 1:
            return
    pytest.fail("the change was not found")


async def test_under_load_no_answer_is_older_than_its_question(shop, other):
    done, committed, asked = asyncio.Event(), [0], count()

    async def visitor(process):
        while not done.is_set():
            at_least = committed[0]
            found = await version_found(process, shop.scope)
            assert found is None or found >= at_least, f"version {found} was answered after {at_least} was committed"
            next(asked)

    visitors = [asyncio.create_task(visitor(process)) for process in (shop.runtime, other) for _ in range(4)]
    try:
        for version in range(1, EDITS + 1):
            await shop.edit(version)
            committed[0] = version
    finally:
        done.set()
        await asyncio.gather(*visitors)
    assert next(asked) > EDITS
    for process in (shop.runtime, other):
        for _ in range(SEARCHES):
            if await version_found(process, shop.scope) == EDITS:
                break
        else:
            pytest.fail("the last change was not found")


class Counting(MemoryStore):
    """Counts how often the rows are read."""

    reads = 0

    async def passages(self, scope, encoder_id):
        self.reads += 1
        return await super().passages(scope, encoder_id)


async def test_domains_are_closed_when_memory_is_short_and_open_from_their_files(tmp_path):
    store = Counting()
    scopes = [Scope(new_id(), new_id()) for _ in range(5)]
    for number, scope in enumerate(scopes):
        store.put(scope, *(hit(f"Shop {number} sells article {n} in red.", f"Article {n}").passage for n in range(40)))
    parts = IndexParts(store, lambda: None, tmp_path, memory=1)
    index = open_hybrid(parts)
    try:
        for scope in scopes:
            assert (await index.search(scope, "article 7")).hits
        assert list(index._open) == [scopes[-1].domain_id], "more domains are kept than fit"
        assert store.reads == len(scopes)
        for number, scope in enumerate(scopes):
            found = await index.search(scope, "article 7")
            assert found.hits[0].passage.text.startswith(f"Shop {number} "), "another domain's passage"
        assert store.reads == len(scopes), "a domain was built again although its files are there"
    finally:
        await index.close()


async def test_what_fits_stays_open_and_the_least_used_goes_first(tmp_path):
    store = Counting()
    scopes = [Scope(new_id(), new_id()) for _ in range(3)]
    for scope in scopes:
        store.put(scope, *(hit(f"The shop sells article {n} in red.", f"Article {n}").passage for n in range(40)))
    probe = open_hybrid(IndexParts(store, lambda: None, tmp_path / "probe", memory=1 << 30))
    await probe.search(scopes[0], "red")
    size = probe._open[scopes[0].domain_id].bytes
    await probe.close()
    index = open_hybrid(IndexParts(store, lambda: None, tmp_path / "index", memory=int(size * 2.5)))
    try:
        for scope in (scopes[0], scopes[1], scopes[0], scopes[2]):
            await index.search(scope, "red")
        assert list(index._open) == [scopes[0].domain_id, scopes[2].domain_id]
    finally:
        await index.close()
