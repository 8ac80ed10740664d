"""Chosen files of Drive: read as people see them, followed, for whom they are, and gone with what let them be read."""

import json
from uuid import uuid4

import pytest
from connected import MEMBER
from fake_google import AUTH
from google_app import scopes_of
from google_files import SHEET, SLIDES, sheet
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from omniops.testing.upstream import Answer

DOC = (
    "# Zebrawood tables\n\nA zebrawood table costs 900 euros with us.\n\n![][image1]\n\n"
    "[image1]: <data:image/png;base64,AAAA>\n"
)
ROWS = (("Article", "Margin", "Price"), ("Oak bench", "55 percent", "120 euros"), ("Ash stool", "5", "80 euros"))


class Drawer:
    """The files of a connection. `word` stands in the documents of this test alone."""

    def __init__(self, app, connection_id):
        self.app, self.id, self.chosen = app, connection_id, app.runtime.traffic.documents
        self.word = f"zebra{uuid4().hex[:8]}"

    def marked(self):
        """A document with that word in its title and its text."""
        return self.app.google.put(self.app.account, f"Tables {self.word}", DOC.replace("zebrawood", self.word))

    async def choose(self, *files, audience="everybody"):
        ids = [one.id for one in files]
        await self.chosen.choose(self.app.scope, self.id, ids, audience, actor=MEMBER)
        await self.app.fetched()
        return {one.document_id: one for one in await self.chosen.all(self.app.scope, self.id)}

    async def states(self):
        return {one.document_id: (one.state, one.problem) for one in await self.chosen.all(self.app.scope, self.id)}

    async def found(self, words, audience="everybody"):
        hits = (await self.app.runtime.knowledge.search(self.app.scope, words, audience=audience)).hits
        return {hit.passage.title: hit.passage for hit in hits}


@pytest.fixture
async def drawer(app):
    return Drawer(app, await app.connect("documents"))


async def test_only_files_that_a_person_picks_can_be_seen_at_all(app, drawer):
    begun = await app.runtime.granting.begin(app.scope, "google", {}, actor=OPERATOR, chosen={"documents": True})
    assert [one for one in scopes_of(begun.url) if "drive" in one] == [f"{AUTH}drive.file"]
    doc = app.google.put(app.account, "Prices", DOC)
    app.google.put(app.account, "Diary", "dear diary", picked=False)
    app.google.put(app.account, "Old", "old", trashed=True)
    app.google.put(app.account, "Picture", b"png", "image/png")
    app.google.page = 2
    offered = await drawer.chosen.offered(app.scope, drawer.id)
    assert [(one.id, one.title) for one in offered] == [(doc.id, "Prices")]
    assert await drawer.chosen.picker(app.scope, drawer.id) == {
        "client_id": "client.apps.googleusercontent.com",
        "app_id": "1234567890",
        "developer_key": "AIza-public",
        "scope": f"{AUTH}drive.file",
    }


async def test_documents_sheets_slides_and_files_are_read_as_people_see_them(app, drawer):
    doc = app.google.put(app.account, "Tables", DOC, anybody=True)
    table = app.google.put(app.account, "Benches", mime=SHEET)
    table.sheets = [
        sheet("Prices", *ROWS, hidden_rows=(2,), hidden_columns=(1,)),
        sheet("Plans", ("Plan", "Secret"), ("Merger", "with Quagga Ltd"), hidden=True),
    ]
    slides = app.google.put(app.account, "Talk", "We oil every lamp of brass by hand.", SLIDES)
    page = app.google.put(
        app.account, "care.html", "<main><p>Wax the walnut desk twice a year.</p></main>", "text/html"
    )
    never = app.google.put(app.account, "Never chosen", "The quagga sleeps.")
    chosen = await drawer.choose(doc, table, slides, page)
    assert {one.state for one in chosen.values()} == {"read"}, chosen
    (found,) = (await drawer.found("zebrawood table")).values()
    assert (found.heading, found.url) == ("Zebrawood tables", f"https://docs.google.com/document/d/{doc.id}/edit")
    assert "data:" not in found.text
    assert "image" not in found.text
    bench = (await drawer.found("oak bench"))["Benches"]
    assert "120 euros" in bench.text
    assert bench.url == "", "a file that not everybody may open is named, and leads nowhere"
    assert (await drawer.found("brass lamp"))["Talk"]
    assert (await drawer.found("walnut desk"))["care.html"]
    kept = app.everything()
    for unseen in ("55 percent", "Ash stool", "Quagga Ltd", "Canary", "The quagga sleeps"):
        assert unseen not in kept, "hidden cells and sheets, and what is not asked for, stay there"
    asked = [
        given for method, given in app.google.asked if method.startswith(("drive.files.get", "drive.files.export"))
    ]
    assert never.id not in str(asked)


async def test_visitors_are_answered_from_what_is_for_everybody_alone(app, drawer):
    secret = app.google.put(app.account, "Margins", "The margin of a zebrawood table is forty percent.")
    await drawer.choose(secret, audience="members")
    said = await app.ask(await app.visitor(), "What is the margin of a zebrawood table?")
    assert "forty" not in str(said)
    assert "Margins" not in str(said)
    assert (await drawer.found("zebrawood", "members")).keys() == {"Margins"}
    await drawer.choose(secret)
    said = await app.ask(await app.visitor(), "What is the margin of a zebrawood table?")
    assert "forty" in str(said), "so the question would have found it"


