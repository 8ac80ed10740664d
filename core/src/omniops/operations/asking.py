"""`omniops ask`: one question from the command line, through the same turn as a visitor's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omniops.accounts.service import DomainView
from omniops.contracts.ids import new_id
from omniops.conversation.wording import say
from omniops.errors import NotReady
from omniops.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the message that answered it."""

    question: str
    message: Mapping[str, Any]

    @property
    def level(self) -> str:
        return str(self.message.get("level") or "none")

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        return list(self.message.get("sources") or [])

    def to_json(self) -> dict[str, Any]:
        return {"question": self.question, **self.message}

    def lines(self) -> Iterator[str]:
        """For people: the answer with its numbers, then its sources."""
        if self.level == "none":
            yield str(self.message.get("text") or say("none", "en"))
            return
        if self.level == "closest":
            yield say("closest", "en")
        text = ""
        for part in self.message.get("parts") or []:
            text += part["text"] if part["type"] == "text" else f" [{part['n']}]"
        yield text
        for source in self.sources:
            yield f"  [{source['n']}] {source['title']}  {source['url']}"


async def ask(runtime: Runtime, domain: DomainView, question: str) -> Asked:
    """Opens a visitor's session, asks, waits for the end. Raises `NotReady` when the answer was cut short."""
    language = domain.settings.language
    _, visitor = await runtime.visitors.open(domain, language)
    events = await runtime.conversations.ask(visitor, domain, question, new_id().hex, language)
    last: Mapping[str, Any] = {}
    kind = ""
    async for event in events:
        kind, last = event.kind, event.data
    if kind == "error":
        raise NotReady("The answer was cut short.", do="Ask again.")
    return Asked(question, last if kind == "done" else {"level": "none", "text": say("handed_off", language)})
