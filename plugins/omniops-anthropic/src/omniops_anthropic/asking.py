"""A request of ours in Anthropic's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omniops.contracts.knowledge import Passage
from omniops.contracts.provider import Cap, Deployment, Request, ToolRound

from omniops_anthropic.names import ANTHROPIC

THINKING = 2_000
"""Tokens for thinking, over what the answer may have: the vendor counts both against one limit."""
CACHED = {"type": "ephemeral"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is sent, and the passages behind the documents in it, by their number."""

    body: dict[str, Any]
    documents: tuple[Passage, ...]


def ask(request: Request, deployment: Deployment, *, effort: str, geo: str, account: str) -> Asked:
    """The body of a streamed message.

    Passages go along as documents, whose citations are the model's own; with a schema the API takes none (400), so they
    go along in words. `account` tells whose key signs: thinking is good for the account that it was made in only.
    """
    native = Cap.CITATIONS in deployment.caps and request.schema is None
    documents = tuple(hit.passage for hit in request.passages if hit.passage.text.strip()) if native else ()
    thinks = Cap.REASONING in deployment.caps
    body = counted(request, deployment, account=account)
    body["max_tokens"] = min(request.max_output + (THINKING if thinks else 0), deployment.max_output)
    if thinks or geo != "global":
        # Models from before the choice refuse it (400): asked for a region, they shall, and nothing is softened.
        body["inference_geo"] = geo
    if request.tools:
        body["cache_control"] = CACHED  # the next round of tools reads all that came before it
        if request.tool_choice == "none":
            body["tool_choice"] = {"type": "none"}
    if request.end_user:
        body["metadata"] = {"user_id": request.end_user}
    output: dict[str, Any] = {"effort": effort} if thinks else {}
    if request.schema is not None:
        output["format"] = {"type": "json_schema", "schema": dict(request.schema)}
    if output:
        body["output_config"] = output
    return Asked(body, documents)


def counted(request: Request, deployment: Deployment, *, account: str) -> dict[str, Any]:
    """What counts as input: model, system, tools and messages."""
    native = Cap.CITATIONS in deployment.caps and request.schema is None
    body: dict[str, Any] = {
        "model": deployment.model,
        "messages": [
            *_messages(request, native=native),
            *(message for done in request.rounds for message in _round(done, deployment.model, account)),
        ],
    }
    if request.system:
        body["system"] = [{"type": "text", "text": request.system, "cache_control": CACHED}]
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in request.tools
        ]
    return body


def replay(content: Sequence[dict[str, Any]], model: str, account: str) -> dict[str, Any]:
    """What the next round wants back: the model's own blocks, and for whom they are good."""
    return {"model": model, "account": account, "content": list(content)}


def _messages(request: Request, *, native: bool) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = [
        {"role": "user" if message.role == "visitor" else "assistant", "content": message.text}
        for message in request.messages
        if message.text.strip()
    ]
    while said and said[0]["role"] != "user":  # a greeting of ours; the vendor wants the visitor to begin
        said.pop(0)
    before: list[dict[str, Any]] = []
    if native:
        before = [
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": hit.passage.text},
                **({"title": hit.passage.title[:250]} if hit.passage.title.strip() else {}),
                "citations": {"enabled": True},
            }
            for hit in request.passages
            if hit.passage.text.strip()
        ]
    elif request.context.strip():
        before = [{"type": "text", "text": request.context}]
    if before and said:
        said[-1] = {**said[-1], "content": [*before, {"type": "text", "text": said[-1]["content"]}]}
    return said


def _round(done: ToolRound, model: str, account: str) -> list[dict[str, Any]]:
    kept = done.replay.value if done.replay is not None and done.replay.provider == ANTHROPIC else None
    if isinstance(kept, dict) and (kept.get("model"), kept.get("account")) == (model, account):
        content = list(kept["content"])
    else:
        content = [{"type": "text", "text": done.text}] if done.text.strip() else []
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.args)} for call in done.calls
        ]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": result.call_id,
            "content": result.text or "(nothing)",
            **({"is_error": True} if result.failed else {}),
        }
        for result in done.results
    ]
    return [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
