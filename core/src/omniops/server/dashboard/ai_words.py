"""Why a deployment is not asked or gave no answer, and what settings hold an answer back: in words, with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omniops.accounts.service import DomainSettings, ReviewRule

REASONS: Mapping[str, str] = {
    "capability": "It cannot do what an answer here needs.",
    "processor": "The register admits it to no question of this website. Nothing leaves a sandbox.",
    "contract": "The contract with its company is not signed, or has ended.",
    "transfer": "Data of your visitors may not go to its country now: no transfer mechanism is in force.",
    "notice": "You were told of its company and may still object, or you did.",
    "region": "It runs where your settings do not allow.",
    "retention": "It keeps more of a question than your settings allow.",
    "size": "The question is too long for it.",
    "key": "Nobody gave it a key.",
    "budget": "Today's budget is spent.",
    "price": "A budget is set, and nobody knows its price.",
    "breaker": "It failed too often. It is tried again by itself.",
    "account": "Its key was refused.",
    "rate_limit": "Its company asked to wait.",
    "model": "Its company knows no such model.",
    "attempts": "It was asked often enough for one question.",
    "time": "It did not answer in time.",
    "retry_budget": "So many calls failed that none is repeated now.",
    "not_sent": "What must be kept back could not be, so nothing was sent.",
    "overloaded": "Its company has no room now.",
    "server": "Its company's server failed.",
    "timeout": "It did not answer in time.",
    "connection": "Its company could not be reached.",
    "truncated": "Its answer ended too early.",
    "malformed": "Its answer could not be read.",
    "auth": "Its key was refused.",
    "quota": "Its account has nothing left.",
    "invalid": "It refused the request.",
    "context_length": "The question was too long for it.",
    "residency": "It answered from another region than it promised.",
    "cancelled": "The answer was stopped.",
}
KEEPS: Mapping[str, str] = {
    "none": "nothing",
    "no_store": "nothing stored",
    "days": "some days",
    "unknown": "not said",
}
_OF_THE_MOMENT = frozenset({"breaker", "account", "rate_limit", "model"})
_MODES = {"automatic": "the AI answers by itself", "draft": "a person sees the answer first", "off": "people answer"}


def reason(code: str) -> str:
    return REASONS.get(code, code.replace("_", " ").capitalize() + ".")


def may_receive(deployment: Mapping[str, Any]) -> bool:
    """Whether register, settings and keys let it have a question, however it fares at the moment."""
    return deployment["why"] is None or deployment["why"] in _OF_THE_MOMENT


def statement(deployments: Sequence[Mapping[str, Any]]) -> str:
    """Who answers now, in one sentence."""
    free = [one for one in deployments if one["why"] is None]
    models = [one for one in free if not one["inside"]]
    if models:
        first, rest = models[0]["name"], len(free) - 1
        if not rest:
            return f"{first} answers, and nobody stands behind it."
        return f"{first} is asked first; {rest} more {'stands' if rest == 1 else 'stand'} behind it."
    if free:
        return "No model is asked: the AI answers in the words of your pages."
    return "Nobody answers: each question goes to a person."


def rule_words(rule: ReviewRule) -> str:
    """A rule as a sentence."""
    when = [
        f"on {rule.channel}" if rule.channel else "",
        f"about {', '.join(rule.topics)}" if rule.topics else "",
        f"of the level {' or '.join(rule.levels)}" if rule.levels else "",
        f"less certain than {rule.below:g}" if rule.below is not None else "",
    ]
    said = " ".join(part for part in when if part)
    return f"Questions {said}: {_MODES[rule.mode]}." if said else f"All others: {_MODES[rule.mode]}."


def rails(settings: DomainSettings) -> list[tuple[str, str]]:
    """What holds whoever answers, each with the part of the settings that it stands in."""
    where = f"only in {', '.join(settings.regions)}" if settings.regions else "anywhere that the register allows"
    keeps = ", ".join(KEEPS.get(one, one) for one in settings.retention)
    return [
        (f"Models run {where}.", "models"),
        (f"Vendors keep {keeps}." if keeps else "Vendors keep what they declare.", "models"),
        (
            f"Answers need a certainty of {settings.answer_cut:g}, closest passages {settings.closest_cut:g}.",
            "answers",
        ),
        (f"Who is younger than {settings.least_age} goes to a person.", "answers"),
    ]
