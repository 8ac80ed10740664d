"""The room of analytics: what it says and draws, the lists behind numbers, its files; the same figures in the API."""

import csv
import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.analytics.models import AnalyticsCount
from talks import Talks


@pytest.fixture
async def busy(front):
    """A website with forty conversations of yesterday through two channels, and one of today."""
    desk = front.desk
    talks, at = Talks(desk.runtime, desk.domain.scope), desk.clock.now() - timedelta(days=1)
    for number in range(32):
        await talks.add(at, first_ms=200 + 20 * number, helpful=number % 8 > 0 if number < 16 else None)
    for _ in range(8):
        await talks.add(at, channel="post", called=30, person=330, deployment=HOSTILE[:150], text=HOSTILE)
    await talks.add(desk.clock.now(), level="none")
    return talks


def at(member, inner=""):
    return f"{member.base}/analytics{inner}"


async def test_before_anybody_wrote_it_says_so(mara):
    await mara.open(at(mara))
    assert "Nobody wrote between" in mara.text
    assert '<svg class="chart"' not in mara.text


async def test_findings_stand_over_charts_and_over_the_tables_behind_them(mara, busy):
    await mara.open(at(mara))
    assert "The AI settled 73% of the conversations without a person." in mara.text, "30 of 41"
    assert re.search(r"Half of all answers begin within \d+ ms, 19 in 20 within \d+ ms\.", mara.text)
    assert "Website is settled best, Post needs people most." in mara.text
    assert mara.text.count('<svg class="chart"') == 3
    assert "41 conversations that began in these days" in mara.text
    assert "style=" not in mara.text


async def test_a_number_leads_to_the_conversations_behind_it(front, mara, busy):
    await mara.open(at(mara))
    links = set(re.findall(r'href="(/app/[^"]+/analytics/conversations[^"]*)"', mara.text))
    assert len(links) > 8
    for link in links:
        await mara.open(link.replace("&amp;", "&"))
        assert "/inbox/" in mara.text, link
        assert HOSTILE not in mara.text
        assert "<script>alert" not in mara.text
    await mara.open(at(mara, "/conversations?channel=post&who=person"))
    assert "through Post, settled by a person" in mara.text
    assert mara.text.count("/inbox/") == 8
    await mara.open(at(mara, "/conversations?day=2001-01-01"))
    assert "There is none." in mara.text


@pytest.mark.parametrize("inner", [
    "?days=0", "?days=91", "?days=x", "/conversations?who=me", "/conversations?day=yesterday", "/report.csv",
    "/report.csv?table=members",
])  # fmt: skip
async def test_what_cannot_be_counted_is_refused(mara, inner):
    assert (await mara.client.get(at(mara, inner))).status_code == 422


async def test_words_of_visitors_pages_and_vendors_stay_words(front, mara, busy):
    async with front.desk.runtime.database.session(mara.domain.scope) as session:
        for what in ("page", "device"):
            today = front.desk.clock.now().date()
            session.add(AnalyticsCount(domain_id=mara.domain.id, day=today, what=what, value=HOSTILE, count=3))
        await session.commit()
    for inner in (
        "",
        "?channel=" + "%3Cscript%3Ealert(1)%3C/script%3E",
        "/conversations?deployment=%3Cscript%3Ealert(1)",
    ):
        await mara.open(at(mara, inner))
        assert "<script>alert" not in mara.text
        assert "<img src=x" not in mara.text


@pytest.mark.parametrize("table", ["days", "channels", "times", "deployments"])
async def test_a_table_is_a_file_that_adds_up_and_calculates_nothing(front, mara, busy, table):
    await busy.add(front.desk.clock.now(), channel="=cmd()", deployment="@sum(1)")
    answer = await mara.client.get(at(mara, f"/report.csv?table={table}&days=7"))
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert not any(cell[:1] in ("=", "@", "+") for row in rows for cell in row.values())
    if table in ("days", "channels"):
        assert sum(int(row["conversations"]) for row in rows) == 42
    same = await (await front.office()).get(f"analytics/report.csv?table={table}&days=7")
    assert same.text == answer.text


async def test_the_api_gives_the_same_figures(front, mara, busy):
    office = await front.office()
    report = (await office.get("analytics/report")).json()
    assert (report["total"]["conversations"], report["total"]["ai_alone"], report["total"]["person"]) == (41, 30, 8)
    assert sum(day["conversations"] for day in report["days"]) == 41
    assert report["total"]["usd"] == "0.164"
    assert len(report["days"]) == 30
    listed = (await office.get("analytics/conversations?who=nobody&limit=2")).json()
    more = (await office.get(f"analytics/conversations?who=nobody&after={listed['next']}")).json()
    found = [one["id"] for one in listed["data"] + more["data"]]
    assert len(found) == len(set(found)) == report["total"]["nobody"]
    assert (await office.get("analytics/report?days=91")).status_code == 422


async def test_who_may_not_read_conversations_sees_numbers_without_a_list(front, busy):
    analyst = front.client(Authorization=(await front.office(role="analyst")).headers["Authorization"])
    base = f"/app/{front.desk.domain.id}/analytics"
    shown = await analyst.get(base)
    assert shown.status_code == 200
    assert "analytics/conversations" not in shown.text
    assert (await analyst.get(base + "/conversations")).status_code == 403
    api = f"/v1/domains/{front.desk.domain.id}/analytics"
    assert (await analyst.get(api + "/report")).status_code == 200
    assert (await analyst.get(api + "/conversations")).status_code == 403


async def test_what_is_another_accounts_is_not_there(front, mara, busy):
    foreign = front.client(Authorization=(await front.office(front.desk.other)).headers["Authorization"])
    for domain in (front.desk.domain.id, uuid4()):
        for inner in ("", "/report.csv?table=days", "/conversations"):
            assert (await foreign.get(f"/app/{domain}/analytics{inner}")).status_code == 404
        for inner in ("report", "report.csv?table=days", "conversations"):
            assert (await foreign.get(f"/v1/domains/{domain}/analytics/{inner}")).status_code == 404


async def test_looking_at_figures_opens_nothing(front, mara, busy):
    before = front.desk.rows("select count(*) from omniops.audit_entry where action = 'vault.open'")
    await mara.open(at(mara))
    await mara.open(at(mara, "/conversations"))
    assert front.desk.rows("select count(*) from omniops.audit_entry where action = 'vault.open'") == before
