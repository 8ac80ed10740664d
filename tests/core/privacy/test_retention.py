"""What goes when its time is over, and what does not: planned first, counted once, held back by whom it may."""

import asyncio
import json
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from aging import age, chat, keys, left
from omniops.contracts.retention import KeptBack
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Refused, Rejected
from omniops.privacy.retention import sweeping
from omniops.privacy.retention.places import places
from omniops.privacy.retention.terms import Terms
from sqlalchemy import text
from sqlmodel import SQLModel

MEMBER = Actor("member", "test")


def tokens(desk):
    return desk.rows("select count(*) from omniops.lookup where kind = 'visitor' and domain_id = %s", desk.domain.id)


UNINDEXED = """
select f.conrelid::regclass::text, f.conname from pg_constraint f
where f.contype = 'f' and f.confdeltype = 'c' and f.conrelid::regclass::text = any(%s) and not exists (
    select from pg_index i where i.indrelid = f.conrelid
    and (i.indkey::int2[])[0:array_length(f.conkey, 1) - 1] @> f.conkey)
"""


async def test_every_domain_and_account_is_swept_at_night(desk, engine):
    visitor = await chat(desk, 90)
    account = desk.domain.scope.account_id
    for days in (364, 366):
        desk.rows(
            "insert into omniops.egress_entry (account_id, id, processor, host, port, purpose, categories, subjects,"
            " bytes_out, bytes_in, at) values (%s, %s, 'own-site', 'h', 443, 'p', '[]', '[]', 0, 0, %s)",
            account, uuid4(), desk.clock.now() - timedelta(days=days),
        )  # fmt: skip
    await engine.nightly()
    await desk.work("privacy")
    assert left(desk, "message", visitor) == 0
    assert desk.rows("select count(*) from omniops.egress_entry where account_id = %s", account) == [(1,)]
    (run,) = await engine.runs(Scope(account))
    assert (run.state, run.deleted) == ("done", {"egress_entry": 1})


async def test_a_conversation_goes_after_its_time_with_all_that_hangs_on_it_and_then_its_keys(desk, engine):
    old, young = await chat(desk, 90), await chat(desk, 89)
    assert tokens(desk) == [(2,)]
    run = await engine.sweep(desk.domain.scope)
    assert (run.state, run.problems) == ("done", [])
    for table in ("message", "conversation", "turn", "ai_mark", "conversation_event", "visitor_session"):
        assert left(desk, table, old) == 0, table
    assert (left(desk, "message", young), left(desk, "conversation", young)) == (2, 1)
    assert run.deleted == {"message": 2, "turn": 1, "conversation": 1, "visitor_session": 1}
    assert tokens(desk) == [(1,)]
    assert run.shredded == 1
    assert (keys(desk, old), keys(desk, young)) == ([("shredded",)], [("active",)])


async def test_a_conversation_that_goes_on_loses_its_old_messages_only(desk, engine):
    visitor = await chat(desk, 91)
    async for _ in await desk.ask(visitor, "And to Spain?"):
        pass
    run = await engine.sweep(desk.domain.scope)
    assert run.state == "done"
    assert (await desk.messages(visitor.conversation_id))[0].text == "And to Spain?"
    assert left(desk, "conversation", visitor) == 1
    assert keys(desk, visitor) == [("active",)]
    (item,) = [item for item in run.plan["items"] if item["table"] == "conversation"]
    assert (item["rows"], item["stays"]) == (0, 1), "it is over time, and still holds messages"


async def test_a_plan_deletes_nothing_and_what_is_approved_is_what_goes(desk, engine):
    old = await chat(desk, 90)
    plan = await engine.plan(desk.domain.scope, actor=MEMBER)
    assert (plan.state, plan.plan["subjects"]) == ("planned", 1)
    assert {item["table"]: item["rows"] for item in plan.plan["items"]} == {
        "message": 2, "turn": 1, "conversation": 1, "visitor_session": 1,
    }  # fmt: skip
    assert left(desk, "message", old) == 2
    with pytest.raises(Rejected, match="not the hash"):
        await engine.approve(desk.domain.scope, plan.id, "0" * 64, actor=MEMBER)
    approved = await engine.approve(desk.domain.scope, plan.id, plan.hash, actor=MEMBER)
    assert (approved.state, approved.approved_by) == ("approved", str(MEMBER))
    assert left(desk, "message", old) == 2, "a worker deletes"
    await desk.work("privacy")
    run = await engine.one(desk.domain.scope, plan.id)
    assert (run.state, run.deleted) == ("done", {i["table"]: i["rows"] for i in plan.plan["items"]})
    assert left(desk, "message", old) == 0
    with pytest.raises(Rejected, match="is done"):
        await engine.approve(desk.domain.scope, plan.id, plan.hash, actor=MEMBER)


