"""What a website can do to a crawler: each fault is named for its page, and the rest is read."""

import asyncio
import gzip

import pytest
from aiohttp import web
from omniops.errors import Rejected

GOOD = "<p>Delivery to the islands takes four working days and costs nine pounds.</p>"


def page(title, body=GOOD, *, head="", links=()):
    anchors = "".join(f'<p><a href="{link}">to {link}</a></p>' for link in links)
    return f"<html lang=en><head><title>{title}</title>{head}</head><body><main><h1>{title}</h1>{body}{anchors}</main>"


async def answers(runtime, crawl, question="How long does delivery to the islands take?"):
    found = await runtime.index.search(crawl.domain.scope, question)
    return [hit.passage.text for hit in found.hits]


async def test_a_site_is_read_through_its_links_and_its_sitemap(runtime, site, crawl):
    site.routes |= {
        "/": page("Home", "<p>Welcome to the shop of this test, where all is well.</p>", links=["/delivery"]),
        "/delivery": page("Delivery"),
        "/robots.txt": (200, {}, f"User-agent: *\nDisallow: /secret\nSitemap: {site.url}map.xml".encode()),
        "/map.xml": (
            200,
            {"Content-Type": "application/xml"},
            f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>{site.url}only-in-map</loc></url>"
            f"<url><loc>{site.url}secret</loc></url></urlset>".encode(),
        ),
        "/only-in-map": page("Map", "<p>This page is linked from nowhere but stands in the map of the site.</p>"),
        "/secret": page("Secret", "<p>The password of the till is swordfish, and nobody must know.</p>"),
    }
    report = await crawl()
    assert report["state"] == "done"
    assert report["pages"] == {"read": 3, "skipped": 1}
    assert report["by_path"] == {"/secret": "robots"}
    assert "/secret" not in site.visits
    assert "four working days" in (await answers(runtime, crawl))[0]


async def test_an_unreachable_site_fails_with_its_name(site, crawl):
    async def hang_up(request):
        request.transport.abort()
        return web.Response()

    site.routes["*"] = hang_up
    report = await crawl()
    assert report["state"] == "failed"
    assert report["by_path"]["/"] in ("unreachable", "robots")
    assert "robots.txt" in report["said"] or "reach" in report["said"]


async def test_robots_may_forbid_all(site, crawl):
    site.routes |= {"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /"), "/": page("Home")}
    report = await crawl()
    assert report["state"] == "failed"
    assert report["by_path"] == {"/": "robots"}
    assert site.visits.count("/") == 0


async def test_a_seed_that_is_not_there(site, crawl):
    report = await crawl("nowhere")
    assert report["state"] == "failed"
    assert report["by_path"]["/nowhere"] == "not_found"


async def test_redirects_without_an_end(site, crawl):
    async def on(request):
        number = int(request.query.get("n", 0))
        return (302, {"Location": f"/turn?n={number + 1}"}, b"")

    site.routes |= {
        "/": page("Home", links=["/loop", "/turn", "/away"]),
        "/loop": (301, {"Location": "/loop"}, b""),
        "/turn": on,
        "/away": (302, {"Location": "http://169.254.169.254/latest"}, b""),
    }
    report = await crawl()
    assert report["state"] == "done"
    assert report["by_path"]["/loop"] == "redirect_loop"
    assert report["by_path"]["/turn"] == "redirect_loop"
    assert report["by_path"]["/away"] in ("unknown_host", "not_public")
    assert report["pages"]["read"] == 1


