"""The `privacy` commands over a real database: what they print, where they write, and how they end."""

import asyncio
import json
import zipfile

import pytest
from crm import CrmPlugin, People
from desk import opened
from omniops.cli import privacy_persons
from omniops.cli.app import app
from omniops.errors import NotFound, Rejected
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def shop(postgres, links, tmp_path_factory):
    """One deployment, in a loop of its own as each command has one; and a person with data in it."""
    folder = tmp_path_factory.mktemp("shop")
    made = {}

    def with_runtime(work):
        async def run():
            async with opened(links, postgres.root, folder, beside={"crm": CrmPlugin}) as desk:
                people = People(desk, desk.runtime.plugins.get("crm").store)
                if not made:
                    await people.another_domain()
                    made["person"] = await people.person()
                    made["domain"] = desk.domain
                made["people"] = people
                return await work(desk.runtime)

        return asyncio.run(run())

    async def nothing(_runtime):
        return None

    with_runtime(nothing)
    made["with_runtime"] = with_runtime
    return made


@pytest.fixture
def privacy(shop, monkeypatch):
    monkeypatch.setattr(privacy_persons, "with_runtime", shop["with_runtime"])

    def call(*arguments):
        return CliRunner().invoke(app, ["privacy", *map(str, arguments)])

    return call


@pytest.fixture
def ann(shop):
    return str(shop["person"].subject_id)


def test_one_person_from_the_map_to_the_proof_that_nothing_is_left(privacy, ann, tmp_path):
    fields = json.loads(privacy("fields", "--json").stdout)
    assert {"table": "message", "column": "text", "california": "customer_records"}.items() <= next(
        field for field in fields if (field["table"], field["column"]) == ("message", "text")
    ).items()
    assert "message.text" in privacy("fields").stdout

    copy = tmp_path / "ann.zip"
    done = privacy("export", ann, copy)
    assert done.exit_code == 0, done.output
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "manifest.json" in zipfile.ZipFile(copy).namelist()
    refused = privacy("export", ann, copy)
    assert isinstance(refused.exception, Rejected)

    assert "(c) Who received something\n- Nobody outside." in privacy("sheet", ann).stdout
    assert json.loads(privacy("sheet", ann, "--json").stdout)["categories"]

    written = json.loads(privacy("rectify", ann, "contact.email", "new@a.example", "--json").stdout)
    assert written["written"] == {"conversation.reply_to": 1}
    assert json.loads(privacy("restrict", ann, "--json").stdout)["subjects"] == [ann]
    assert "allowed again" in privacy("restrict", ann, "--lift").stderr
    assert json.loads(privacy("object", ann, "knowledge.improve", "--json").stdout) == {"subjects": [ann]}
    assert json.loads(privacy("opt-out", ann, "chat.respond", "--json").stdout) == {"subjects": [ann]}
    assert "so already" in privacy("opt-out", ann, "chat.respond").stderr

    found = privacy("scan", ann)
    assert found.exit_code == 1
    assert "message" in found.stdout
    stopped = CliRunner().invoke(app, ["privacy", "erase", ann], input="n\n")
    assert stopped.exit_code == 1
    erased = json.loads(privacy("erase", ann, "--yes", "--json").stdout)
    assert (erased["state"], erased["deleted"]["message"]) == ("closed", 3)
    clean = privacy("scan", ann, "--identifier", "email=new@a.example", "--json")
    assert clean.exit_code == 0, clean.output
    assert json.loads(clean.stdout)["clean"]
    assert isinstance(privacy("scan", ann, "--identifier", "nonsense").exception, Rejected)

    gone = privacy("export", ann, tmp_path / "again.zip")
    assert isinstance(gone.exception, NotFound)
    assert not (tmp_path / "again.zip").exists(), "half a copy is none"
    assert isinstance(privacy("import", copy).exception, Rejected), "here the person is known, and erased"


def test_an_erasure_that_a_store_does_not_finish_ends_with_5(privacy, shop, monkeypatch):
    async def write(_runtime):
        people = shop["people"]
        people.desk.domain = shop["domain"]
        return await people.person("eve@a.example")

    eve = shop["with_runtime"](write).subject_id

    async def raising(self, person):
        raise OSError("no route")

    monkeypatch.setattr("crm.CrmStore.erase", raising)
    done = privacy("erase", eve, "--yes")
    assert done.exit_code == 5
    assert "waits for stores" in done.stderr
    assert "raised" in done.stdout
    monkeypatch.undo()


def test_of_nobody_there_is_no_copy_not_even_an_empty_one(command):
    done = command("privacy", "export", "01900000-0000-7000-8000-000000000000", "-")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "omniops: There is no such person.\n"