async def test_a_row_that_comes_between_plan_and_run_stops_it(desk, engine):
    first = await chat(desk, 90)
    plan = await engine.plan(desk.domain.scope, actor=MEMBER)
    second = await chat(desk, 90)
    with pytest.raises(Refused, match=r"message: 2 rows were planned, 4 are due") as refused:
        await engine.approve(desk.domain.scope, plan.id, plan.hash, actor=MEMBER)
    assert refused.value.reason == "plan_changed"
    assert (await engine.one(desk.domain.scope, plan.id)).state == "refused"
    assert left(desk, "message", first) == left(desk, "message", second) == 2


async def test_a_change_after_the_approval_stops_it_as_well(desk, engine):
    first = await chat(desk, 90)
    plan = await engine.plan(desk.domain.scope, actor=MEMBER)
    await engine.approve(desk.domain.scope, plan.id, plan.hash, actor=MEMBER)
    # As many rows as planned, but others.
    other = await chat(desk, 90)
    age(desk, first, 10)
    run = await engine.run(desk.domain.scope, plan.id)
    assert run.state == "refused"
    assert "message: as many rows as planned are due, but others." in run.problems
    assert left(desk, "message", other) == 2


async def test_a_run_of_another_domain_is_not_there(desk, engine):
    plan = await engine.plan(desk.other.scope, actor=MEMBER)
    for act in (engine.run(desk.domain.scope, plan.id), engine.one(desk.domain.scope, plan.id)):
        with pytest.raises(NotFound):
            await act


async def test_nothing_of_another_domain_goes(desk, engine):
    visitor = await desk.visitor(desk.other)
    age(desk, visitor, 400)
    await engine.sweep(desk.domain.scope)
    assert left(desk, "visitor_session", visitor) == left(desk, "conversation", visitor) == 1


@pytest.mark.parametrize(("days", "code"), [(91, "too_long"), (0, "too_short"), (-3, "too_short")])
async def test_a_time_can_only_be_shortened(desk, engine, days, code):
    with pytest.raises(Rejected) as rejected:
        await engine.rules.shorten(desk.domain.scope, "chat", days, actor=MEMBER)
    assert rejected.value.code == code
    assert "Conversations (chat) are kept" in str(rejected.value)


@pytest.mark.parametrize("key", ["account", "content"])
async def test_what_lives_as_long_as_the_account_has_no_days_to_shorten(desk, engine, key):
    with pytest.raises(Rejected, match="as long as the account"):
        await engine.rules.shorten(desk.domain.scope, key, 30, actor=MEMBER)


async def test_proof_of_what_was_done_cannot_be_shortened(desk, engine):
    for key in ("audit", "consent", "requests"):
        with pytest.raises(Rejected, match="at least"):
            await engine.rules.shorten(desk.domain.scope, key, 30, actor=MEMBER)
    with pytest.raises(NotFound):
        await engine.rules.shorten(desk.domain.scope, "nonsense", 30, actor=MEMBER)


async def test_the_shortest_of_domain_and_account_counts_and_can_be_taken_back(desk, engine):
    visitor, scope = await chat(desk, 31), desk.domain.scope
    account = Scope(scope.account_id)
    await engine.rules.shorten(scope, "chat", 60, actor=MEMBER)
    await engine.rules.shorten(account, "chat", 30, actor=MEMBER)
    (rule,) = [rule for rule in await engine.rules.all(scope) if rule.key == "chat"]
    assert (rule.days, rule.most) == (30, 90)
    assert {(s.where, s.days, s.by) for s in rule.shortened} == {
        ("domain", 60, "business"),
        ("account", 30, "business"),
    }
    await engine.rules.restore(account, "chat", actor=MEMBER)
    assert (await engine.sweep(scope)).deleted == {}
    await engine.rules.shorten(scope, "chat", 30, actor=MEMBER)
    run = await engine.sweep(scope)
    assert run.deleted["message"] == 2
    assert left(desk, "message", visitor) == 0
    await engine.rules.shorten(desk.other.scope, "mail", 3, actor=MEMBER)
    assert {rule.key: rule.days for rule in await engine.rules.all(scope)}["mail"] == 30


