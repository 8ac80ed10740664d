"""How long an answer to a privacy choice can be proven, and what outlives its proof."""

from datetime import timedelta

from aging import chat, keys, left
from omniops.contracts.scope import Actor
from omniops.privacy.service import Answer, Circumstances, choices


async def choose(desk, visitor, given=True):
    (shown,) = [one for one in choices(desk.runtime.catalog, "en") if one.purpose == "analytics"]
    answer = Answer("analytics", given, shown.notice, shown.version)
    how = Circumstances("api", "en", "none", "DE")
    await desk.runtime.consents.record(
        desk.domain.scope, visitor.subject_id, answer, how, actor=Actor("visitor", str(visitor.subject_id))
    )


def answered(desk, visitor, days):
    """The visitor's answers now lie so many days back."""
    moment = desk.clock.now() - timedelta(days=days, minutes=1)
    desk.rows("update omniops.consent_event set created_at = %s where subject_id = %s", moment, visitor.subject_id)


async def test_an_answer_is_provable_for_three_years_after_its_yes_may_last_and_then_goes(desk, engine):
    early, late = await desk.visitor(), await desk.visitor()
    for visitor, days in ((early, 1275), (late, 1274)):
        await choose(desk, visitor)
        answered(desk, visitor, days)
    run = await engine.sweep(desk.domain.scope)
    assert (run.state, run.deleted) == ("done", {"consent_event": 1})
    assert (left(desk, "consent_event", early), left(desk, "consent_event", late)) == (0, 1)
    reason = "retention: consent_event past its time"
    (seen,) = desk.rows("select count(*) from omniops.audit_entry where detail ->> 'reason' = %s", reason)
    assert seen[0] >= 1, "the app itself may not delete an answer"


async def test_what_stands_outlives_its_proof_and_can_still_be_changed(desk, engine):
    visitor = await desk.visitor()
    await choose(desk, visitor)
    answered(desk, visitor, 1275)
    await engine.sweep(desk.domain.scope)
    assert left(desk, "consent_event", visitor) == 0
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {"analytics": "given"}
    await choose(desk, visitor, given=False)
    assert await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id) == {"analytics": "withdrawn"}
    (event,) = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert (event.answer, event.before) == ("withdrawn", "given")


async def test_a_yes_whose_proof_is_gone_still_ends_with_its_time(desk, engine):
    visitor = await desk.visitor()
    await choose(desk, visitor)
    answered(desk, visitor, 1275)
    await engine.sweep(desk.domain.scope)
    desk.clock.forward(days=181)
    await desk.runtime.privacy.consent_jobs.expire()
    (event,) = await desk.runtime.consents.history(desk.domain.scope, visitor.subject_id)
    assert (event.answer, event.method) == ("expired", "age")


async def test_a_held_persons_answers_stay(desk, engine):
    visitor = await desk.visitor()
    await choose(desk, visitor)
    answered(desk, visitor, 1275)
    desk.rows("update omniops.subject set hold = true where id = %s", visitor.subject_id)
    await engine.sweep(desk.domain.scope)
    assert left(desk, "consent_event", visitor) == 1


async def test_proof_alone_does_not_keep_a_persons_keys(desk, engine):
    visitor = await chat(desk, 90)
    await choose(desk, visitor)
    await engine.sweep(desk.domain.scope)
    assert keys(desk, visitor) == [("shredded",)]
    assert left(desk, "consent_event", visitor) == 1
