"""Review rules as a table: the first that fits decides, and doubt is the person's."""

import pytest
from omniops.accounts.service import DomainSettings, ReviewRule
from omniops.conversation.modes import mode_before, mode_for
from pydantic import ValidationError

RULES = {
    "none": [],
    "draft": [{"mode": "draft"}],
    "mail": [{"mode": "draft", "channel": "mail"}],
    "topic": [{"mode": "off", "topics": ["Refund", "straße"]}],
    "unsure": [{"mode": "draft", "below": 0.7}],
    "guesses": [{"mode": "off", "levels": ["closest", "none"]}],
    "first": [{"mode": "automatic", "topics": ["hours"]}, {"mode": "draft", "below": 0.7}, {"mode": "off"}],
}


@pytest.mark.parametrize(
    ("rules", "channel", "question", "level", "strength", "before", "then"),
    [
        ("none", "website", "Anything?", "none", None, "automatic", "automatic"),
        ("draft", "website", "Anything?", "answer", 1.0, "draft", "draft"),
        ("mail", "mail", "Anything?", "answer", 1.0, "draft", "draft"),
        ("mail", "website", "Anything?", "answer", 1.0, "automatic", "automatic"),
        ("topic", "website", "Where are my REFUNDS?", "answer", 1.0, "off", "off"),
        ("topic", "website", "In welcher STRASSE sind Sie?", "answer", 1.0, "off", "off"),
        ("topic", "website", "Is it unrefundable?", "answer", 1.0, "automatic", "automatic"),
        ("unsure", "website", "Anything?", "answer", 0.69, None, "draft"),
        ("unsure", "website", "Anything?", "answer", 0.7, None, "automatic"),
        ("unsure", "website", "Anything?", "answer", None, None, "draft"),
        ("guesses", "website", "Anything?", "closest", 0.9, None, "off"),
        ("guesses", "website", "Anything?", "answer", 0.1, None, "automatic"),
        ("first", "website", "Your hours?", "none", 0.0, "automatic", "automatic"),
        ("first", "website", "Anything?", "answer", 0.5, None, "draft"),
        ("first", "website", "Anything?", "answer", 0.9, None, "off"),
    ],
)
def test_the_first_rule_that_fits_decides(rules, channel, question, level, strength, before, then):
    found = DomainSettings(review=RULES[rules]).review
    assert mode_before(found, channel, question) == before
    assert mode_for(found, channel, question, level, strength) == then


@pytest.mark.parametrize("rule", [{}, {"mode": "maybe"}, {"mode": "draft", "topics": ["…"]}, {"mode": "draft", "x": 1}])
def test_a_rule_that_says_nothing_is_refused(rule):
    with pytest.raises(ValidationError):
        ReviewRule(**rule)