async def test_tokens_and_receipts_promise_no_more_than_a_shortened_time(desk, engine):
    visitor = await chat(desk, 0)
    await engine.rules.shorten(desk.domain.scope, "chat", 20, actor=MEMBER)
    later = await desk.visitor()
    (expires,) = desk.rows("select expires_at from omniops.visitor_session where subject_id = %s", later.subject_id)[0]
    assert expires <= desk.clock.now() + timedelta(days=20)
    (answer,) = [m for m in await desk.messages(visitor.conversation_id) if m.author == "ai"]
    receipts = desk.runtime.visiting.receipts
    receipt = await receipts.of(visitor, answer.id)
    said = json.loads(urlsafe_b64decode(receipt.split(".")[1] + "=="))
    written = datetime.fromisoformat(said["written_at"])
    assert said["delete_after"] == (written + timedelta(days=20)).date().isoformat()
    age(desk, visitor, 21)
    await engine.sweep(desk.domain.scope)
    assert left(desk, "visitor_session", visitor) == 0, "the token of a chat that is gone leads nowhere"


async def test_mail_goes_after_its_own_time(desk, engine):
    scope = desk.domain.scope
    for days in (29, 31):
        desk.rows(
            "insert into omniops.mail (domain_id, id, subject_id, kind, key, \"to\", state, attempts, created_at)"
            " values (%s, %s, %s, 'transcript', %s, '\\x00', 'sent', 1, %s)",
            desk.domain.id, uuid4(), uuid4(), uuid4().hex, desk.clock.now() - timedelta(days=days),
        )  # fmt: skip
    assert (await engine.sweep(scope)).deleted == {"mail": 1}


async def test_a_killed_run_is_finished_by_the_next_and_counted_once(desk, engine, monkeypatch):
    visitors = [await chat(desk, 90) for _ in range(4)]
    monkeypatch.setattr(sweeping, "BATCH", 1)
    done = asyncio.Event()
    counted = sweeping.Sweeper._along

    async def killed(self, session, place, column, rows):
        await counted(self, session, place, column, rows)
        if place.table == "message":
            (before,) = desk.rows("select deleted ->> 'message' from omniops.retention_run where id = %s", self._run)[0]
            if before == "3":
                done.set()
                raise KeyboardInterrupt  # as a kill between a deletion and its commit

    monkeypatch.setattr(sweeping.Sweeper, "_along", killed)
    with pytest.raises(KeyboardInterrupt):
        await engine.sweep(desk.domain.scope)
    assert done.is_set()
    (cut,) = await engine.runs(desk.domain.scope)
    assert (cut.state, cut.deleted["message"]) == ("running", 3)
    assert sum(left(desk, "message", visitor) for visitor in visitors) == 5
    monkeypatch.setattr(sweeping.Sweeper, "_along", counted)
    last = await engine.sweep(desk.domain.scope)
    first = await engine.one(desk.domain.scope, cut.id)
    assert (first.state, first.problems, first.deleted["message"], first.shredded) == ("done", [], 8, 4)
    assert (last.state, last.deleted, last.shredded) == ("done", {}, 0)


async def test_rows_that_somebody_works_with_are_passed_over_and_nobody_waits(desk, engine):
    busy, idle = await chat(desk, 90), await chat(desk, 90)
    async with desk.runtime.database.session(desk.domain.scope) as session:
        connection = await session.connection()
        await connection.execute(
            text("select id from conversation where subject_id = :s for update"), {"s": busy.subject_id}
        )
        run = await engine.sweep(desk.domain.scope)
    assert run.state == "incomplete"
    assert run.problems == ["conversation: 1 of 2 planned rows were deleted; the next run takes what is left."]
    assert (left(desk, "conversation", busy), left(desk, "conversation", idle)) == (1, 0)
    assert (await engine.sweep(desk.domain.scope)).deleted == {"conversation": 1}


