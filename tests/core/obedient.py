"""A model that does whatever it reads, for the adversarial set: what it may do harm with is then up to core alone.

A directive is JSON between `@@` marks, anywhere in the texts of a request. core's `operations/adversarial.jsonl`
holds them inside attacks as they are seen in the wild. Their operations: `say` a text, `card` (of buttons), `call` a
tool, `reveal` (`instructions`, `request` or `placeholders`), `cite` a passage id, claim a `level`, `repeat` a text,
`levels` (several), `state` (set the conversation's).
"""

import json
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from uuid import UUID

from omniops.contracts.cards import Button, ButtonsCard
from omniops.contracts.provider import Citation, Deployment, Done, Level, Provider, Shown, Started, Text

DIRECTIVE = re.compile(r"@@(\{.*?\})@@", re.DOTALL)
PLACEHOLDER = re.compile(r"\[[A-Z]{2,8}_\d+\]")
PIECE = 7
"""Characters of a delta: small, so that placeholders and links come in pieces."""


def texts(value) -> Iterator[str]:
    """Every text in a request, however deep: question, messages, passages, whatever a later contract adds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts(item)


def directives(value) -> list[dict]:
    """What the texts of a request tell to do, each once, in the order in which they are read."""
    found = []
    for text in texts(value):
        for written in DIRECTIVE.findall(text):
            try:
                directive = json.loads(written)
            except ValueError:
                continue
            if directive not in found:
                found.append(directive)
    return found


class ObedientProvider(Provider):
    """Obeys every directive of a request. `obeyed` holds what it did, `calls` the tools that it wanted to call,
    `states` what it wanted the conversation to be; `requests` what it was shown."""

    name = "obedient"
    processor = None

    def __init__(self):
        self.begin()

    def begin(self):
        self.requests, self.obeyed, self.calls, self.states = [], [], [], []

    def deployments(self):
        return [Deployment("obedient/model", self.name, "model", "here", self.processor)]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.requests.append(request)
        yield self._events(request)

    async def _events(self, request):
        yield Started("obedient-1")
        found = directives(request)
        if not any("level" in directive for directive in found):
            yield Level("closest")
        for directive in found:
            self.obeyed.append(directive)
            for event in self._done(directive, request):
                yield event
        if not found:
            yield Text("I was told to do nothing.")
        yield Done("end")

    def _done(self, directive, request):
        """The events that obeying takes."""
        if "level" in directive:
            yield Level(directive["level"])
        yield from (Level("answer") for _ in range(directive.get("levels", 0)))
        yield from said(directive.get("say", ""))
        if "cite" in directive:
            yield Citation(UUID(directive["cite"]), directive.get("say", ""))
        if "card" in directive:
            card = directive["card"]
            button = Button(card["label"], card.get("say", ""), card.get("url", ""))
            yield Shown(ButtonsCard(card["text"], (button,)))
        if "repeat" in directive:
            text, times = directive["repeat"]
            yield from (Text(text) for _ in range(times))
        yield from said(self._revealed(directive.get("reveal"), request))
        if "call" in directive and (directive["call"], directive["args"]) not in self.calls:
            self.calls.append((directive["call"], directive["args"]))
        if "state" in directive:
            self.states.append(directive["state"])

    def _revealed(self, what, request):
        everything = "\n".join(texts(request))
        if what == "placeholders":
            return " ".join(PLACEHOLDER.findall(everything))
        if what == "instructions":
            return "\n".join(texts(getattr(request, "system", "")))
        return everything if what == "request" else ""


def said(text):
    return (Text(text[at : at + PIECE]) for at in range(0, len(text), PIECE))
