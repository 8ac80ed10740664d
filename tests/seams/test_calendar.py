"""The suite of calendars: the diary passes it, and each of nine faults turns its own tests red."""

import pytest
from at_diary import AtDiary
from faulty import failures_of
from omniops.testing import CalendarSuite

TAKEN = "test_what_is_taken_is_told_by_its_time_alone"
ONCE = "test_an_appointment_is_entered_once_and_found_by_its_key"
REMOVED = "test_removing_takes_one_entry_and_can_be_repeated"
LOST = "test_an_entry_whose_answer_was_lost_is_found"
FAULTS = {
    "Late": {TAKEN},
    "Wholesale": {TAKEN},
    "Doubler": {ONCE},
    "Forgetful": {ONCE, LOST},
    "Guesser": {ONCE, REMOVED},
    "Elsewhere": {"test_a_copy_shows_the_appointment"},
    "Sweeper": {REMOVED},
    "Keeper": {REMOVED},
    "OneSwitch": {"test_its_features_and_rules_are_declared"},
}


class TestDiary(AtDiary, CalendarSuite):
    pass


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    return failures_of("broken_diaries.py", tmp_path_factory.mktemp("broken"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_calendar_fails_the_tests_meant_for_it(failures, fault):
    assert failures[fault] == FAULTS[fault]
