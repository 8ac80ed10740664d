"""The suite of teams' channels: the wall passes it, and each of ten faults turns its own tests red."""

import pytest
from at_wall import AtWall
from faulty import failures_of
from omniops.testing import TeamPostsSuite

FOUND = "test_a_message_is_written_and_found_by_its_mark_alone"
FOLLOWS = "test_what_follows_stands_in_the_thread"
BEHIND = "test_a_message_is_found_behind_what_others_wrote_since"
DELETED = "test_deleting_takes_one_message_and_can_be_repeated"
GONE = "test_a_channel_that_is_gone_is_an_end"
AWAY = "test_nonsense_and_outages_can_be_tried_again"
FAULTS = {
    "Guesser": {FOUND, FOLLOWS, BEHIND},
    "Hasty": {BEHIND},
    "Flat": {FOLLOWS, BEHIND},
    "Raw": {"test_a_visitors_words_work_as_nothing_but_text"},
    "Careless": {DELETED, GONE},
    "Keeper": {DELETED, AWAY},
    "Patient": {GONE},
    "Deaf": {"test_what_a_person_of_the_business_wrote_is_read"},
    "Gossip": {AWAY},
    "Curious": {"test_its_feature_and_events_are_declared"},
}


class TestWall(AtWall, TeamPostsSuite):
    pass


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    return failures_of("broken_walls.py", tmp_path_factory.mktemp("broken"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_wall_fails_the_tests_meant_for_it(failures, fault):
    assert failures[fault] == FAULTS[fault]