async def test_bodies_without_an_end(site, crawl):
    async def large(request):
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        try:
            for _ in range(50):
                await response.write(b"<p>" + b"x" * 2**20)
        except ConnectionError:
            pass
        return response

    packed = gzip.compress(b"<html><body>" + b"<p>word</p>" * (60 * 2**20 // 11))
    site.routes |= {
        "/": page("Home", links=["/large", "/announced", "/bomb", "/good"]),
        "/large": large,
        "/announced": (200, {"Content-Type": "text/html"}, b"x" * (11 * 2**20)),
        "/bomb": (200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, packed),
        "/good": page("Good"),
    }
    assert len(packed) < 2**20
    report = await crawl()
    assert {path: report["by_path"][path] for path in ("/large", "/announced", "/bomb")} == {
        "/large": "too_large",
        "/announced": "too_large",
        "/bomb": "too_large",
    }
    assert report["pages"]["read"] == 2


async def test_a_calendar_without_an_end(site, crawl):
    async def day(request):
        number = int(request.query["day"])
        return page(f"Day {number}", f"<p>Nothing happens on day {number}.</p>", links=[f"/calendar?day={number + 1}"])

    site.routes |= {"/": page("Home", links=["/calendar?day=1", "/good"]), "/calendar": day, "/good": page("Good")}
    async with asyncio.timeout(60):
        report = await crawl()
    assert report["state"] == "done"
    assert sum("calendar" in visit for visit in site.visits) <= 25
    assert "/good" in site.visits


async def test_a_charset_that_lies(runtime, site, crawl):
    text = "<p>Der Versand nach Österreich kostet fünf Euro und dauert zwei Tage länger als üblich.</p>"
    site.routes |= {
        "/": page("Home", links=["/latin", "/utf8"]),
        "/latin": (
            200,
            {"Content-Type": "text/html; charset=utf-8"},
            page("Latin", text).encode("latin-1"),
        ),
        "/utf8": (
            200,
            {"Content-Type": "text/html; charset=iso-8859-1"},
            page("Utf", text.replace("fünf", "sieben"), head="<meta charset=utf-8>").encode(),
        ),
    }
    await crawl()
    found = await answers(runtime, crawl, "Was kostet der Versand nach Österreich?")
    assert sum("Österreich" in text and "länger" in text for text in found) == 2


@pytest.mark.slow
async def test_a_page_of_two_hundred_thousand_links(site, crawl):
    links = "".join(f"<a href=/p{n}>p</a>" for n in range(200_000))
    site.routes |= {
        "/": page("Home", GOOD + links),
    }
    async with asyncio.timeout(120):
        report = await crawl()
    assert report["state"] == "done"
    assert report["pages"]["read"] == 1
    assert sum(report["pages"].values()) <= 5001


async def test_what_is_no_page_is_named(site, crawl):
    site.routes |= {
        "/": page("Home", links=["/paper", "/login", "/broken", "/hidden", "/empty", "/nul"]),
        "/paper": (200, {"Content-Type": "application/octet-stream"}, b"\x00\x01"),
        "/login": (403, {}, b"no"),
        "/broken": (500, {}, b"oops"),
        "/hidden": page("Hidden", head="<meta name=robots content=noindex>"),
        "/empty": "",
        "/nul": b"<html><body><p>" + b"\x00" * 2000 + b"</p>" + b"<div>" * 20_000,
    }
    report = await crawl()
    named = report["by_path"]
    assert named["/paper"] == "not_html"
    assert named["/login"] == "forbidden"
    assert named["/broken"] == "http_error"
    assert named["/hidden"] == "noindex"
    assert named["/empty"] in ("empty", "no_text")
    assert "/nul" in named
    assert report["state"] == "done"


async def test_what_changed_is_read_again_and_what_is_gone_is_forgotten(runtime, site, crawl):
    site.routes |= {
        "/": page("Home", "<p>Welcome to this shop, which is open every day.</p>", links=["/delivery", "/old"]),
        "/delivery": page("Delivery"),
        "/old": page("Old", "<p>The winter sale ends on the last day of January.</p>"),
    }
    await crawl()
    assert any("winter sale" in text for text in await answers(runtime, crawl, "When does the winter sale end?"))
    site.routes["/delivery"] = page("Delivery", "<p>Delivery to the islands takes six working days now.</p>")
    del site.routes["/old"]
    report = await crawl()
    assert report["pages"] == {"unchanged": 1, "read": 1, "gone": 1}
    assert "six working days" in (await answers(runtime, crawl))[0]
    assert not any("winter sale" in text for text in await answers(runtime, crawl, "When does the winter sale end?"))


async def test_a_source_is_read_by_one_process_at_a_time(site, crawl):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request):
        started.set()
        await go_on.wait()
        return page("Home")

    site.routes["/"] = slow
    first = asyncio.create_task(crawl())
    await started.wait()
    with pytest.raises(Rejected, match="being read"):
        await crawl()
    go_on.set()
    assert (await first)["state"] == "done"


async def test_a_crawl_that_was_cut_off_goes_on_where_it_stopped(site, crawl):
    stop = asyncio.Event()

    async def last(request):
        if not stop.is_set():
            stop.set()
            await asyncio.sleep(3600)
        return page("Last", "<p>The last page, which is reached in the second run only.</p>")

    paths = [f"/p{n}" for n in range(40)]
    site.routes |= {path: page(path, f"<p>Page {path} tells what only page {path} can tell.</p>") for path in paths}
    site.routes |= {"/": page("Home", links=[*paths, "/z-last"]), "/z-last": last}
    first = asyncio.create_task(crawl())
    await stop.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    report = await crawl()
    assert report["state"] == "done"
    assert report["pages"]["read"] == 42
    assert sum(site.visits.count(path) for path in paths) < 2 * len(paths)
