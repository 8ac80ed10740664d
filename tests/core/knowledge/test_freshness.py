"""Between crawls: what changed is answerable within its interval, what is gone is not cited, the rest costs nothing."""

from datetime import timedelta

import pytest
from omniops.gate.grants import Allow
from omniops.jobs.service import CRAWLS
from omniops.knowledge.freshness import AGAIN, LEAST, learnt, next_visit
from omniops.knowledge.models import FIRST, Page
from omniops.knowledge.reading import PageReader
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock
from sqlmodel import select

DAY, MOST = timedelta(days=1), timedelta(days=30)


@pytest.fixture(scope="module")
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory, clock):
    folder = tmp_path_factory.mktemp("data")
    plugins = ["website", "site", "quoting", "hybrid", "wordllama"]
    settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=plugins)
    async with Runtime.open(settings, links, postgres.root, clock=clock, migrate=True) as runtime:
        yield runtime


@pytest.fixture
def later(runtime, clock, site, crawl):
    """Lets time pass and visits what is due of the site then, as the queued job does. Returns the paths that were
    visited."""

    async def pass_by(**time):
        clock.forward(**time)
        await runtime.allows.add(Allow("127.0.0.1", site.port, "the site of this test", plaintext=True))
        site.visits.clear()
        (source,) = await runtime.knowledge.sources(crawl.domain.scope)
        await runtime.jobs._tasks["knowledge:visit"].run(crawl.domain.scope, str(source.id))
        return {path for path in site.visits if path not in ("/robots.txt", "/sitemap.xml")}

    return pass_by


@pytest.fixture
def costs(monkeypatch):
    """Counts extractions and encoded texts from here on."""
    from omniops.knowledge import encoding

    seen = {"read": 0, "encoded": 0}
    read, encode = PageReader.read, encoding.encode_in_child

    async def counted_read(self, *arguments):
        seen["read"] += 1
        return await read(self, *arguments)

    async def counted_encode(encoder, texts, **options):
        seen["encoded"] += len(texts)
        return await encode(encoder, texts, **options)

    monkeypatch.setattr(PageReader, "read", counted_read)
    monkeypatch.setattr(encoding, "encode_in_child", counted_encode)
    return seen


async def pages(runtime, crawl):
    async with runtime.database.session(crawl.domain.scope) as session:
        return {found.url.rpartition("/")[2]: found for found in (await session.exec(select(Page))).all()}


def page(title, body, *, links=()):
    anchors = "".join(f'<p><a href="{link}">to {link}</a></p>' for link in links)
    return f"<html lang=en><head><title>{title}</title></head><body><main><h1>{title}</h1>{body}{anchors}</main>"


async def answers(runtime, crawl, question="What does delivery to the islands cost?"):
    return [hit.passage.text for hit in (await runtime.index.search(crawl.domain.scope, question)).hits]


def fee(pounds):
    return page("Delivery", f"<p>Delivery to the islands takes four working days and costs {pounds} pounds.</p>")


def map_of(site, **changed):
    urls = "".join(f"<url><loc>{site.url}{path}</loc><lastmod>{at}</lastmod></url>" for path, at in changed.items())
    body = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>"
    return (200, {"Content-Type": "application/xml"}, body.encode())


async def test_an_edited_page_is_answerable_within_the_interval_that_was_learnt_for_it(runtime, site, crawl, later):
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees", "/about"]), "/fees": fee("nine")}
    site.routes["/about"] = page("About", "<p>The shop was founded by two sisters from Oban.</p>")
    await crawl()
    assert await later(hours=23) == set(), "nothing is due yet"
    site.routes["/fees"] = fee("ten")
    assert await later(hours=1) == {"/", "/fees", "/about"}
    assert "ten pounds" in (await answers(runtime, crawl))[0]
    site.routes["/fees"] = fee("twelve")
    assert await later(hours=12) == {"/fees"}, "it changed, so it comes twice as often; the others come more seldom"
    assert "twelve pounds" in (await answers(runtime, crawl))[0]
    found = await pages(runtime, crawl)
    assert found["fees"].interval == FIRST / 4
    assert found["about"].interval == FIRST * 1.5


async def test_what_did_not_change_is_neither_read_nor_encoded(runtime, site, crawl, later, costs):
    async def with_etag(request):
        if request.headers.get("If-None-Match") == '"7"':
            return (304, {}, b"")
        return (200, {"Content-Type": "text/html", "ETag": '"7"'}, fee("nine").encode())

    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees", "/hours"]), "/fees": with_etag}
    site.routes["/hours"] = page("Hours", "<p>The shop is open from nine to five.</p>")
    await crawl()
    assert costs == {"read": 3, "encoded": 3}
    assert await later(days=1) == {"/", "/fees", "/hours"}
    assert costs == {"read": 3, "encoded": 3}
    site.routes["/hours"] = page("Hours", "<p>The shop is open from ten to four.</p>")
    await later(days=2)
    assert costs == {"read": 4, "encoded": 4}, "the one page that changed"


