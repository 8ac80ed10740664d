"""Anthropic's events as ours. One reader for each answer; nothing here waits, and nothing is copied twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from omniops.contracts.knowledge import Passage
from omniops.contracts.provider import (
    Citation,
    Done,
    Event,
    Opaque,
    Reasoning,
    Refusal,
    Started,
    Stop,
    Text,
    ToolCall,
    Usage,
)

from omniops_anthropic.asking import replay
from omniops_anthropic.names import ANTHROPIC

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "tool_use": "tool",
    "pause_turn": "paused",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
}


class Reader:
    """Reads one answer. `read` gives what one event means; after `message_stop` that is the `Done`."""

    def __init__(self, documents: Sequence[Passage], *, model: str, account: str, request_id: str) -> None:
        self._documents = documents
        self._model = model
        self._account = account
        self._request_id = request_id
        self._blocks: list[dict[str, Any]] = []
        """The model's own blocks, for the next round of tools."""
        self._pieces: list[str] = []
        self._signature = ""
        self._cited: list[Citation] = []
        self._called = False
        self._stop: Stop = "end"
        self._refused: str | None = None
        self._counts: dict[str, int] = {}
        self._served = ""

    def read(self, event: Any) -> Iterator[Event]:
        """What an event means, which is often nothing."""
        match event.type:
            case "content_block_delta":
                yield from self._delta(event.delta)
            case "content_block_start":
                self._start(event.content_block)
            case "content_block_stop":
                yield from self._finish()
            case "message_start":
                self._count(event.message.usage)
                self._served = getattr(event.message.usage, "inference_geo", None) or ""
                yield Started(event.message.model, self._request_id)
            case "message_delta":
                self._count(event.usage)
                self._stop = _STOPS.get(event.delta.stop_reason or "", "end")
                if self._stop == "refusal":
                    self._refused = getattr(event.delta.stop_details, "category", None) or ""
            case "message_stop":
                yield from self._end()

    def _start(self, block: Any) -> None:
        self._pieces, self._cited, self._signature = [], [], ""
        match block.type:
            case "tool_use":
                self._blocks.append({"type": "tool_use", "id": block.id, "name": block.name})
            case "redacted_thinking":
                self._blocks.append({"type": "redacted_thinking", "data": block.data})
            case kind:
                self._blocks.append({"type": kind})

    def _delta(self, delta: Any) -> Iterator[Event]:
        match delta.type:
            case "text_delta":
                self._pieces.append(delta.text)
                yield Text(delta.text)
            case "input_json_delta":
                self._pieces.append(delta.partial_json)
            case "thinking_delta":
                self._pieces.append(delta.thinking)
                yield Reasoning()
            case "signature_delta":
                self._signature = delta.signature
            case "citations_delta":
                self._cite(delta.citation)

    def _cite(self, citation: Any) -> None:
        """Keeps a citation whose words do stand in the passage that it names."""
        number, quote = getattr(citation, "document_index", None), (citation.cited_text or "").strip()
        if isinstance(number, int) and 0 <= number < len(self._documents) and quote:
            passage = self._documents[number]
            found = Citation(passage.id, quote)
            if quote in passage.text and found not in self._cited:
                self._cited.append(found)

    def _finish(self) -> Iterator[Event]:
        """A block is whole: a citation ends its text, and a tool can be called."""
        if not self._blocks:
            return
        block, said = self._blocks[-1], "".join(self._pieces)
        match block["type"]:
            case "text":
                block["text"] = said
                yield from self._cited
            case "thinking":
                block["thinking"], block["signature"] = said, self._signature
            case "tool_use":
                args, problem = _arguments(said)
                block["input"] = args
                self._called = True
                yield ToolCall(block["id"], block["name"], args, problem)

    def _end(self) -> Iterator[Event]:
        if self._refused is not None:
            yield Refusal("", self._refused)
        stop: Stop = "tool" if self._called and self._refused is None else self._stop
        # The vendor takes no text without a word back (400).
        kept = [block for block in self._blocks if block["type"] != "text" or block.get("text", "").strip()]
        back = Opaque(ANTHROPIC, replay(kept, self._model, self._account)) if stop == "tool" else None
        yield Done(stop, self._usage(), back)

    def _count(self, usage: Any) -> None:
        """Counts are cumulative; a later event repeats only some of them."""
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if (value := getattr(usage, name, None)) is not None:
                self._counts[name] = value
        details = getattr(usage, "output_tokens_details", None)
        if (thought := getattr(details, "thinking_tokens", None)) is not None:
            self._counts["thinking"] = thought

    def _usage(self) -> Usage:
        """Anthropic counts what a cache gave or took apart from its input; ours includes it."""
        count = self._counts.get
        read, written = count("cache_read_input_tokens", 0), count("cache_creation_input_tokens", 0)
        return Usage(
            input=count("input_tokens", 0) + read + written,
            output=count("output_tokens", 0),
            measured="output_tokens" in self._counts,
            cache_read=read,
            cache_write=written,
            reasoning=count("thinking", 0),
            region_served=self._served,
        )


def _arguments(said: str) -> tuple[dict[str, Any], str | None]:
    try:
        args = json.loads(said or "{}")
    except ValueError as error:
        return {}, f"The arguments are no JSON: {error}."
    if not isinstance(args, dict):
        return {}, "The arguments are no JSON object."
    return args, None
