"""What both protocols make of a request: the history, schemas, the arguments of a call, an estimate of tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omniops.contracts.provider import Cap, Deployment, Request, ToolCall, ToolResult, Usage
from omniops.contracts.vendor import guessed

THINKING = 2_000
"""Tokens for reasoning, beside those of the answer: the vendor's limit counts both."""
KEY_LENGTH = 64
"""Characters that a `prompt_cache_key` may have."""
_STRICT = frozenset(
    "$defs $ref additionalProperties anyOf const description enum exclusiveMaximum exclusiveMinimum format items "
    "maxItems maximum minItems minimum multipleOf pattern properties required title type".split()
)
"""Keywords that strict mode knows."""


def said(request: Request) -> list[tuple[str, str]]:
    """The conversation as (role, text), one entry for each run of one role: some servers' templates want the roles to
    take turns. The passages stand before the last message."""
    messages = [("user" if message.role == "visitor" else "assistant", message.text) for message in request.messages]
    if not messages:
        messages = [("user", request.question)]
    if request.context:
        role, text = messages[-1]
        messages[-1:] = [("user", request.context), (role, text)]
    merged: list[tuple[str, str]] = []
    for role, text in messages:
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    return merged


def most_output(request: Request, deployment: Deployment) -> int:
    """The limit of tokens that is sent."""
    thinking = THINKING if Cap.REASONING in deployment.caps else 0
    return min(request.max_output + thinking, deployment.max_output)


def strict(schema: Any) -> bool:
    """Whether strict mode takes a JSON schema: every object closed, every property required, known keywords only."""
    if isinstance(schema, list):
        return all(strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if not set(schema) <= _STRICT:
        return False
    properties = schema.get("properties", {})
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required", ())) != set(properties):
            return False
    return (
        all(strict(part) for part in properties.values())
        and all(strict(part) for part in schema.get("$defs", {}).values())
        and strict(schema.get("items"))
        and strict(schema.get("anyOf", []))
    )


def call(id_: str, name: str, arguments: str) -> ToolCall:
    """A whole call. What is no JSON object becomes a problem that the model is told of."""
    try:
        found = json.loads(arguments or "{}")
    except ValueError as error:
        return ToolCall(id_, name, {}, f"The arguments are no JSON: {error}.")
    if not isinstance(found, dict):
        return ToolCall(id_, name, {}, f"The arguments are no JSON object but {type(found).__name__}.")
    return ToolCall(id_, name, found)


def arguments(made: ToolCall) -> str:
    return json.dumps(dict(made.args), ensure_ascii=False)


def result(given: ToolResult) -> str:
    """A tool's result as text; the protocol has no place for a failure."""
    return f"The tool failed: {given.text}" if given.failed else given.text


def estimated(request: Request, written: int) -> Usage:
    """A guess, where a server counts nothing."""
    return guessed(len(request.system) + sum(len(text) for _, text in said(request)), written)