@pytest.mark.parametrize("lost", ["bin", "permission", "deletion"])
async def test_what_may_no_longer_be_read_is_gone_when_google_tells(app, drawer, lost):
    doc = drawer.marked()
    await drawer.choose(doc)
    assert drawer.word in app.everything()
    if lost == "deletion":
        del app.account.files[doc.id]
        app.account.changed.append(doc.id)
    else:
        app.google.touch(app.account, doc, **({"trashed": True} if lost == "bin" else {"picked": False}))
    ((address, headers),) = list(app.google.file_notices(app.account))
    assert (await app.deliver(address, headers)).status_code == 200
    await app.work()
    await app.fetched()
    assert await drawer.states() == {doc.id: ("gone", None)}
    assert drawer.word not in app.everything()


async def test_what_changed_is_read_again_page_by_page(app, drawer):
    files = [app.google.put(app.account, f"Tables {number}", DOC) for number in range(3)]
    await drawer.choose(*files[:2])
    app.google.page = 1
    app.google.asked.clear()
    app.google.touch(app.account, files[2], name="Never chosen")
    app.google.touch(app.account, files[0], name="New tables", content=DOC.replace("900", "950").encode())
    await app.again()
    assert (await drawer.found("zebrawood")).keys() == {"New tables", "Tables 1"}
    assert app.google.count("drive.files.export") == 1
    assert app.google.count("drive.changes.list") == 2
    app.google.too_old_files = True
    await app.again()
    assert app.google.count("drive.changes.getStartPageToken") == 1, "a place that is too old begins anew"
    assert app.google.count("drive.files.export") == 1, "and what is known is not fetched again"


async def test_what_cannot_be_used_is_shown_as_such(app, drawer):
    wrong = {
        app.google.put(app.account, "Long", b"x" * (10 * 2**20 + 1)): "too_large",
        app.google.put(app.account, "Large", b"x" * (20 * 2**20 + 1), "application/pdf"): "too_large",
        app.google.put(app.account, "Shown", DOC, downloadable=False): "no_download",
        app.google.put(app.account, "Arrow", b"", "application/vnd.google-apps.shortcut"): "unknown_format",
        app.google.put(app.account, "Torn", b"no pdf", "application/pdf"): "broken_pdf",
    }
    await drawer.choose(*wrong)
    assert await drawer.states() == {one.id: ("refused", problem) for one, problem in wrong.items()}
    assert app.rows("select count(*) from omniops.passage where domain_id = %s", app.domain.id) == [(0,)]


@pytest.mark.parametrize("reason", ["userRateLimitExceeded", "accessNotConfigured"])
async def test_google_being_busy_or_not_set_up_takes_nothing_away(app, drawer, reason):
    doc = app.google.put(app.account, "Tables", DOC)
    await drawer.choose(doc)
    app.google.touch(app.account, doc, name="Tables of ours")
    fault = Answer.json({"error": {"code": 403, "errors": [{"reason": reason}]}}, status=403)
    app.google.faults["drive.files.get"].append(fault)
    await app.again()
    assert (await drawer.found("zebrawood")).keys() == {"Tables"}
    await app.again(hours=1)
    assert (await drawer.found("zebrawood")).keys() == {"Tables of ours"}


async def test_access_that_was_taken_back_shows_nothing_until_it_is_given_again(app, drawer):
    doc = app.google.put(app.account, "Tables", DOC)
    await drawer.choose(doc)
    app.google.end(app.account)
    await app.again(hours=2)
    assert (await app.view(drawer.id)).state == "needs_reauth"
    assert await drawer.found("zebrawood", "members") == {}
    wanted = {"documents": True, "times": False}
    assert (await app.grant(connection_id=drawer.id, features=wanted)).outcome == "connected"
    assert (await drawer.found("zebrawood")).keys() == {"Tables"}


async def test_drive_unticked_at_google_is_off_and_says_so(app):
    app.google.grants = {f"{AUTH}calendar.freebusy"}
    result = await app.grant(features={"documents": True})
    assert result.outcome == "partial"
    features = {one.key: one for one in (await app.view(result.connection_id)).features}
    assert (features["documents"].on, list(features["documents"].missing)) == (False, [f"{AUTH}drive.file"])
    with pytest.raises(Rejected, match="not granted"):
        await app.runtime.traffic.documents.offered(app.scope, result.connection_id)


async def test_notices_are_of_our_channel_alone_replaced_in_time_and_ended(app, drawer):
    ((address, headers),) = list(app.google.file_notices(app.account))
    for wrong in ({"X-Goog-Channel-Token": "guessed"}, {"X-Goog-Channel-ID": "another"}):
        assert (await app.deliver(address, headers | wrong)).status_code == 401
    (first,) = app.google.channels
    await app.again(days=6, hours=1)
    (second,) = app.google.channels
    assert first != second
    assert json.loads((await app.link(drawer.id)).memory["drive"])["id"] == second
    await app.runtime.connections.switch(app.scope, drawer.id, "documents", on=False, actor=MEMBER)
    await app.work()
    assert app.google.channels == {}


async def test_disconnecting_leaves_nothing_there_and_here(app, drawer):
    doc = drawer.marked()
    await drawer.choose(doc)
    assert await app.runtime.connections.disconnect(app.scope, drawer.id, actor=MEMBER) == "revoked"
    assert app.google.channels == {}
    assert drawer.word not in app.everything()
    assert doc.id not in app.everything()
