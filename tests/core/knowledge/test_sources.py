"""Sources as members manage them: what a list names, patterns, pausing, removal, and what was just published."""

import asyncio

import pytest
from omniops.accounts.service import DomainView
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, NotReachable, Rejected
from omniops.gate.grants import Allow
from omniops.knowledge.models import Page
from omniops.operations.asking import ask
from omniops.operations.firsts import OPERATOR, Firsts
from sqlmodel import select

MEMBER = Actor("member", "m")
SALE = "When does the winter sale end?"


def page(title, text, *links):
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    return f"<html lang=en><head><title>{title}</title></head><body><main><h1>{title}</h1><p>{text}</p>{anchors}</main>"


def listed(site, *paths, root="urlset"):
    body = "".join(f"<url><loc>{site.url.rstrip('/')}{path}</loc></url>" for path in paths)
    return (200, {"Content-Type": "application/xml"}, f"<{root}>{body}</{root}>".encode())


def fill(site):
    site.routes |= {
        "/": page("Home", "Welcome to the shop, which is open every day but Sunday.", "/sale", "/blog/tea"),
        "/sale": page("Sale", "The winter sale ends on the last day of January."),
        "/blog/tea": page("Tea", "Green tea is best brewed with water of eighty degrees."),
        "/map.xml": listed(site, "/sale", "/blog/tea"),
    }


@pytest.fixture
async def domain(runtime, site) -> DomainView:
    fill(site)
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Test")).account_id
    await runtime.allows.add(Allow("127.0.0.1", site.port, "the site of this test", plaintext=True))
    origin = site.url.rstrip("/")
    return await runtime.accounts.add_domain(account, origin, [origin], actor=OPERATOR)


async def read(runtime, domain, site, kind="site", path="", **patterns):
    source = await runtime.sources.add(domain.scope, kind, site.url + path, actor=OPERATOR, **patterns)
    return source, await runtime.knowledge.crawl(domain.scope, source.id)


async def known(runtime, domain, site):
    async with runtime.database.session(domain.scope) as session:
        rows = (await session.exec(select(Page).where(Page.domain_id == domain.id))).all()
    return {row.url.removeprefix(site.url.rstrip("/")): row.state for row in rows}


async def said(runtime, domain, question=SALE):
    return [source["quote"] for source in (await ask(runtime, domain, question)).sources]


async def test_a_sitemap_source_reads_what_is_listed_and_nothing_else(runtime, domain, site):
    site.routes["/sale"] = page("Sale", "The winter sale ends on the last day of January.", "/secret")
    site.routes["/secret"] = page("Secret", "Nobody listed this page anywhere.")
    source, report = await read(runtime, domain, site, "sitemap", "map.xml")
    assert report.state == "done"
    assert await known(runtime, domain, site) == {"/sale": "read", "/blog/tea": "read"}
    assert "/secret" not in site.visits
    site.routes["/map.xml"] = listed(site, "/blog/tea")
    await runtime.knowledge.crawl(domain.scope, source.id)
    assert await known(runtime, domain, site) == {"/blog/tea": "unchanged"}
    assert not any("sale" in quote for quote in await said(runtime, domain))


async def test_a_sitemap_of_sitemaps_is_read_whole(runtime, domain, site):
    child = f"<sitemap><loc>{site.url}map.xml</loc></sitemap><sitemap><loc>https://evil.example/m.xml</loc></sitemap>"
    site.routes["/all.xml"] = (
        200,
        {"Content-Type": "application/xml"},
        f"<sitemapindex>{child}</sitemapindex>".encode(),
    )
    _, report = await read(runtime, domain, site, "sitemap", "all.xml")
    assert report.counts == {"read": 2}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (None, NotReachable),
        ((200, {"Content-Type": "text/html"}, b"<html>sorry</html>"), Rejected),
        ((200, {"Content-Type": "application/xml"}, b"<urlset></urlset>"), Rejected),
    ],
)
async def test_a_sitemap_that_fails_takes_nothing_away(runtime, domain, site, answer, error):
    source, _ = await read(runtime, domain, site, "sitemap", "map.xml")
    site.routes["/map.xml"] = answer
    with pytest.raises(error):
        await runtime.knowledge.crawl(domain.scope, source.id)
    assert any("winter sale" in quote for quote in await said(runtime, domain))
    (crawl, *_) = await runtime.knowledge.last_crawls(domain.scope)
    assert (crawl.state, bool(crawl.said)) == ("failed", True)


