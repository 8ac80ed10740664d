"""Whether the AI answers by itself, proposes an answer, or stays silent: the first rule that fits decides."""

from __future__ import annotations

from collections.abc import Sequence

from omniops.accounts.service import Mode, ReviewRule
from omniops.conversation.models import Conversation


def mode_before(rules: Sequence[ReviewRule], channel: str, question: str) -> Mode | None:
    """The mode of a question that nobody answered yet. None: it depends on the answer, so nothing of it may be shown
    before it is complete."""
    for rule in rules:
        if rule.about(channel, question):
            return None if rule.needs_answer else rule.mode
    return "automatic"


def mode_for(rules: Sequence[ReviewRule], channel: str, question: str, level: str, strength: float | None) -> Mode:
    """The mode of a finished answer."""
    for rule in rules:
        if rule.about(channel, question) and rule.doubts(level, strength):
            return rule.mode
    return "automatic"


def held_to(conversation: Conversation) -> Mode | None:
    """What holds for a conversation whatever the rules say: what a person chose for it; and while a draft waits or was
    overtaken by the next message, nobody has looked yet, so that is a draft as well."""
    if conversation.mode is not None:
        return conversation.mode  # type: ignore[return-value]
    return "draft" if conversation.state == "draft" else None
