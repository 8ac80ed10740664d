"""Sites without an end, and sites that ask to be read slowly."""

import asyncio
import itertools
import secrets
from datetime import timedelta
from types import SimpleNamespace

import pytest
from aiohttp import web
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.gate.crawl import Crawler
from omniops.gate.grants import Grant
from omniops.knowledge.fetching import USER_AGENT, Fetcher, Unfit
from omniops.knowledge.pace import Paces
from omniops.knowledge.urls import refines

REAL = {f"/goods/boat-{n}": f"<p>Boat {n} is {n + 3} metres long and floats.</p>" for n in range(12)}


def page(title, body, links=()):
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    head, main = f"<title>{title}</title>", f"<main><h1>{title}</h1>{body}</main>"
    return f"<html lang=en><head>{head}</head><body>{main}<nav>{anchors}</nav>"


async def test_a_site_of_traps_is_read_to_its_end_and_every_real_page_with_it(runtime, site, crawl):
    """A calendar without an end, a new session id in every path and query, facets in every combination, and a menu
    of relative links that grow: whatever is asked for is answered and leads further."""
    facets = [f"{name}={value}" for name, values in (("color", "rgb"), ("size", "sml"), ("sort", "ad"), ("view", "lg"))
              for value in values]  # fmt: skip

    async def anything(request):
        path, query = request.path, dict(request.query)
        if path in REAL:
            return page(path, REAL[path], [f"{path}?sort=up", f"{path}?ref_src=menu", "/"])
        if path.startswith("/s/"):  # the whole shop again under every session
            inner = "/" + path.split("/", 3)[3]
            return page(
                inner, REAL.get(inner, "<p>Home of the boats.</p>"), [f"/s/{secrets.token_hex(8)}{p}" for p in REAL]
            )
        if path.startswith("/events/"):
            year, month = int(path.split("/")[2]), int(path.split("/")[3]) % 12 + 1
            return page(f"{month} {year}", f"<p>Nothing in month {month} of {year}.</p>",
                        [f"/events/{year + (month == 1)}/{month}", f"/events/{year - 1}/{month}"])  # fmt: skip
        if path == "/search":
            pairs = [f"{k}={v}" for k, v in query.items()]
            return page(f"Search {sorted(pairs)}", f"<p>Boats that are {' and '.join(sorted(pairs))}.</p>",
                        ["/search?" + "&".join([*pairs, facet]) for facet in facets])  # fmt: skip
        if path.startswith("/deep"):
            name = path.rpartition("/")[2]
            return page(
                name, f"<p>All about {name}.</p>", [f"{path}/{menu}" for menu in ("more", "info", "terms", "jobs")]
            )
        return web.Response(status=404)

    site.routes |= {
        "/": page("Home", "<p>Home of the boats.</p>",
                  [*REAL, "/events/2026/11", f"/s/{secrets.token_hex(8)}/", "/search?color=r",
                   "/deep/more", "/goods/boat-0;jsessionid=AB12?sid=77"]),
        "*": anything,
    }  # fmt: skip
    async with asyncio.timeout(120):
        report = await crawl()
    assert report["state"] == "done"
    assert set(REAL) <= set(site.visits), "every real page was read"
    kinds = {
        kind: sum(visit.startswith(kind) for visit in site.visits) for kind in ("/events", "/s/", "/search", "/deep")
    }
    assert kinds["/events"] <= 2
    assert kinds["/s/"] <= 30, "the shop under a session says what the shop says"
    assert len(site.visits) < 400, kinds
    found = [hit.passage.url for hit in (await runtime.index.search(crawl.domain.scope, "How long is boat 7?")).hits]
    assert sum(url.endswith("/boat-7") for url in found) == 1, "no page is kept under two addresses"


async def test_two_sources_and_two_workers_share_the_pace_of_a_host(runtime):
    host, here, there = f"{secrets.token_hex(6)}.example", Paces(runtime.database), Paces(runtime.database)
    turns = [await paces.turn(host, 100.0) for paces in (here, there, here)]
    assert [round(turn.wait, -1) for turn in turns] == [0, 100, 200]
    assert (await there.turn(f"other.{host}", 100.0)).wait < 1, "another host has its own"