async def test_a_feed_source_reads_its_entries_and_keeps_those_that_drop_out(runtime, domain, site):
    def feed(*paths):
        items = "".join(f"<item><link>{site.url}{path}</link></item>" for path in paths)
        body = f"<rss version='2.0'><channel><link>{site.url}</link>{items}</channel></rss>"
        return (200, {"Content-Type": "application/rss+xml"}, body.encode())

    site.routes["/feed"] = feed("sale")
    source, _ = await read(runtime, domain, site, "feed", "feed")
    assert await known(runtime, domain, site) == {"/sale": "read"}
    site.routes["/feed"] = feed("blog/tea")
    await runtime.knowledge.crawl(domain.scope, source.id)
    assert await known(runtime, domain, site) == {"/sale": "unchanged", "/blog/tea": "read"}


async def test_a_listed_page_that_lives_elsewhere_is_cited_by_its_listed_address(runtime, domain, site):
    site.routes |= {
        "/map.xml": listed(site, "/old-sale"),
        "/old-sale": (301, {"Location": "/sale"}, b""),
    }
    await read(runtime, domain, site, "sitemap", "map.xml")
    assert await known(runtime, domain, site) == {"/old-sale": "read"}


async def test_what_is_excluded_is_forgotten_at_once_and_comes_back(runtime, domain, site):
    source, _ = await read(runtime, domain, site)
    assert any("winter sale" in quote for quote in await said(runtime, domain))
    changed = await runtime.sources.change(domain.scope, source.id, exclude=["/sa*"], actor=MEMBER)
    assert changed.exclude == ("/sa*",)
    assert not any("winter sale" in quote for quote in await said(runtime, domain))
    await runtime.knowledge.crawl(domain.scope, source.id)
    assert "/sale" not in await known(runtime, domain, site)
    await runtime.sources.change(domain.scope, source.id, exclude=[], include=["/", "/sale"], actor=MEMBER)
    await runtime.knowledge.crawl(domain.scope, source.id)
    assert set(await known(runtime, domain, site)) == {"/", "/sale"}


@pytest.mark.parametrize(
    "pattern", ["", "blog/*", "https://shop.example/*", "/" + "x" * 200, "/a\nb", "/a\x00"], ids=range(6)
)
async def test_what_is_no_pattern_changes_nothing(runtime, domain, site, pattern):
    source = await runtime.sources.add(domain.scope, "site", site.url, actor=OPERATOR)
    with pytest.raises(Rejected) as rejected:
        await runtime.sources.change(domain.scope, source.id, exclude=["/ok", pattern], paused=True, actor=MEMBER)
    assert (rejected.value.code, rejected.value.where) == ("bad_pattern", "exclude")
    assert await runtime.sources.get(domain.scope, source.id) == source


async def test_a_paused_source_is_neither_cited_nor_read_until_it_is_resumed(runtime, domain, site):
    source, _ = await read(runtime, domain, site)
    paused = await runtime.sources.change(domain.scope, source.id, paused=True, actor=MEMBER)
    assert paused.paused_at is not None
    assert (await ask(runtime, domain, SALE)).level == "none"
    visits = len(site.visits)
    for call in (
        runtime.knowledge.crawl(domain.scope, source.id),
        runtime.knowledge.request_crawl(domain.scope, source.id),
        runtime.sources.published(domain.scope, source.id, [site.url], actor=MEMBER),
    ):
        with pytest.raises(Rejected) as rejected:
            await call
        assert rejected.value.code == "paused"
    assert len(site.visits) == visits
    await runtime.sources.change(domain.scope, source.id, paused=False, actor=MEMBER)
    assert any("winter sale" in quote for quote in await said(runtime, domain)), "at once, before any crawl"


@pytest.mark.parametrize("removed", [False, True], ids=("paused", "removed"))
async def test_a_crawl_that_runs_ends_when_its_source_is_paused_or_removed(runtime, domain, site, removed):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        begun.set()
        await go_on.wait()
        return page("Slow", "The slow page tells that the winter sale ends in March.")

    site.routes["/slow"] = slow
    site.routes["/"] = page("Home", "Welcome to the shop.", "/slow")
    source = await runtime.sources.add(domain.scope, "site", site.url, actor=OPERATOR)
    crawling = asyncio.create_task(runtime.knowledge.crawl(domain.scope, source.id))
    await begun.wait()
    if removed:
        await runtime.sources.remove(domain.scope, source.id, actor=MEMBER)
    else:
        await runtime.sources.change(domain.scope, source.id, paused=True, actor=MEMBER)
    go_on.set()
    with pytest.raises(NotFound if removed else Rejected):
        await crawling
    assert (await ask(runtime, domain, SALE)).level == "none"
    if removed:
        assert await known(runtime, domain, site) == {}
    else:
        (crawl, *_) = await runtime.knowledge.last_crawls(domain.scope)
        assert (crawl.state, crawl.problem) == ("cancelled", "paused")