async def test_every_run_is_on_record(desk, engine):
    await chat(desk, 90)
    run = await engine.sweep(desk.domain.scope)
    entries = desk.rows(
        "select action, actor, detail from omniops.audit_entry where account_id = %s and object = 'retention_run'"
        " order by seq",
        desk.domain.scope.account_id,
    )
    assert [action for action, *_ in entries] == ["retention.planned", "retention.swept"]
    assert entries[-1][2]["rows"] == run.deleted
    assert entries[-1][2]["hash"] == run.hash
    assert (await desk.runtime.audit.verify(desk.domain.scope.account_id)).broken is None


async def test_files_that_nobody_needs_any_more_go_with_their_conversation(desk, engine):
    visitor = await chat(desk, 90)
    scope, blobs = desk.domain.scope, desk.runtime.blobs
    past, before = desk.clock.now() - timedelta(days=91), desk.clock.now() - timedelta(days=2)
    sent = {"name": "a.pdf", "media_type": "application/pdf", "most": 100, "subject_id": visitor.subject_id}
    blob, loose = [await blobs.put(scope, b"%PDF-", **sent) for _ in range(2)]
    desk.rows(
        "insert into omniops.attachment (domain_id, id, subject_id, conversation_id, blob_id, name, media_type, size,"
        " created_at) values (%s, %s, %s, %s, %s, '\\x00', 'application/pdf', 5, %s)",
        desk.domain.id, uuid4(), visitor.subject_id, visitor.conversation_id, blob, past,
    )  # fmt: skip
    desk.rows("update omniops.personal_blob set created_at = %s, kept_at = %s where id = %s", past, past, blob)
    desk.rows("update omniops.personal_blob set created_at = %s where id = %s", before, loose)
    run = await engine.sweep(scope)
    assert (run.deleted["attachment"], run.deleted["personal_blob"]) == (1, 1)
    assert left(desk, "personal_blob", visitor) == 0, "the loose one as well"
    assert desk.rows("select count(*) from omniops.blob_chunk where domain_id = %s", desk.domain.id) == [(0,)]
    assert keys(desk, visitor) == [("shredded",)]


async def test_plugins_are_asked_again_before_a_cut_short_run_goes_on(desk, engine, monkeypatch):
    visitor = await chat(desk, 90)
    plan = await engine.plan(desk.domain.scope, actor=MEMBER)
    desk.rows("update omniops.retention_run set state = 'running' where id = %s", plan.id)

    async def veto(expiring, on):
        return [("court", KeptBack(frozenset({visitor.subject_id}), why="A dispute is open."))]

    monkeypatch.setattr(desk.runtime.seams, "retention_veto", veto)
    run = await engine.run(desk.domain.scope, plan.id)
    assert run.state == "incomplete"
    assert left(desk, "message", visitor) == 2
    assert keys(desk, visitor) == [("active",)]


async def test_a_model_without_a_table_keeps_nothing_from_going(desk, engine):
    """A plugin that failed at its migration leaves a model behind."""
    found = {place.table: place for place in places(SQLModel.metadata)}
    assert "message" in {child.table for child in found["conversation"].waits_for}
    terms = Terms([found["conversation"]], {"chat": 90}, desk.clock.now())
    assert "message" not in str(terms.due(found["conversation"], {}))


async def test_every_reference_that_a_deletion_follows_has_an_index(desk):
    """Else a sweep would read a whole table for every row that it deletes."""
    tables = [*(place.table for place in places(SQLModel.metadata)), "ai_mark", "outbox", "blob_chunk", "passage"]
    names = [f"omniops.{table}" for table in tables]
    with psycopg.connect(desk.runtime.database.links.admin.conninfo()) as connection:
        assert connection.execute(UNINDEXED, [names]).fetchall() == []
        connection.execute("drop index omniops.ix_ai_mark_message")
        assert connection.execute(UNINDEXED, [names]).fetchall() == [("omniops.ai_mark", "fk_message_id_message")]
        connection.rollback()
