"""The cuts of a domain follow its marks: which marks count, what is kept of a look, and what a person said stays."""

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from omniops.contracts.scope import Actor
from omniops.conversation.calibrating import Calibrating
from omniops.defaults.wordllama import WordllamaEncoder
from omniops.errors import Rejected

MEMBER = Actor("member", "test")
_TURN = (
    "insert into omniops.turn (domain_id, id, subject_id, conversation_id, message_id, state, owner, lease_until, seq,"
    " key, deployment, record, created_at) values (%s, %s, %s, %s, %s, 'done', 'x', now(), 0, %s, %s,"
    " jsonb_build_object('strength', %s::float, 'meaning', %s::bool), %s)"
)
_MESSAGE = (
    "insert into omniops.message (domain_id, id, subject_id, conversation_id, seq, author, event, language,"
    " interrupted, text, level, turn_id, created_at)"
    " values (%s, %s, %s, %s, %s, %s, %s, 'en', false, 'unreadable', %s, %s, %s)"
)
_THUMB = (
    "insert into omniops.feedback (domain_id, id, subject_id, message_id, helpful, created_at)"
    " values (%s, %s, %s, %s, %s, %s)"
)


class Named(WordllamaEncoder):
    """The same vectors under another name, as a newer version of a model has."""

    def __init__(self):
        super().__init__()
        self.id = "newer"


@pytest.fixture(scope="module")
def encoder():
    return WordllamaEncoder()


@pytest.fixture
def calibrating(desk, encoder):
    return Calibrating(desk.runtime.database, desk.runtime.accounts, lambda: encoder, desk.clock)


async def marks(desk, pairs, *, deployment="quoting", meaning=True, level="answer", handed_over=False, days_ago=1):
    """Answers of one visitor with a thumb each, or a call for a person after it. Their text is no text at all."""
    visitor = await desk.visitor()
    place = (visitor.subject_id, visitor.conversation_id)
    at = desk.clock.now() - timedelta(days=days_ago)
    domain, turns, messages, thumbs = desk.domain.id, [], [], []
    for number, (strength, good) in enumerate(pairs):
        turn, message = uuid4(), uuid4()
        turns.append((domain, turn, *place, uuid4(), uuid4().hex, deployment, strength, meaning, at))
        messages.append((domain, message, *place, 2 * number + 1, "ai", None, level, turn, at))
        if good is not None:
            thumbs.append((domain, uuid4(), place[0], message, good, at))
        if handed_over:
            messages.append((domain, uuid4(), *place, 2 * number + 2, "system", "handed_off", None, None, at))
    with psycopg.connect(desk.runtime.database.links.admin.conninfo()) as connection:
        for statement, rows in ((_TURN, turns), (_MESSAGE, messages), (_THUMB, thumbs)):
            connection.cursor().executemany(statement, rows)


def disappointing(count=120):
    """Quotes help from .75 on."""
    return [(0.4 + 0.5 * i / count, 0.4 + 0.5 * i / count > 0.75) for i in range(count)]


async def cuts(desk):
    settings = (await desk.runtime.accounts.domain(desk.domain.scope)).settings
    return settings.answer_cut, settings.closest_cut


async def test_marks_move_the_cuts_and_the_evidence_is_kept(desk, calibrating):
    await marks(desk, disappointing())
    await calibrating.run(desk.domain.scope)
    assert await cuts(desk) == (0.65, 0.45)
    view = (await calibrating.view(desk.domain.scope)).to_json()
    (look,) = view["looks"]
    assert (look["marks"], look["good"], look["why"]) == (120, 35, "changed")
    assert (look["answer_before"], look["answer_after"]) == (0.6, 0.65)
    assert (look["closest_before"], look["closest_after"]) == (0.4, 0.45)
    assert view["by_hand"] == []
    opened = desk.rows(
        "select count(*) from omniops.audit_entry where account_id = %s and action = 'vault.open'",
        desk.domain.scope.account_id,
    )
    assert opened == [(0,)]


async def test_look_after_look_the_cut_arrives_and_rests(desk, calibrating):
    await marks(desk, disappointing())
    for _ in range(10):
        await calibrating.run(desk.domain.scope)
    answer, _ = await cuts(desk)
    assert 0.72 <= answer <= 0.8
    looks = (await calibrating.view(desk.domain.scope)).looks
    await calibrating.run(desk.domain.scope)
    assert (await calibrating.view(desk.domain.scope)).looks == looks, "nothing new, no new row"


async def test_a_call_for_a_person_right_after_an_answer_is_a_no(desk, calibrating):
    await marks(desk, [(s, None) for s, good in disappointing() if not good], handed_over=True)
    await marks(desk, [(s, True) for s, good in disappointing() if good], handed_over=True)
    await calibrating.run(desk.domain.scope)
    (look,) = (await calibrating.view(desk.domain.scope)).looks
    assert (look.marks, look.good, look.why) == (120, 35, "changed")