async def test_a_crawl_that_runs_brings_back_nothing_that_was_excluded_meanwhile(runtime, domain, site):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        begun.set()
        await go_on.wait()
        return page("Sale", "The winter sale ends on the last day of January.")

    site.routes["/sale"] = slow
    source = await runtime.sources.add(domain.scope, "site", site.url, actor=OPERATOR)
    crawling = asyncio.create_task(runtime.knowledge.crawl(domain.scope, source.id))
    await begun.wait()
    await runtime.sources.change(domain.scope, source.id, exclude=["/sale"], actor=MEMBER)
    go_on.set()
    await crawling
    assert not any("winter sale" in quote for quote in await said(runtime, domain))


async def test_a_removed_source_is_cited_no_more(runtime, domain, site):
    source, _ = await read(runtime, domain, site)
    assert await said(runtime, domain)
    await runtime.sources.remove(domain.scope, source.id, actor=MEMBER)
    assert (await ask(runtime, domain, SALE)).level == "none"
    assert await known(runtime, domain, site) == {}
    assert await runtime.knowledge.sources(domain.scope) == []


async def test_what_the_business_published_is_visited_now_and_nothing_else(runtime, domain, site):
    source, _ = await read(runtime, domain, site)
    await runtime.jobs.work(wait=False)  # the crawl that adding it had queued
    site.routes |= {
        "/sale": page("Sale", "The winter sale ends on the last day of February.", "/hidden"),
        "/new": page("New", "The spring sale begins on the first day of April."),
        "/hidden": page("Hidden", "A page that nobody told of."),
    }
    del site.routes["/blog/tea"]
    site.visits.clear()
    urls = [f"{site.url}sale", f"{site.url}new?utm_source=x", f"{site.url}blog/tea"]
    told = await runtime.sources.published(domain.scope, source.id, urls, actor=MEMBER)
    assert told == [f"{site.url}sale", f"{site.url}new", f"{site.url}blog/tea"]
    await runtime.jobs.work(wait=False)
    assert {visit for visit in site.visits if visit != "/robots.txt"} == {"/sale", "/new", "/blog/tea"}
    assert any("February" in quote for quote in await said(runtime, domain))
    assert any("April" in quote for quote in await said(runtime, domain, "When does the spring sale begin?"))
    assert not any("tea" in quote for quote in await said(runtime, domain, "How is green tea brewed?"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://evil.example/", "foreign_page"),
        ("nonsense", "foreign_page"),
        ("{site}logo.png", "foreign_page"),
        ("{site}blog/tea", "excluded"),
        ("{site}sale", "other_source"),
    ],
)
async def test_one_foreign_address_and_none_is_visited(runtime, domain, site, url, code):
    await read(runtime, domain, site, "sitemap", "map.xml")
    source = await runtime.sources.add(domain.scope, "site", site.url, exclude=["/blog/*"], actor=OPERATOR)
    before = await known(runtime, domain, site)
    with pytest.raises(Rejected) as rejected:
        urls = [f"{site.url}new", url.format(site=site.url)]
        await runtime.sources.published(domain.scope, source.id, urls, actor=MEMBER)
    assert rejected.value.code == code
    assert await known(runtime, domain, site) == before


async def test_another_domain_has_no_such_source(runtime, domain, site):
    source, _ = await read(runtime, domain, site)
    other = (
        await runtime.accounts.add_domain(
            domain.scope.account_id, "Other", ["https://other-shop.example"], actor=OPERATOR
        )
    ).scope
    for call in (
        runtime.sources.get(other, source.id),
        runtime.sources.change(other, source.id, paused=True, actor=MEMBER),
        runtime.sources.remove(other, source.id, actor=MEMBER),
        runtime.sources.published(other, source.id, ["https://other-shop.example/"], actor=MEMBER),
        runtime.knowledge.request_crawl(other, source.id),
    ):
        with pytest.raises(NotFound):
            await call
    assert await runtime.sources.get(domain.scope, source.id) == source
    assert await said(runtime, domain)
