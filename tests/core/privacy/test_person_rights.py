"""What a person corrects and forbids holds at the next opening, in every process, for every subject that is the person;
the map of fields and the access sheet say what is really there."""

import io
import json
import zipfile
from uuid import uuid4

import psycopg
import pytest
from crm import ACTOR, CrmPlugin
from desk import opened
from omniops import Sealed, SubjectModel, personal, seal
from omniops.contracts.scope import Actor
from omniops.conversation.models import Conversation, Message
from omniops.database.policies import scope_statements
from omniops.errors import NotFound, Refused, Rejected
from omniops.privacy.catalog import CATEGORIES
from sqlmodel import SQLModel, select

AGENT = Actor("member", "agent")


@pytest.fixture
async def ann(people):
    return await people.person()


@pytest.fixture
async def also(people, ann):
    """Another subject that is the same person."""
    return await people.person("ann@work.example", also=ann)


async def copied(people, visitor):
    pieces = [piece async for piece in people.persons.export(people.scope, visitor.subject_id, actor=ACTOR)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def opens(runtime, scope, visitor, purpose, model=Message):
    """What the vault's door says about a person's rows: a value, or the reason why it stays shut."""
    async with runtime.database.session(scope) as session:
        rows = (await session.exec(select(model).where(model.subject_id == visitor.subject_id))).all()
    clear = await runtime.vault.open(rows, purpose=purpose, actor=AGENT)
    try:
        return clear(rows[0].text if model is Message else rows[0].reply_to)
    except Refused as error:
        return error.reason


async def test_a_restriction_shuts_every_use_but_those_the_law_leaves_and_is_lifted(people, ann, also):
    runtime, scope, persons = people.desk.runtime, people.scope, people.persons
    done = await persons.restrict(scope, also.subject_id, actor=ACTOR)
    assert set(done.subjects) == {ann.subject_id, also.subject_id}
    for visitor in (ann, also):
        assert await opens(runtime, scope, visitor, "support.provide") == "restricted"
        assert "parcel" in await opens(runtime, scope, visitor, "rights.answer")
    assert people.store.limits == [True]
    again = await persons.restrict(scope, ann.subject_id, actor=ACTOR)
    assert again.subjects == ()
    await persons.restrict(scope, ann.subject_id, lifted=True, actor=ACTOR)
    assert "parcel" in await opens(runtime, scope, also, "support.provide")
    assert people.store.limits == [True, True, False]


async def test_a_restriction_holds_at_the_next_opening_in_another_process(people, ann, postgres, links, tmp_path):
    async with opened(links, postgres.root, tmp_path, beside={"crm": CrmPlugin}) as second:
        assert "parcel" in await opens(second.runtime, people.scope, ann, "support.provide")
        await people.persons.restrict(people.scope, ann.subject_id, actor=ACTOR)
        assert await opens(second.runtime, people.scope, ann, "support.provide") == "restricted"


async def test_an_objection_shuts_that_purpose_and_no_other(people, ann, also):
    runtime, scope = people.desk.runtime, people.scope
    await people.persons.object_to(scope, ann.subject_id, "knowledge.improve", actor=ACTOR)
    for visitor in (ann, also):
        assert await opens(runtime, scope, visitor, "knowledge.improve") == "objected"
        assert "parcel" in await opens(runtime, scope, visitor, "support.provide")
    await people.persons.object_to(scope, also.subject_id, "knowledge.improve", lifted=True, actor=ACTOR)
    assert "parcel" in await opens(runtime, scope, ann, "knowledge.improve")


async def test_what_nobody_can_forbid_is_refused_with_what_can_be(people, ann):
    for act, purpose, code in (
        ("object_to", "chat.serve", "not_objectable"),
        ("object_to", "rights.answer", "not_objectable"),
        ("object_to", "nonsense", "no_such_purpose"),
        ("opt_out", "rights.answer", "no_opt_out"),
        ("opt_out", "chat.serve", "no_opt_out"),
        ("opt_out", "nonsense", "no_such_purpose"),
    ):
        with pytest.raises(Rejected) as caught:
            await getattr(people.persons, act)(people.scope, ann.subject_id, purpose, actor=ACTOR)
        assert caught.value.code == code
        assert "nonsense" in purpose or "knowledge.improve" in caught.value.do
    assert "parcel" in await opens(people.desk.runtime, people.scope, ann, "chat.serve")


async def test_an_opt_out_shuts_the_machine_out_for_all_subjects(people, ann, also):
    await people.persons.opt_out(people.scope, ann.subject_id, "chat.respond", actor=ACTOR)
    for visitor in (ann, also):
        assert await opens(people.desk.runtime, people.scope, visitor, "chat.respond") == "opted_out"
    await people.persons.opt_out(people.scope, ann.subject_id, "chat.respond", lifted=True, actor=ACTOR)
    assert "parcel" in await opens(people.desk.runtime, people.scope, also, "chat.respond")


async def test_a_fact_is_corrected_in_every_row_and_found_by_its_new_value(people, ann, also):
    runtime, scope = people.desk.runtime, people.scope
    people.received(ann)
    people.received(ann, "post", "[]")
    bob = await people.person("bob@b.example")
    done = await people.persons.rectify(scope, also.subject_id, "contact.email", " new@a.example ", actor=ACTOR)
    assert done.written == {"conversation.reply_to": 2}
    for visitor in (ann, also):
        assert await opens(runtime, scope, visitor, "support.provide", Conversation) == "new@a.example"
    assert await opens(runtime, scope, bob, "support.provide", Conversation) == "bob@b.example"
    assert await runtime.vault.find(people.desk.domain.id, "email", "new@a.example") in done_subjects(ann, also)
    assert await runtime.vault.find(people.desk.domain.id, "email", "ann@a.example") is None
    assert people.store.limits == [("contact.email", "new@a.example")]
    assert [one.processor for one in done.to_tell] == ["crm"], "only who received e-mail addresses"


def done_subjects(*visitors):
    return {visitor.subject_id for visitor in visitors}


async def test_a_message_is_corrected_one_by_one(people, ann):
    (row,) = people.desk.rows(
        "select id from omniops.message where subject_id = %s and author = 'visitor' and event is null", ann.subject_id
    )
    done = await people.persons.rectify(
        people.scope, ann.subject_id, "message.text", "Where is it?", row_id=row[0], actor=ACTOR
    )
    assert done.written == {"message.text": 1}
    assert await opens(people.desk.runtime, people.scope, ann, "support.provide") == "Where is it?"
    assert people.store.limits == []


async def test_what_cannot_be_corrected_so_is_refused(people, ann):
    for what, value, code in (
        ("message.text", "x", "not_a_fact"),
        ("user.content.chat", "x", "not_a_fact"),
        ("contact.external_id", "x", "not_a_fact"),
        ("message.seq", "1", "no_such_field"),
        ("nonsense", "x", "no_such_field"),
        ("contact.email", " ", "bad_value"),
        ("contact.email", "a\x00b", "bad_value"),
        ("contact.email", "x" * 4001, "bad_value"),
    ):
        with pytest.raises(Rejected) as caught:
            await people.persons.rectify(people.scope, ann.subject_id, what, value, actor=ACTOR)
        assert caught.value.code == code


async def test_nobody_corrects_a_strangers_row(people, ann):
    bob = await people.person("bob@b.example")
    (row,) = people.desk.rows("select id from omniops.message where subject_id = %s and seq = 1", bob.subject_id)
    for row_id in (row[0], uuid4()):
        with pytest.raises(NotFound):
            await people.persons.rectify(people.scope, ann.subject_id, "message.text", "x", row_id=row_id, actor=ACTOR)


async def test_nothing_is_done_about_who_is_not_there_or_was_erased(people, ann):
    other = await people.desk.visitor(people.desk.other)
    await people.persons.erase(people.scope, ann.subject_id, actor=ACTOR)
    for subject in (other.subject_id, ann.subject_id):
        for act, arguments in (
            ("restrict", ()),
            ("object_to", ("knowledge.improve",)),
            ("opt_out", ("chat.respond",)),
            ("rectify", ("contact.email", "x@a.example")),
            ("sheet", ()),
        ):
            with pytest.raises(NotFound):
                await getattr(people.persons, act)(people.scope, subject, *arguments, actor=ACTOR)


async def test_the_map_names_every_column_about_people_with_its_mark(people):
    fields = {f"{field.table}.{field.column}": field for field in await people.persons.fields()}
    text = fields["message.text"]
    assert (text.kind, text.category, text.retain, text.owner) == ("personal", "user.content.chat", "chat", "omniops")
    assert "support.provide" in text.purposes
    assert fields["member.password"].sensitive
    assert fields["message.seq"].kind == "not_personal"
    assert fields["consent_event.subject_id"].kind == "not_personal"
    assert all(field.category for field in fields.values() if field.kind == "personal")


async def test_a_table_of_a_plugin_that_is_not_loaded_is_on_the_map_and_named_in_a_copy(people, ann):
    rows = people.desk.rows
    rows(
        "create table omniops.gone_note (domain_id uuid, id uuid, subject_id uuid, body bytea,"
        " primary key (domain_id, id))"
    )
    rows("grant select, delete on omniops.gone_note to omniops_app")
    try:
        fields = {field.column: field for field in await people.persons.fields() if field.table == "gone_note"}
        assert (fields["body"].kind, fields["body"].owner) == ("unknown", "gone, not loaded")
        assert json.loads((await copied(people, ann))["manifest.json"])["left_out"] == []
        for _ in range(2):
            rows("insert into omniops.gone_note values (%s, %s, %s)", people.desk.domain.id, uuid4(), ann.subject_id)
        left_out = json.loads((await copied(people, ann))["manifest.json"])["left_out"]
        assert left_out == [{"place": "gone_note", "reason": "its plugin is not loaded", "count": 2}]
    finally:
        rows("drop table omniops.gone_note")


@pytest.fixture
def memo(people):
    """A table of a plugin: marks, and no code at all about people's rights."""

    class Memo(SubjectModel, table=True):
        __tablename__ = "crm_memo"
        name: Sealed[str] = personal("contact.name", purposes=("support.provide",), retain="chat")
        likes: Sealed[dict] = personal("usage.page", purposes=("analytics",), retain="analytics")

    with psycopg.connect(people.desk.runtime.database.links.admin.conninfo(), autocommit=True) as connection:
        connection.execute(
            "create table omniops.crm_memo (domain_id uuid, id uuid, subject_id uuid, name bytea not null,"
            " likes bytea not null, primary key (domain_id, id))"
        )
        for statement in scope_statements("crm_memo", "domain"):
            connection.execute(statement)
        yield Memo
        connection.execute("drop table omniops.crm_memo")
    SQLModel.metadata.remove(Memo.__table__)


async def test_of_a_plugins_table_the_marks_alone_do_everything(people, ann, memo):
    runtime, persons, scope = people.desk.runtime, people.persons, people.scope
    async with runtime.database.session(scope) as session:
        row = {"name": seal("Anne"), "likes": seal({"boots": 3})}
        session.add(memo(domain_id=people.desk.domain.id, subject_id=ann.subject_id, **row))
        await session.commit()
    (held,) = json.loads((await copied(people, ann))["data/crm_memo.json"])
    assert (held["name"], held["likes"]) == ("Anne", {"boots": 3})
    assert (await persons.rectify(scope, ann.subject_id, "contact.name", "Ann", actor=ACTOR)).written == {
        "crm_memo.name": 1
    }
    categories = {one["key"] for one in (await persons.sheet(scope, ann.subject_id, actor=ACTOR))["categories"]}
    assert {"contact.name", "usage.page"} <= categories
    assert (await persons.people.person(scope, [ann.subject_id], actor=ACTOR)).identifiers["name"] == ("Ann",)
    await persons.restrict(scope, ann.subject_id, actor=ACTOR)
    async with runtime.database.session(scope) as session:
        rows = (await session.exec(select(memo))).all()
    clear = await runtime.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused):
        clear(rows[0].name)
    assert (await persons.erase(scope, ann.subject_id, actor=ACTOR)).duty.deleted["crm_memo"] == 1


def test_every_category_of_core_says_what_it_is_in_california():
    assert [category.key for category in CATEGORIES if not category.california] == []