async def test_a_deleted_page_is_not_cited_from_that_visit_on_and_an_unlinked_one_stays(runtime, site, crawl, later):
    sale, club = "<p>The winter sale ends on the last day of January.</p>", "<p>The rowing club meets on Mondays.</p>"
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/sale", "/club"]), "/sale": page("Sale", sale)}
    site.routes["/club"] = page("Club", club)
    await crawl()
    site.routes["/"] = page("Home", "<p>We sell boats.</p>")
    del site.routes["/sale"]
    await later(days=1)
    assert not any("winter sale" in text for text in await answers(runtime, crawl, "When does the winter sale end?"))
    assert "Mondays" in (await answers(runtime, crawl, "When does the rowing club meet?"))[0]
    assert "/sale" not in await later(days=30), "what is gone is not asked for again"
    site.routes |= {"/": page("Home", "<p>We sell boats again.</p>", links=["/sale"]), "/sale": page("Sale", sale)}
    await later(days=30)
    assert "winter sale" in (await answers(runtime, crawl, "When does the winter sale end?"))[0], "somebody links to it"


async def test_a_sitemap_makes_a_page_due_and_is_not_believed_twice_when_it_is_wrong(
    runtime, clock, site, crawl, later
):
    def says():
        return map_of(site, fees=(clock.now() + timedelta(minutes=1)).isoformat())

    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees"]), "/fees": fee("nine")}
    site.routes["/sitemap.xml"] = map_of(site, fees="2020-01-01")
    await crawl()
    await later(days=1)
    site.routes |= {"/fees": fee("ten"), "/sitemap.xml": says()}
    assert await later(days=1) == {"/fees"}, "half a day before its time"
    assert "ten pounds" in (await answers(runtime, crawl))[0]
    await later(hours=18)  # its own time: nothing new
    site.routes["/sitemap.xml"] = says()
    assert "/fees" in await later(hours=18), "said to have changed"
    site.routes["/sitemap.xml"] = says()
    assert "/fees" not in await later(hours=12), "it had not, and so is not asked for out of its time again"


async def test_new_pages_of_a_sitemap_are_read_without_a_crawl(runtime, site, crawl, later):
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>"), "/sitemap.xml": map_of(site)}
    await crawl()
    site.routes |= {"/sitemap.xml": map_of(site, fees="2026-01-01"), "/fees": fee("nine")}
    assert "/fees" in await later(days=1)
    assert "nine pounds" in (await answers(runtime, crawl))[0]


async def test_a_domain_may_be_visited_more_often(runtime, site, crawl, later):
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees"]), "/fees": fee("nine")}
    await crawl()
    changes = {"settings": {"visit_within_hours": 2}}
    await runtime.accounts.configure(crawl.domain.scope, changes, actor=OPERATOR)
    await later(days=1)
    for _ in range(3):
        assert await later(hours=2) == {"/", "/fees"}


async def test_a_site_that_is_down_keeps_what_was_read_and_is_tried_again(runtime, site, crawl, later):
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees"]), "/fees": fee("nine")}
    await crawl()
    up = dict(site.routes)
    site.routes.clear()
    site.routes["*"] = (500, {}, b"down")
    assert await later(days=1) == set(), "its robots.txt fails, so nothing is asked for"
    assert "nine pounds" in (await answers(runtime, crawl))[0]
    site.routes.clear()
    site.routes |= {**up, "/fees": fee("ten")}
    await later(hours=6)
    assert "ten pounds" in (await answers(runtime, crawl))[0]


async def test_a_page_that_says_when_to_come_back_is_not_asked_before(runtime, site, crawl, later):
    site.routes |= {"/": page("Home", "<p>We sell boats.</p>", links=["/fees"]), "/fees": fee("nine")}
    await crawl()
    site.routes["/fees"] = (503, {"Retry-After": "172800"}, b"busy")
    await later(days=1)
    site.routes["/fees"] = fee("ten")
    assert "/fees" not in await later(hours=36)
    assert "/fees" in await later(hours=12)
    assert "ten pounds" in (await answers(runtime, crawl))[0]


async def test_what_is_due_is_queued_once_and_visited(runtime, clock, site, crawl):
    site.routes["/"] = fee("nine")
    await crawl()
    clock.forward(days=1)
    site.routes["/"] = fee("ten")
    for _ in range(2):
        await runtime.jobs._tasks["knowledge:due"].run()
    site.visits.clear()
    await runtime.jobs.work([CRAWLS], wait=False)
    assert site.visits.count("/") == 1
    assert "ten pounds" in (await answers(runtime, crawl))[0]


@pytest.mark.parametrize(
    ("before", "changed", "waited", "after"),
    [
        (DAY, True, DAY, DAY / 2),
        (DAY, False, DAY, 1.5 * DAY),
        (DAY, False, DAY / 2, DAY),
        (LEAST, True, LEAST, LEAST),
        (MOST, False, MOST, MOST),
    ],
)
def test_an_interval_is_learnt(before, changed, waited, after):
    assert learnt(before, changed=changed, waited=waited, ceiling=MOST) == after


def test_a_failure_shortens_the_wait_unless_the_site_asks_for_more(clock):
    now = clock.now()
    assert next_visit("failed", now, DAY, None) == now + AGAIN
    assert next_visit("failed", now, LEAST, None) == now + LEAST
    assert next_visit("failed", now, DAY, 2 * 86_400) == now + 2 * DAY
    assert next_visit("gone", now, DAY, None) is None
