"""Terms of law as dates, against a table that was made another way; and who a rule applies to."""

import json
from datetime import date
from pathlib import Path

import pytest
from omniops.privacy.rights.clocks import Course, dues, last_day, regimes_of, rules, strictest
from omniops.privacy.rights.kinds import RIGHTS

CASES = json.loads(Path(__file__).with_name("clock_cases.json").read_text("utf-8"))
RULES = {rule.key: rule for rule in rules()}


def day(text):
    return date.fromisoformat(text) if text else None


def course(case):
    pauses = [(day(begun), day(ended)) for begun, ended in case.get("pauses", ())]
    return Course(day(case["received"]), case.get("extended", False), pauses, day(case.get("today")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']} {case['received']} {case['why']}")
def test_the_last_day(case):
    assert last_day(RULES[case["rule"]], course(case), case.get("country", "")) == day(case["last_day"])


def test_the_table_has_every_rule_and_is_long_enough():
    assert len(CASES) >= 60
    assert {case["rule"] for case in CASES} == set(RULES)


def test_the_strictest_of_all_that_apply_is_first():
    received = Course(date(2026, 2, 10))
    found = dues("erasure", regimes_of("", ""), received)
    assert [due.day for due in found] == sorted(due.day for due in found)
    answer, confirm = strictest(found, "answer"), strictest(found, "acknowledge")
    assert (answer.rule.key, answer.day) == ("gdpr.answer", date(2026, 3, 10))
    assert (confirm.rule.key, confirm.day) == ("ccpa.confirm", date(2026, 2, 25))
    long_month = dues("erasure", regimes_of("", ""), Course(date(2026, 7, 10)))
    assert (strictest(long_month, "answer").rule.key) == "house.answer"


def test_regimes_follow_where_the_person_lives_then_the_domain_then_all():
    assert regimes_of("California", "DE") == {"California", "house"}
    assert regimes_of("", "DE") == {"EEA", "house"}
    assert regimes_of("", "GB") == {"UK", "house"}
    assert regimes_of("", "") > {"EEA", "UK", "California", "house"}
    assert regimes_of("elsewhere", "DE") == {"elsewhere", "house"}


def test_every_right_has_a_term_in_every_region():
    for right in RIGHTS:
        for region in ("EEA", "UK", "California", "elsewhere"):
            assert strictest(dues(right, regimes_of(region, ""), Course(date(2026, 6, 15))), "answer")


def test_every_rule_says_where_it_stands_and_when_it_is_read_again():
    for rule in rules():
        assert len(rule.source) > 20
        assert rule.grade in ("seen", "secondary", "house")
        assert rule.reviewed < rule.review_by
        assert rule.rights <= {*RIGHTS, "*"}
