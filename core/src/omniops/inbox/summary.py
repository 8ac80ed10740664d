"""What a person must know who takes a conversation: what was asked last, how far the AI came. Words of the
conversation itself, picked and not written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omniops.conversation.service import MessageView


@dataclass(frozen=True, slots=True)
class CitedPage:
    """A page that the AI quoted, once."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Tried:
    """An answer of the AI: the number of its message, how sure it was, whether it was cut short."""

    seq: int
    level: str | None
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """`question` is the visitor's newest message, `unanswered` all that came since somebody last answered in full."""

    question: str
    unanswered: Sequence[str]
    level: str | None
    pages: Sequence[CitedPage]
    tried: Sequence[Tried]


def summarise(messages: Sequence[MessageView]) -> Summary:
    """The summary of a conversation's newest messages, oldest of them first; always the same of the same ones."""
    asked = [m.text for m in messages if m.author == "visitor"]
    answers = [m for m in messages if m.author == "ai"]
    open_: list[str] = []
    for message in messages:
        if message.author == "visitor":
            open_.append(message.text)
        elif message.author == "person" or (message.author == "ai" and not message.interrupted):
            open_ = []
    pages = {(s["title"], s["url"]): CitedPage(s["title"], s["url"]) for m in answers for s in m.sources}
    return Summary(
        question=asked[-1] if asked else "",
        unanswered=open_,
        level=answers[-1].level if answers else None,
        pages=list(pages.values()),
        tried=[Tried(m.seq, m.level, m.interrupted) for m in answers],
    )