@pytest.mark.parametrize(
    "foreign",
    [
        {"deployment": "other/model"},
        {"meaning": False},
        {"level": "none"},
        {"days_ago": 200},
    ],
)
async def test_marks_of_another_scale_or_another_time_do_not_count(desk, calibrating, foreign):
    await marks(desk, disappointing(), **foreign)
    await calibrating.run(desk.domain.scope)
    assert await cuts(desk) == (0.6, 0.4)
    assert (await calibrating.view(desk.domain.scope)).looks[0].marks == 0


@pytest.mark.parametrize(
    ("pairs", "why"),
    [(disappointing(99), "few"), ([(i // 2 / 100, bool(i % 2)) for i in range(200)], "contradictory")],
)
async def test_few_or_contradictory_marks_move_nothing(desk, calibrating, pairs, why):
    await marks(desk, pairs)
    await calibrating.run(desk.domain.scope)
    assert await cuts(desk) == (0.6, 0.4)
    assert (await calibrating.view(desk.domain.scope)).looks[0].why == why


async def test_a_cut_set_by_hand_is_never_overwritten_until_it_is_given_back(desk, calibrating):
    scope, accounts = desk.domain.scope, desk.runtime.accounts
    await accounts.configure(scope, {"settings": {"answer_cut": 0.5}}, actor=MEMBER)
    await marks(desk, disappointing())
    await calibrating.run(scope)
    assert await cuts(desk) == (0.5, 0.45)
    assert (await calibrating.view(scope)).by_hand == ("answer_cut",)
    await accounts.configure(scope, {"settings": {"closest_cut": 0.3}}, actor=MEMBER)
    await calibrating.run(scope)
    assert await cuts(desk) == (0.5, 0.3)
    assert (await calibrating.view(scope)).looks[0].why == "by_hand"
    await accounts.configure(scope, {"settings": {"answer_cut": None, "closest_cut": None}}, actor=MEMBER)
    assert await cuts(desk) == (0.5, 0.45), "back to what calibration had found"
    await calibrating.run(scope)
    assert (await cuts(desk))[0] == 0.55


async def test_marks_of_another_model_are_left_behind(desk, calibrating):
    await marks(desk, disappointing())
    await calibrating.run(desk.domain.scope)
    newer = Calibrating(desk.runtime.database, desk.runtime.accounts, Named, desk.clock)
    await newer.run(desk.domain.scope)
    look = (await newer.view(desk.domain.scope)).looks[0]
    assert (look.encoder_id, look.marks, look.why) == ("newer", 0, "few")
    assert await cuts(desk) == (0.65, 0.45)


async def test_without_an_encoder_nothing_is_looked_at(desk):
    await marks(desk, disappointing())
    assert await desk.runtime.calibrating.run(desk.domain.scope) is None
    assert (await desk.runtime.calibrating.view(desk.domain.scope)).looks == ()


async def test_own_questions_that_would_fall_stop_a_look(desk, calibrating):
    async def refuse(before, after, despite_fall):
        if before.id == desk.domain.id:
            raise Rejected("They fell.", code="answers_fell")

    desk.runtime.accounts.before_settings(refuse)
    await marks(desk, disappointing())
    await calibrating.run(desk.domain.scope)
    assert await cuts(desk) == (0.6, 0.4)
    assert (await calibrating.view(desk.domain.scope)).looks[0].why == "fell"


async def test_another_domains_marks_are_not_seen(desk, calibrating):
    await marks(desk, disappointing())
    await calibrating.run(desk.other.scope)
    assert (await calibrating.view(desk.other.scope)).looks[0].marks == 0


async def test_what_a_member_says_of_an_answer_counts_before_the_visitors_thumb(desk, calibrating):
    await marks(desk, [(0.4 + 0.5 * i / 120, True) for i in range(120)])
    with psycopg.connect(desk.runtime.database.links.admin.conninfo()) as connection:
        connection.execute(
            "insert into omniops.answer_verdict (domain_id, id, subject_id, message_id, fits, given_by, created_at)"
            " select m.domain_id, gen_random_uuid(), m.subject_id, m.id, false, 'member:x', now()"
            " from omniops.message m join omniops.turn t on t.domain_id = m.domain_id and t.id = m.turn_id"
            " where m.domain_id = %s and (t.record->>'strength')::float <= .75",
            [desk.domain.id],
        )
    look = await calibrating.run(desk.domain.scope)
    assert (look.marks, look.good) == (120, sum(good for _, good in disappointing()))
