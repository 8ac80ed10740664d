"""Where the cuts go: towards where the marks say, slowly, and nowhere without enough of them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omniops.conversation.cuts import ANSWER_BOUNDS, CLOSEST_BOUNDS, GAP, NEEDED, STEP, Cuts, Mark, fit

BEFORE = Cuts(0.6, 0.4)


def simulated(good_from, *, count=300, blur=0.06, seed=1):
    """Marks of a site whose quotes help from a strength on, give or take."""
    chance = random.Random(seed)
    strengths = [chance.uniform(0.25, 0.95) for _ in range(count)]
    return [Mark(s, s + chance.gauss(0, blur) > good_from) for s in strengths]


def settled(marks, cuts=BEFORE, looks=20):
    for _ in range(looks):
        cuts, _ = fit(marks, cuts)
    return cuts


@pytest.mark.parametrize(("good_from", "low", "high"), [(0.45, 0.42, 0.55), (0.6, 0.57, 0.7), (0.75, 0.72, 0.85)])
def test_the_answer_cut_settles_where_quotes_begin_to_help(good_from, low, high):
    cuts = settled(simulated(good_from))
    assert low <= cuts.answer <= high
    assert cuts.closest <= cuts.answer - GAP + 1e-9


def test_a_site_whose_answers_disappoint_raises_the_cut_and_one_that_hides_good_ones_lowers_it():
    raised, why = fit(simulated(0.8), BEFORE)
    assert (why, raised.answer) == ("changed", pytest.approx(0.6 + STEP))
    lowered, why = fit(simulated(0.4), BEFORE)
    assert (why, lowered.answer) == ("changed", pytest.approx(0.6 - STEP))


def test_settled_cuts_stay_where_they_are():
    marks = simulated(0.75)
    cuts = settled(marks)
    assert fit(marks, cuts) == (cuts, "fits")


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        (simulated(0.8, count=NEEDED - 1), "few"),
        ([], "few"),
        ([Mark(i / 200, True) for i in range(200)], "one_sided"),
        ([Mark(i / 200, False) for i in range(200)], "one_sided"),
        ([Mark(i // 2 / 100, bool(i % 2)) for i in range(200)], "contradictory"),
        ([Mark(1 - m.strength, m.good) for m in simulated(0.5)], "contradictory"),
        ([Mark(0.5, bool(i % 2)) for i in range(200)], "contradictory"),
    ],
)
def test_few_or_contradictory_marks_move_nothing(marks, why):
    assert fit(marks, BEFORE) == (BEFORE, why)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=NEEDED, max_size=160),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_look_is_bounded_whatever_the_marks(raw, answer, closest):
    before = Cuts(round(answer, 3), round(min(closest, answer), 3))
    after, why = fit([Mark(*pair) for pair in raw], before)
    assert abs(after.answer - before.answer) <= STEP + 1e-6
    if why == "changed":
        for was, is_, (low, high) in (
            (before.answer, after.answer, ANSWER_BOUNDS),
            (before.closest, after.closest, CLOSEST_BOUNDS),
        ):
            # Inside the bounds it stays inside; outside it is only led back.
            assert min(low, was) - 1e-6 <= is_ or is_ == pytest.approx(after.answer - GAP, abs=1e-4)
            assert is_ <= max(high, was) + 1e-6
        assert after.closest <= after.answer - GAP + 1e-4
    else:
        assert after == before


@given(st.integers(0, 299), st.integers(0, 10_000))
def test_a_mark_that_turns_good_raises_no_cut(number, seed):
    marks = simulated(0.6, seed=seed % 7, blur=0.15)
    turned = [Mark(m.strength, True) if i == number else m for i, m in enumerate(marks)]
    before, after = fit(marks, BEFORE)[0], fit(turned, BEFORE)[0]
    assert after.answer <= before.answer
    assert after.closest <= before.closest
