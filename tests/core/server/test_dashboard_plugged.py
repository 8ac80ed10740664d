"""Pages and panels of plugins in the dashboard: data becomes words, and what fails harms nothing around it."""

import asyncio
from typing import Literal

import pytest
from desk import opened
from members_browser import HOSTILE
from omniops import Info, Plugin, hookimpl
from omniops.contracts.surface import Elsewhere, Facts, Form, Page, Panel, Table, Words
from omniops.errors import Rejected
from omniops.operations.firsts import OPERATOR
from pydantic import BaseModel, Field, SecretStr


class Wishes(BaseModel):
    """What may be typed."""

    note: str = Field(max_length=40, description="What the next shift should know.")
    story: str = Field(default="", max_length=1000)
    count: int = Field(default=1, ge=1, le=9)
    loud: bool = Field(default=False, title="Ring the bell")
    shift: Literal["early", "late"] = "early"
    code: SecretStr | None = None


class Board(Page):
    name, title = "board", "Shift board"

    def __init__(self):
        self.kept = []

    async def show(self, viewer, query):
        rows = [(one.note, one.shift) for _, one in self.kept]
        form = Form("note", "Add a note", Wishes, "Add", {"note": HOSTILE[:40], "code": "old secret"})
        return [Words(HOSTILE), Table("Notes", ("Note", "Shift"), rows), form]

    async def submit(self, viewer, form, values):
        if values.note == "again":
            raise Rejected("That stands there already.", code="twice")
        if values.note == "break":
            raise RuntimeError("broken inside")
        self.kept.append((viewer, values))
        return "The next shift will read it."


class Owners(Page):
    name, title, may = "owners", "For owners", "account.manage"

    async def show(self, viewer, query):
        return [Words(f"asked for {query.get('what', 'nothing')}")]


class Letters(Panel):
    name, title = "letters", "Letters"

    async def show(self, viewer, talk):
        return [Facts([("Talk", str(talk.conversation_id)), ("Said", HOSTILE)]), Elsewhere("Open", "https://x.example")]


class Broken(Panel):
    name, title = "broken", "Broken panel"

    async def show(self, viewer, talk):
        raise RuntimeError("a secret of the plugin")


class Hung(Panel):
    name, title = "hung", "Hung panel"

    async def show(self, viewer, talk):
        await asyncio.Event().wait()


class Raw(Panel):
    name, title = "raw", "Raw panel"

    async def show(self, viewer, talk):
        return ["<b>markup</b>"]


class Quiet(Panel):
    name, title = "quiet", "Quiet panel"

    async def show(self, viewer, talk):
        return []


class BoardPlugin(Plugin):
    """A board for the shift."""

    info = Info(title="Board", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self, context):
        super().__init__(context)
        self.board = Board()

    @hookimpl
    def pages(self):
        return [self.board, Owners()]

    @hookimpl
    def panels(self):
        return [Letters(), Broken(), Hung(), Raw(), Quiet()]


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    async with opened(links, postgres.root, folder, beside={"board": BoardPlugin}) as desk:
        desk.other = await desk.new_domain()
        yield desk


@pytest.fixture
async def board(front):
    """The plugin's page; the plugin is on for the desk's website."""
    await front.desk.runtime.accounts.switch(front.desk.domain.scope, "board", on=True, actor=OPERATOR)
    found = front.desk.runtime.seams.pages["board", "board"]
    found.kept.clear()
    return found


def at(member, name="board"):
    return f"{member.base}/plugins/board/{name}"


FILLED = {"field.note": "Kettle is out", "field.story": "", "field.count": "2", "field.shift": "late"}


async def test_a_page_stands_in_the_navigation_and_shows_what_its_plugin_says(mara, board):
    await mara.open(mara.base)
    assert f'href="{at(mara)}"' in mara.text
    await mara.open(at(mara))
    assert "Shift board" in mara.text
    assert "<script>alert" not in mara.text
    assert "&lt;script&gt;alert(1)" in mara.text
    assert "What the next shift should know." in mara.text
    assert "old secret" not in mara.text
    assert "It is set." in mara.text
    await mara.open(at(mara, "owners") + "?what=%3Cb%3E")
    assert "asked for &lt;b&gt;" in mara.text


