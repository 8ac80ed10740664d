"""The pages about this server: what stands on them, that they lead to each other, and that nothing strange gets in."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from members_browser import HOSTILE
from omniops.errors import NotReachable
from omniops.plugins.loading import Report
from omniops.privacy.agreements import Agreements
from omniops.privacy.records import Operator, Records
from omniops.settings import Settings
from pydantic import ValidationError

ABOUT = ("/", "/terms", "/terms/agreement", "/accessibility", "/licences")
BELOW = {"/", "/privacy", "/cookies", "/subprocessors", "/terms", "/terms/agreement", "/accessibility", "/licences"}
NAMED = Operator("Harbour & Sons", "1 Quay, Bremen", "privacy@harbour.example", "Ada Quay", "none is needed")


@pytest.fixture
def setting(front, monkeypatch):
    return lambda name, value: monkeypatch.setitem(front.desk.runtime.settings.__dict__, name, value)


@pytest.mark.parametrize("path", ABOUT)
async def test_each_page_works_alone_and_names_itself(front, setting, path):
    setting("legal_name", HOSTILE)
    setting("postal_address", HOSTILE)
    setting("privacy_email", HOSTILE)
    answer = await front.client(Accept="text/html").get(path)
    assert answer.status_code == 200
    body = answer.text
    assert "<script" not in body
    assert "<img" not in body
    assert not re.search(r"\sstyle=", body)
    assert not re.search(r'<(?:link|img|source|iframe)[^>]*(?:href|src)="(?!/static/|http://127)', body)
    assert f'<link rel="canonical" href="{front.desk.runtime.settings.public_url}{path}">' in body
    assert len(re.findall(r"<h1\b", body)) == len(re.findall(r"<title>", body)) == 1
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_titles_differ_and_every_public_page_leads_to_all_others(front):
    key = front.desk.domain.widget_key
    titles = set()
    more = ("/privacy", f"/privacy/{key}", f"/privacy/{key}/processors", f"/rights/{key}?lang=ar", "/cookies",
            "/subprocessors", "/preferences", f"/try?key={key}", "/notice-at-collection", "/app/sign-in")  # fmt: skip
    for path in (*ABOUT, *more):
        body = (await front.client(Accept="text/html").get(path)).text
        titles.add(re.search(r"<title>(.*?)</title>", body)[1])
        foot = body[body.index('<footer class="foot">') :]
        assert set(re.findall(r'href="(/[^"?]*)"', foot)) >= BELOW, path
    assert len(titles) == len(ABOUT) + len(more)
    for path in BELOW:
        assert (await front.client().get(path)).status_code == 200, path


async def test_the_first_page_says_that_all_works_and_since_when(front, setting):
    body = (await front.client().get("/")).text
    assert "This server runs, and all of it works" in body
    assert f"running since {front.desk.clock.now():%-d %B %Y}" in body
    assert "has not said its name yet" in body
    setting("legal_name", "Harbour & Sons")
    setting("source_url", "https://code.example/omniops")
    body = (await front.client().get("/")).text
    assert "Harbour &amp; Sons" in body
    assert 'href="https://code.example/omniops"' in body


async def test_what_does_not_work_is_said_in_plain_words_and_nothing_of_the_inside(front, monkeypatch):
    reports = front.desk.runtime.plugins.reports
    inner = Report("ledgerly", "failed", "", "1", "omniops-ledgerly", stage="import", problem="no module xyz")
    monkeypatch.setitem(reports, "ledgerly", inner)
    answer = await front.client().get("/")
    assert answer.status_code == 200
    assert "This server runs, and not all of it works" in answer.text
    assert "A part of this server did not start" in answer.text
    assert not [word for word in ("ledgerly", "xyz") if word in unescape(answer.text)]

    def away():
        raise NotReachable("The database at 10.0.0.7 does not answer.")

    monkeypatch.setattr(front.desk.runtime.database, "connect", away)
    answer = await front.client().get("/")
    assert answer.status_code == 503
    assert "This server cannot work at the moment" in answer.text
    assert "10.0.0.7" not in answer.text


async def test_the_agreement_has_every_point_of_the_law_and_the_annex_of_the_register(front):
    runtime = front.desk.runtime
    records = Records(runtime.database, runtime.register, runtime.catalog, front.desk.clock, NAMED)
    agreements = Agreements(records, NAMED)
    paper = await agreements.agreement("Boots & Co")
    said = paper.markdown()
    assert [point for point in "abcdefgh" if f"Art. 28(3)({point})" not in said] == []
    assert "Boots & Co" in paper.statement
    assert "Harbour & Sons" in said
    assert "1 Quay, Bremen, privacy@harbour.example" in said
    assert re.search(r"version \d+ of \d+ \w+ 20\d\d", paper.basis)
    annex = await records.annex("Boots & Co")
    assert [f"Annex: {one.title}" for one in annex.sections[1:]] == [one.title for one in paper.sections[4:]]
    assert "Harbour & Sons" in agreements.terms().markdown()


async def test_terms_bind_nobody_while_the_operator_is_unnamed_and_give_way_to_its_own(front, setting):
    anybody = front.client()
    for path in ("/terms", "/terms/agreement"):
        body = (await anybody.get(path)).text
        assert "nobody yet: whoever runs this server has not said its name" in body
        assert "template that comes with the software" in body
        assert (await anybody.get(f"{path}?format=markdown")).text.startswith("# ")
        assert (await anybody.get(f"{path}?format=json")).json()["sections"]
    setting("terms_url", "https://harbour.example/terms")
    answer = await anybody.get("/terms")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://harbour.example/terms")
    assert (await anybody.get("/terms/agreement")).status_code == 200


async def test_a_business_reads_its_own_agreement_and_nobody_else_does(front):
    office = await front.office()
    answer = await office.get(f"{front.base}/v1/privacy/register/agreement")
    name = await front.desk.runtime.accounts.account_name(front.desk.domain.scope.account_id)
    assert name in str(answer.json()["sections"][0])
    agent = await front.office(role="agent")
    assert (await agent.get(f"{front.base}/v1/privacy/register/agreement")).status_code == 403
    assert (await front.client().get("/v1/privacy/register/agreement")).status_code == 401


async def test_weaknesses_have_an_address_only_where_the_operator_gives_one(front, setting):
    assert (await front.client().get("/.well-known/security.txt")).status_code == 404
    setting("security_contact", "mailto:security@harbour.example")
    answer = await front.client().get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@harbour.example"
    left = datetime.fromisoformat(fields["Expires"]) - front.desk.clock.now()
    assert timedelta(days=30) < left < timedelta(days=365)
    assert fields["Canonical"].endswith("/.well-known/security.txt")
    assert "security.txt" in (await front.client().get("/")).text


@pytest.mark.parametrize("contact", ["mailto:a@b.example\nContact: tel:1", "security@b.example", "javascript:alert(1)"])
def test_a_contact_that_is_no_address_is_refused(contact):
    with pytest.raises(ValidationError):
        Settings(security_contact=contact)


async def test_the_licences_are_those_of_what_is_installed(front):
    body = (await front.client().get("/licences")).text
    assert re.search(r'<th scope="row">fastapi</th><td>\d[\w.]+</td><td>MIT</td>', body)
    assert '<th scope="row">omniops' not in body