async def test_a_host_that_wants_to_be_left_alone_is_left_alone_by_all(runtime):
    host, here, there = f"{secrets.token_hex(6)}.example", Paces(runtime.database), Paces(runtime.database)
    await here.shut(host, 3600)
    assert (await there.turn(host, 1.0)).shut > 3500
    await there.shut(host, 5)
    assert (await here.turn(host, 1.0)).shut > 3500, "a shorter wish does not shorten the longer one"


@pytest.fixture
def waits(monkeypatch):
    """The waits of the fetcher, which are not waited for."""
    found = []

    async def sleep(seconds):
        found.append(seconds)
        await asyncio.sleep(0)

    # The fetcher's own view of asyncio: servers of the same loop go on sleeping, and their sleep is none of its waits.
    monkeypatch.setattr("omniops.knowledge.fetching.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    return found


@pytest.fixture
async def fetchers(runtime, site, crawl):
    """Fetchers as two crawls of two domains have them; the host is a stranger's, not the operator's own."""
    site.routes["/"] = page("Home", "<p>Home of the boats.</p>")
    await crawl()
    site.visits.clear()
    made = []

    def fetcher():
        grant = Grant.own_site(Scope(crawl.domain.scope.account_id, new_id()), frozenset({"127.0.0.1"}))
        made.append(Crawler(runtime.gate, grant, user_agent=USER_AGENT))
        return Fetcher(made[-1], runtime.clock, Paces(runtime.database), per_second=2, unhurried=lambda url: False)

    yield fetcher
    for crawler in made:
        await crawler.close()


async def test_the_pace_of_the_site_is_kept_over_crawls(site, fetchers, waits):
    site.routes["/robots.txt"] = (200, {}, b"User-agent: *\nCrawl-delay: 20")
    for _ in range(2):
        one = fetchers()
        for _ in range(2):
            await one.fetch(site.url)
    assert len(site.visits) == 6, "the page four times, robots.txt twice"
    assert max(waits) > 60, "the fourth page comes after three pauses of twenty seconds"
    assert sorted(waits) == waits


async def test_a_wish_for_a_long_rest_is_heeded_at_once_by_every_crawl(site, fetchers, waits):
    answers = itertools.chain([(503, {"Retry-After": "7200"}, b"busy")], itertools.repeat(page("Home", "<p>Hi.</p>")))

    async def busy(request):
        return next(answers)

    site.routes["/"] = busy
    for fetcher in (one := fetchers(), one, fetchers()):
        with pytest.raises(Unfit) as refused:
            await fetcher.fetch(site.url)
        assert refused.value.state == "failed"
        assert refused.value.retry_after > timedelta(hours=1, minutes=59).total_seconds()
    assert site.visits.count("/") == 1


async def test_a_short_rest_is_waited_for(site, fetchers, waits):
    answers = iter([(429, {"Retry-After": "40"}, b"busy"), page("Home", "<p>Hi.</p>")])

    async def busy(request):
        return next(answers)

    site.routes["/"] = busy
    assert (await fetchers().fetch(site.url)).status == 200
    assert max(waits) > 35


async def test_what_a_robots_file_forbids_after_it_was_read_is_not_kept(runtime, site, crawl):
    site.routes |= {"/": page("Home", "<p>Home of the boats.</p>", ["/secret"])}
    site.routes["/secret"] = page("Secret", "<p>The password of the till is swordfish.</p>")
    await crawl()
    assert "swordfish" in str((await runtime.index.search(crawl.domain.scope, "password of the till")).hits)
    site.routes["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /secret")
    site.visits.clear()
    await crawl()
    assert "/secret" not in site.visits
    assert "swordfish" not in str((await runtime.index.search(crawl.domain.scope, "password of the till")).hits)


@pytest.mark.parametrize(
    ("link", "where", "narrows"),
    [
        ("https://a.example/s?a=1&b=2&c=3", "https://a.example/s?a=1&b=2", True),
        ("https://a.example/s?a=1&a=2&b=2", "https://a.example/s?a=1&b=2", True),
        ("https://a.example/s?a=1&page=2", "https://a.example/s?a=1", False),
        ("https://a.example/s?a=1&b=2&page=3", "https://a.example/s?a=1&b=2&page=2", False),
        ("https://a.example/s?a=1&b=2&c=3", "https://a.example/", False),
        ("https://a.example/i?route=product&path=2&id=7", "https://a.example/i?path=2&route=category", False),
    ],
)
def test_facets_are_told_from_pages_of_a_list(link, where, narrows):
    assert refines(link, where) is narrows