async def test_a_form_reaches_its_plugin_as_the_model(mara, board):
    await mara.open(at(mara))
    answer = await mara.send(at(mara) + "/note", {**FILLED, "field.loud": "yes", "field.code": "s3cret"})
    assert answer.status_code == 200
    assert "The next shift will read it." in answer.text
    assert "Kettle is out" in answer.text
    ((viewer, values),) = board.kept
    assert (values.note, values.count, values.loud, values.shift) == ("Kettle is out", 2, True, "late")
    assert values.code.get_secret_value() == "s3cret"
    assert "s3cret" not in answer.text
    assert viewer.scope.domain_id == mara.domain.id
    assert viewer.actor.kind == "member"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"field.count": "12"}, "less than or equal to 9"),
        ({"field.count": "<b>"}, "valid integer"),
        ({"field.note": ""}, "Field required"),
        ({"field.note": "x" * 41}, "at most 40 characters"),
        ({"field.shift": "never"}, "&#39;early&#39; or &#39;late&#39;"),
        ({"field.note": "again"}, "That stands there already."),
        ({"field.admin": "yes"}, "no field &#39;field.admin&#39;"),
    ],
)
async def test_what_does_not_fit_is_said_beside_it_and_nothing_is_lost(mara, board, wrong, said):
    await mara.open(at(mara))
    answer = await mara.send(at(mara) + "/note", {**FILLED, "field.story": "A long story.", **wrong})
    assert answer.status_code in (409, 422)
    assert said in answer.text
    assert "A long story." in answer.text
    assert board.kept == []


async def test_a_form_that_breaks_its_plugin_says_so_and_no_more(mara, board):
    await mara.open(at(mara))
    answer = await mara.send(at(mara) + "/note", {**FILLED, "field.note": "break"})
    assert "could not be done now" in answer.text
    assert "broken inside" not in answer.text


async def test_panels_stand_beside_a_conversation_and_those_that_fail_harm_nothing(mara, board, asks):
    conversation = await asks()
    await mara.talk(conversation)
    assert mara.text.count(f'<dd dir="auto">{conversation}</dd>') == 1
    assert "<script>alert" not in mara.text
    assert 'href="https://x.example" rel="noopener noreferrer"' in mara.text
    for title in ("Broken panel", "Hung panel", "Raw panel"):
        assert f"{title} could not be shown." in mara.text
    assert "Quiet panel" not in mara.text
    assert "a secret of the plugin" not in mara.text
    assert "<b>markup" not in mara.text
    assert "Your reply" in mara.text


async def test_where_the_plugin_is_off_nothing_of_it_is_there(front, mara, board, asks):
    conversation = await asks()
    await mara.open(at(mara))
    await front.desk.runtime.accounts.switch(mara.domain.scope, "board", on=False, actor=OPERATOR)
    assert (await mara.send(at(mara) + "/note", FILLED)).status_code == 404
    await mara.open(at(mara), 404)
    await mara.talk(conversation)
    assert "Letters" not in mara.text
    await mara.open(mara.base)
    assert "Shift board" not in mara.text


async def test_each_permission_is_the_pages_own(front, board):
    agent = front.client(Accept="text/html", **(await front.office(role="agent")).headers)
    base = f"/app/{front.desk.domain.id}/plugins/board"
    assert (await agent.get(f"{base}/board")).status_code == 200
    assert "Your role may not change this." in (await agent.get(f"{base}/board")).text
    assert (await agent.post(f"{base}/board/note", data=FILLED)).status_code == 403
    assert (await agent.get(f"{base}/owners")).status_code == 404
    assert board.kept == []
    stranger = front.client(**(await front.office(front.desk.other)).headers)
    assert (await stranger.get(f"{base}/board")).status_code == 404


@pytest.mark.parametrize("name", ["nothing", "Board", "..", "board/none"])
async def test_there_is_nothing_else(mara, board, name):
    await mara.open(at(mara))
    assert (await mara.send(at(mara, name), FILLED)).status_code in (404, 405)
    assert (await mara.send(at(mara) + "/other", FILLED)).status_code == 404


@pytest.mark.parametrize("url", ["http://x.example", "javascript:alert(1)", "//x.example", "https://"])
def test_a_link_is_https(url):
    with pytest.raises(Rejected):
        Elsewhere("there", url)


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(Rejected):
        Table("Notes", ("Note", "Shift"), [("one",)])
