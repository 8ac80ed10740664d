"""A copy of a person's data: whole, readable, checked by its own schema, and read back into the same rows."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import jsonschema_rs
import pytest
from crm import ACTOR, PNG
from omniops import Actor
from omniops.errors import NotFound, Rejected
from omniops.privacy.persons import exporting
from omniops.vault.models import Subject
from sqlmodel import select


async def whole(pieces):
    return b"".join([piece async for piece in pieces])


async def copied(people, visitor):
    return unpacked(await whole(people.persons.export(people.scope, visitor.subject_id, actor=ACTOR)))


def unpacked(raw):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows(files, table):
    return json.loads(files[f"data/{table}.json"])


@pytest.fixture
async def ann(people):
    people.store.begin(**{"ann@a.example": {"name": "Ann"}})
    first = await people.person()
    second = await people.person("ann@work.example", also=first)
    await people.person("bob@b.example")
    return second if first is None else first


async def test_all_that_is_held_of_all_subjects_of_the_person_and_of_nobody_else(people, ann):
    files = await copied(people, ann)
    texts = [row["text"] for row in rows(files, "message")]
    assert {"Where is the parcel of ann@a.example?", "Where is the parcel of ann@work.example?"} <= set(texts)
    assert "Four working days." in texts
    assert not any(b"bob@b.example" in content for content in files.values())
    assert {row["reply_to"] for row in rows(files, "conversation")} == {"ann@a.example", "ann@work.example"}
    described = json.loads(files["files.json"])
    assert [files[f"files/{one['id']}"] for one in described] == [PNG, PNG]
    outside = json.loads(files["outside/crm.customers.json"])
    assert (outside["state"], outside["data"]) == ("done", {"ann@a.example": {"name": "Ann"}})
    manifest = json.loads(files["manifest.json"])
    assert len(manifest["subjects"]) == 2
    assert manifest["left_out"] == []
    assert {entry["file"] for entry in manifest["files"]} <= set(files)
    (state, _) = json.loads(files["subjects.json"])
    assert state["consents"] == {"analytics": "given"}
    assert "domain_id" not in rows(files, "message")[0]


async def test_every_table_fits_its_own_schema_and_has_a_sheet_of_the_same_rows(people, ann):
    files = await copied(people, ann)
    schema = json.loads(files["schema.json"])
    tables = [name[5:-5] for name in files if name.startswith("data/") and name.endswith(".json")]
    assert {"message", "conversation", "turn", "attachment", "consent_event", "visitor_session"} <= set(tables)
    for table in tables:
        held = rows(files, table)
        jsonschema_rs.validate({"$ref": f"#/$defs/{table}", **schema}, held)
        sheet = list(csv.DictReader(io.StringIO(files[f"data/{table}.csv"].decode(), newline="")))
        assert [row["id"] for row in sheet] == [row["id"] for row in held]
    text = schema["$defs"]["message"]["items"]["properties"]["text"]
    assert (text["x-category"], text["x-retention"], text["x-california"]) == (
        "user.content.chat",
        "chat",
        "customer_records",
    )


async def test_a_text_that_a_spreadsheet_would_run_is_text_there(people):
    visitor = await people.person('=HYPERLINK("https://evil.example")')
    files = await copied(people, visitor)
    (reply,) = [row["reply_to"] for row in rows(files, "conversation")]
    assert reply.startswith("=")
    assert "'=HYPERLINK" in files["data/conversation.csv"].decode()


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t=", "\r=", "\n=", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
async def test_no_cell_begins_a_formula_whatever_parts_the_cells(people, begins):
    visitor = await people.person(f"{begins}1+1;=2+2;{begins}3\n{begins}4")
    sheet = (await copied(people, visitor))["data/conversation.csv"].decode()
    for separator in ",;\t":
        cells = [cell for line in csv.reader(io.StringIO(sheet, newline=""), delimiter=separator) for cell in line]
        assert not [cell for cell in cells if cell.lstrip("\t\r\n").startswith((begins.strip(), "="))], separator


async def test_what_is_read_back_gives_the_same_export(people, ann, monkeypatch):
    monkeypatch.setattr(exporting, "_ROWS", 3)
    raw = await whole(people.persons.export(people.scope, ann.subject_id, actor=ACTOR))
    before = unpacked(raw)
    assert "data/message-2.json" in before
    await people.another_domain()
    done = await people.persons.import_(people.scope, io.BytesIO(raw), actor=ACTOR, consents=True)
    assert (done.subjects[0], done.left_out) == (ann.subject_id, {})
    after = await copied(people, ann)
    old, new = (json.loads(files.pop("manifest.json")) for files in (before, after))
    assert before == after
    assert old | {"made_at": ""} == new | {"made_at": ""}
    runtime = people.desk.runtime
    found = await runtime.vault.find(people.desk.domain.id, "email", "ann@a.example")
    assert found == ann.subject_id, "what is looked up exactly is found again"


async def test_who_is_under_a_legal_hold_gets_a_copy_that_can_be_read_back_without_the_hold(people, ann):
    runtime, account = people.desk.runtime, people.scope.account_id
    token = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(token, email="mara@shop.example", name="Mara", password="correct horse battery")
    (mara,) = await runtime.members.list(account, actor=ACTOR)
    review = people.desk.clock.now().date() + timedelta(days=90)
    await runtime.privacy.holds.place(
        people.scope, ann.subject_id, "Court", "Claim of Bob", review, actor=Actor("member", str(mara.id))
    )
    raw = await whole(people.persons.export(people.scope, ann.subject_id, actor=ACTOR))
    files = unpacked(raw)
    (held,) = rows(files, "legal_hold")
    assert held["review_on"] == review.isoformat()
    assert b"Claim of Bob" not in b"".join(files.values())
    jsonschema_rs.validate({"$ref": "#/$defs/legal_hold", **json.loads(files["schema.json"])}, [held])
    await people.another_domain()
    done = await people.persons.import_(people.scope, io.BytesIO(raw), actor=ACTOR)
    assert done.left_out["legal_hold"] == 1
    assert await runtime.privacy.holds.all(people.scope, actor=ACTOR) == []


async def test_a_yes_to_another_business_is_none_here_unless_the_caller_vouches(people, ann):
    raw = await whole(people.persons.export(people.scope, ann.subject_id, actor=ACTOR))
    await people.another_domain()
    await people.persons.import_(people.scope, io.BytesIO(raw), actor=ACTOR)
    assert await people.desk.runtime.consents.of(people.scope, ann.subject_id) == {}
    with pytest.raises(Rejected) as caught:
        await people.persons.import_(people.scope, io.BytesIO(raw), actor=ACTOR)
    assert caught.value.code == "exists"


def packed(files):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    raw.seek(0)
    return raw


def changed(files, name, change):
    content = json.loads(files[name])
    return packed({**files, name: json.dumps(change(content))})


FORGED = {
    "no zip": lambda files: io.BytesIO(b"PK nonsense"),
    "nothing in it": lambda files: packed({}),
    "another format": lambda files: changed(files, "manifest.json", lambda m: m | {"format": "x"}),
    "a table of ours that is about nobody": lambda files: changed(
        files, "manifest.json", lambda m: m | {"files": [{"table": "domain", "file": "x", "rows": 1}]}
    ),
    "a row about somebody else": lambda files: changed(
        files,
        "data/message.json",
        lambda rows: [row | {"subject_id": "01900000-0000-7000-8000-000000000000"} for row in rows],
    ),
    "a column that is not the table's": lambda files: changed(
        files, "data/message.json", lambda rows: [row | {"domain_id": "x"} for row in rows]
    ),
    "a value of another type": lambda files: changed(
        files, "data/message.json", lambda rows: [row | {"seq": "one"} for row in rows]
    ),
    "a yes or no in place of a number": lambda files: changed(
        files, "data/message.json", lambda rows: [row | {"seq": True} for row in rows]
    ),
    "a row twice": lambda files: changed(files, "data/message.json", lambda rows: [*rows, rows[0]]),
    "a file that is not there": lambda files: packed({k: v for k, v in files.items() if not k.startswith("files/")}),
    "no state": lambda files: changed(files, "subjects.json", lambda rows: [{"id": row["id"]} for row in rows]),
}


async def test_a_forged_export_is_refused_and_leaves_nothing_behind(people, ann):
    files = await copied(people, ann)
    await people.another_domain()
    for what, forge in FORGED.items():
        with pytest.raises(Rejected) as caught:
            await people.persons.import_(people.scope, forge(files), actor=ACTOR)
        assert caught.value.code == "bad_export", what
        counted = "select (select count(*) from omniops.subject where home_id = %(d)s) + (select count(*) from"
        counted += " omniops.personal_blob where domain_id = %(d)s)"
        assert people.desk.rows(counted.replace("%(d)s", f"'{people.desk.domain.id}'")) == [(0,)], what
    await people.persons.import_(people.scope, packed(files), actor=ACTOR)


async def test_rows_that_hang_on_something_of_the_business_stay_out_where_it_is_not(people, ann):
    desk = people.desk
    gap = desk.rows(
        "insert into omniops.gap (domain_id, id, state, returned, created_at)"
        " values (%s, gen_random_uuid(), 'open', false, now())"
        " returning id",
        desk.domain.id,
    )[0][0]
    desk.rows(
        "insert into omniops.gap_question (domain_id, id, subject_id, gap_id, message_id, turn_id, level, why,"
        " created_at) select domain_id, gen_random_uuid(), subject_id, %s, id, turn_id, 'none', 'none', now()"
        " from omniops.message where subject_id = %s and author = 'ai'",
        gap,
        ann.subject_id,
    )
    raw = await whole(people.persons.export(people.scope, ann.subject_id, actor=ACTOR))
    await people.another_domain()
    done = await people.persons.import_(people.scope, io.BytesIO(raw), actor=ACTOR)
    assert done.left_out == {"gap_question": 1}
    assert done.rows["message"] == 6


async def test_an_export_can_be_kept_goes_with_the_person_and_is_in_no_later_export(people, ann):
    runtime = people.desk.runtime
    kept = await people.persons.keep_export(people.scope, ann.subject_id, actor=ACTOR)
    blob = await runtime.blobs.read(people.scope, kept, purpose="rights.answer", actor=ACTOR)
    assert "manifest.json" in unpacked(await blob.whole())
    later = await copied(people, ann)
    assert len(json.loads(later["files.json"])) == 2
    await people.persons.erase(people.scope, ann.subject_id, actor=ACTOR)
    with pytest.raises(NotFound):
        await runtime.blobs.read(people.scope, kept, purpose="rights.answer", actor=ACTOR)


async def test_nobody_is_copied_who_is_not_there(people, ann):
    other = await people.desk.visitor(people.desk.other)
    await people.persons.erase(people.scope, ann.subject_id, actor=ACTOR)
    for subject in (other.subject_id, ann.subject_id):
        with pytest.raises(NotFound):
            await whole(people.persons.export(people.scope, subject, actor=ACTOR))


async def test_an_export_is_made_of_a_restricted_person_who_objects_to_everything(people, ann):
    await people.persons.restrict(people.scope, ann.subject_id, actor=ACTOR)
    await people.persons.object_to(people.scope, ann.subject_id, "knowledge.improve", actor=ACTOR)
    files = await copied(people, ann)
    assert "Four working days." in {row["text"] for row in rows(files, "message")}


async def test_a_value_that_was_tampered_with_is_named_and_the_rest_is_there(people, ann):
    people.desk.rows(
        "update omniops.message set text = set_byte(text, length(text) - 1, 255 - get_byte(text, length(text) - 1))"
        " where subject_id = %s and author = 'visitor' and event is null",
        ann.subject_id,
    )
    files = await copied(people, ann)
    left_out = json.loads(files["manifest.json"])["left_out"]
    assert left_out == [{"place": "message.text", "reason": "tampered", "count": 1}]
    assert None in {row["text"] for row in rows(files, "message")}


async def test_every_reading_is_in_the_audit(people, ann):
    await copied(people, ann)
    entries = people.desk.rows(
        "select action, purpose, json_array_length(subject_refs) from omniops.audit_entry where account_id = %s"
        " and actor = 'member:m1' order by seq",
        people.scope.account_id,
    )
    assert ("rights.export", "rights.answer", 2) in entries
    assert all(purpose == "rights.answer" for _, purpose, _ in entries)
    assert sum(action == "vault.open" for action, _, _ in entries) >= 5


async def test_a_password_is_named_and_not_given(people):
    runtime = people.desk.runtime
    account = people.scope.account_id
    token = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(token, email="owner@a.example", name="Owner", password="long enough 1234")
    from omniops import Scope

    async with runtime.database.session(Scope(account)) as session:
        member = (await session.exec(select(Subject).where(Subject.kind == "member"))).one()
    files = unpacked(await whole(people.persons.export(Scope(account), member.id, actor=ACTOR)))
    (row,) = rows(files, "member")
    assert (row["email"], "password" in row) == ("owner@a.example", False)
    assert {"place": "member.password", "reason": "others could use it", "count": 1} in json.loads(
        files["manifest.json"]
    )["left_out"]
