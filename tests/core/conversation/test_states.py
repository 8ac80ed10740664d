"""The table of states: which event leads where, and that nothing else does."""

from typing import get_args

import pytest
from omniops.conversation.states import SILENT, TRANSITIONS, Event, State, after
from omniops.errors import Rejected

STATES = get_args(State)
OPEN = "taken_over>human replied>human handed_back>ai closed>closed"
ASKED = "person_asked>waiting ai_failed>waiting ai_handed_over>waiting ai_off>waiting opted_out>waiting drafted>draft"
WAYS = {
    "ai": f"{OPEN} {ASKED} assigned>ai mode_set>ai noted>ai labelled>ai snoozed>ai",
    "draft": f"{OPEN} {ASKED} assigned>draft mode_set>draft noted>draft labelled>draft snoozed>draft "
    "asked_again>draft draft_sent>ai draft_rejected>waiting",
    "waiting": f"{OPEN} person_asked>waiting assigned>waiting mode_set>waiting noted>waiting "
    "labelled>waiting snoozed>waiting",
    "human": f"{OPEN} person_asked>waiting assigned>human mode_set>human noted>human labelled>human snoozed>human",
    "closed": "noted>closed labelled>closed reopened>waiting",
}


@pytest.mark.parametrize("state", STATES)
def test_every_event_leads_where_the_table_says_and_no_other_is_known(state):
    ways = dict(way.split(">") for way in WAYS[state].split())
    for event in get_args(Event):
        if event in ways:
            assert after(state, event) == ways[event]
        else:
            with pytest.raises(Rejected) as refused:
                after(state, event)
            assert refused.value.code == ("conversation_closed" if state == "closed" else "not_in_state")


def test_no_event_of_the_ai_leads_out_of_a_persons_hands():
    """A model can only ever make a conversation wait, or propose."""
    for event in ("ai_failed", "ai_handed_over", "ai_off", "drafted", "opted_out", "asked_again"):
        assert not SILENT & set(TRANSITIONS[event]), event


def test_every_event_is_in_the_table():
    assert set(TRANSITIONS) == set(get_args(Event))
