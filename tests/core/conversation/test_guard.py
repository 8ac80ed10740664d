"""What no provider is asked: measured on a labelled set, with the sentences that a shop must go on answering."""

import json
import re
from pathlib import Path

import pytest
from omniops.conversation import guard
from omniops.conversation.guard import check
from omniops.conversation.guard_words import WORDS
from omniops.conversation.wording import say

DATA = Path(__file__).parent / "data"
FLOOR = 0.95
UNSEEN_FLOORS = (0.4, 0.95)
"""Recall and precision on questions that were written after the rules. Never tune on that file: write a new one."""
ADVICE = frozenset({"medical", "legal", "financial"})


@pytest.fixture(scope="module")
def cases():
    return read("guard.jsonl")


def read(name):
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def measured(cases, topics):
    """Recall and precision of verdicts of these topics taken together."""
    wanted = [case["topic"] in topics for case in cases]
    given = [(v := check(case["text"], case["language"])) is not None and v.topic in topics for case in cases]
    right = sum(w and g for w, g in zip(wanted, given, strict=True))
    return right / sum(wanted), right / max(1, sum(given))


def test_the_labelled_set_is_what_it_claims_to_be(cases):
    assert len(cases) >= 250
    assert {case["language"] for case in cases} == set(WORDS)
    assert sum(case["topic"] is None for case in cases) >= 120, "hard negatives"
    assert len({case["text"].lower() for case in cases}) == len(cases)


@pytest.mark.parametrize("topics", [ADVICE, {"child"}], ids=("advice", "child"))
def test_recall_and_precision_stay_above_the_floor(cases, topics):
    recall, precision = measured(cases, topics)
    assert recall >= FLOOR
    assert precision >= FLOOR


def test_what_was_never_tuned_on_is_measured_too(cases):
    unseen = read("guard_unseen.jsonl")
    assert not {case["text"] for case in unseen} & {case["text"] for case in cases}
    recall, precision = measured(unseen, ADVICE)
    assert recall >= UNSEEN_FLOORS[0]
    assert precision >= UNSEEN_FLOORS[1]


def test_no_question_that_the_sample_shop_answers_is_swallowed():
    asked = [
        (file.parent.name, json.loads(line)["text"])
        for file in (Path(__file__).parents[1] / "knowledge" / "languages").glob("*/queries.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert len(asked) > 200
    assert [question for language, question in asked if check(question, language)] == []


def test_the_measure_sees_a_guard_that_swallows_shop_questions_and_one_that_sleeps(cases, monkeypatch):
    monkeypatch.setattr(guard, "_asks_for", lambda topic, text, rules, own: "?" in text)
    assert measured(cases, ADVICE)[1] < FLOOR
    monkeypatch.setattr(guard, "_asks_for", lambda topic, text, rules, own: False)
    assert measured(cases, ADVICE)[0] < FLOOR
    monkeypatch.setattr(guard, "_states_age_below", lambda text, least_age: False)
    assert measured(cases, {"child"})[0] < FLOOR


def test_advice_is_refused_in_the_visitors_language_with_an_offer():
    verdict = check("Kann ich meinen Vermieter verklagen?", "de")
    assert (verdict.topic, verdict.event, verdict.to_person) == ("legal", "no_advice", False)
    assert verdict.text == say("no_advice", "de")
    assert "Menschen" in verdict.text


def test_a_child_goes_to_a_person_whatever_it_asks():
    verdict = check("I am 12, which shares should I buy?", "en")
    assert (verdict.topic, verdict.event, verdict.to_person) == ("child", "child", True)


def test_the_domains_own_age_counts():
    assert check("I am 14", "en", least_age=13) is None
    assert check("I am 14", "en").topic == "child"
    assert check("I am 17", "en", least_age=18).topic == "child"
    assert check("I am 16", "en") is None


def test_a_message_in_another_language_than_the_page_is_understood():
    assert check("Soll ich mein Erspartes in Bitcoin anlegen?", "en").topic == "financial"
    assert check("١١ عمري 11 سنة", "pl").topic == "child"


@pytest.mark.parametrize("phrase", ["no_advice", "child"])
def test_every_language_has_its_own_words_for_it(phrase):
    assert len({say(phrase, language) for language in WORDS}) == len(WORDS)


def test_long_nonsense_is_looked_through_at_once():
    for text in ("i am " * 800, "1" * 4000, "is this " * 500, "son says " * 400 + "i am 11"):
        check(re.sub(r"\s+$", "", text), "en")
