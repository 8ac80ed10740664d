"""What no provider is asked: questions for medical, legal or financial advice, and messages of children.

Rules over words, in the ten languages of the chat, whatever language the page has: the same message always gets the
same verdict, and why can be read. They miss what is said in other words; `docs/figures.md` says how often on our own
set. What a shop's own pages answer (is this cream for sensitive skin?) is not advice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from omniops.conversation.guard_ages import AGE_STATEMENTS, AGES, SAID_BY_ANOTHER
from omniops.conversation.guard_phrases import TOGETHER, WORRIES
from omniops.conversation.guard_words import WORDS
from omniops.conversation.redaction.digits import fold
from omniops.conversation.wording import Phrase, say

Topic = Literal["medical", "legal", "financial", "child"]
LEAST_AGE = 16
"""Age from which a message is nobody's but its writer's, where the domain says nothing else."""
YOUNGEST = 4
"""Below this a number is no age: nobody of that age writes."""
_ADVICE: tuple[Literal["medical", "legal", "financial"], ...] = ("medical", "legal", "financial")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message goes to no provider. `text` is what the visitor reads, `event` the code that the message of core
    carries, `to_person` whether the conversation is handed over at once instead of offered."""

    topic: Topic
    phrase: Phrase
    event: str
    text: str
    to_person: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    ask: re.Pattern[str]
    shop: re.Pattern[str]
    topics: dict[str, re.Pattern[str]]


def check(question: str, language: str, *, least_age: int = LEAST_AGE) -> Verdict | None:
    """The verdict on a visitor's message, or None where a provider may answer. It is told in `language`.

    A statement of one's own age below `least_age` wins over a question for advice.
    """
    text = fold(question).lower().replace("’", "'")
    if _states_age_below(text, least_age):
        return Verdict("child", "child", "child", say("child", language), to_person=True)
    own = _compiled().get(language[:2].lower())
    for topic in _ADVICE:
        by_form = topic == "medical" and any(form.search(text) for form in _forms())
        if by_form or any(_asks_for(topic, text, rules, own or rules) for rules in _compiled().values()):
            return Verdict(topic, "no_advice", "no_advice", say("no_advice", language), to_person=False)
    return None


def _asks_for(topic: str, text: str, rules: _Rules, own: _Rules) -> bool:
    """Whether these rules see a question for advice. `own` are those of the conversation's language: the same letters
    can mean advice in one language and goods in another, so either may say that the shop's own matter is meant."""
    asks = "?" in text or "؟" in text or rules.ask.search(text)
    shop = rules.shop.search(text) or own.shop.search(text)
    return bool(asks and not shop and rules.topics[topic].search(text))


def _states_age_below(text: str, least_age: int) -> bool:
    statements, by_another = _age_rules()
    for statement in statements:
        for match in statement.finditer(text):
            said = match["age"]
            age = int(said) if said.isdigit() else AGES[said]
            if YOUNGEST <= age < least_age and not by_another.search(text[: match.start()]):
                return True
    return False


@cache
def _age_rules() -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str]]:
    return tuple(re.compile(statement) for statement in AGE_STATEMENTS), re.compile(SAID_BY_ANOTHER)


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    worries = (rf"(?<!\w)(?:{self})[^.?!]{{1,80}}(?<!\w)(?:{worry})" for self, worry in WORRIES)
    together = (
        rf"(?<!\w)(?:{verb})\b[^.?!]{{0,60}}\b(?:{link})\b[^.?!]{{0,30}}(?<!\w)(?:{what})"
        for verb, link, what in TOGETHER
    )
    return tuple(re.compile(form) for form in (*worries, *together))


@cache
def _compiled() -> dict[str, _Rules]:
    """Compiled when first needed: most processes never look at a message."""

    def begins(words: str) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{words})")

    return {
        language: _Rules(
            begins(words.ask),
            begins(words.shop),
            {topic: begins(getattr(words, topic)) for topic in _ADVICE},
        )
        for language, words in WORDS.items()
    }
