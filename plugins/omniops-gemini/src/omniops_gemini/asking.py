"""A request in Gemini's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from omniops.contracts.provider import Deployment, Request, ToolCall, ToolResult, ToolRound, Usage
from omniops.contracts.vendor import guessed

from omniops_gemini.deployments import NAME
from omniops_gemini.settings import GeminiSettings

if TYPE_CHECKING:
    from google.genai import types

THINKING = 2_000
"""Tokens for thoughts, beside those of the answer: the vendor's limit counts both."""
MADE_UP = "omniops-call-"
"""Begins the id of a call that came without one. It does not go back."""


def contents(request: Request, origin: str) -> list[types.Content]:
    """The conversation. The passages stand before the last message, as one of their own. `origin` is the deployment and
    account that is asked."""
    from google.genai import types

    said = [("user" if message.role == "visitor" else "model", message.text) for message in request.messages]
    found = [
        types.Content(role=role, parts=[types.Part(text=text)]) for role, text in said or [("user", request.question)]
    ]
    if request.context:
        found.insert(-1, types.Content(role="user", parts=[types.Part(text=request.context)]))
    for done in request.rounds:
        found += _round(done, origin)
    return found


def _round(done: ToolRound, origin: str) -> list[types.Content]:
    """What the model said in a round and what came back. The origin that made it gets its own parts again, signatures
    and all; another gets it told, because it refuses calls that do not bear its signature."""
    from google.genai import types

    replay = done.replay
    both = list(zip(done.calls, done.results, strict=True))
    if replay is not None and replay.provider == NAME and replay.value["from"] == origin:
        return [
            types.Content(role="model", parts=[types.Part.model_validate(part) for part in replay.value["parts"]]),
            types.Content(role="user", parts=[_answered(made, given) for made, given in both]),
        ]
    gave = [f"{made.name}({json.dumps(dict(made.args), ensure_ascii=False)}): {_said(given)}" for made, given in both]
    told = types.Content(role="user", parts=[types.Part(text="\n".join(["What the tools gave:", *gave]))])
    return [types.Content(role="model", parts=[types.Part(text=done.text)]), told] if done.text else [told]


def _answered(made: ToolCall, given: ToolResult) -> types.Part:
    from google.genai import types

    return types.Part(
        function_response=types.FunctionResponse(
            id=None if made.id.startswith(MADE_UP) else made.id,
            name=made.name,
            response={"error" if given.failed else "output": given.text},
        )
    )


def _said(given: ToolResult) -> str:
    return f"The tool failed: {given.text}" if given.failed else given.text


def config(request: Request, deployment: Deployment, settings: GeminiSettings) -> types.GenerateContentConfig:
    """How to answer. Nothing is logged, the SDK calls no function and goes on with nothing by itself."""
    from google.genai import types

    body: dict[str, Any] = {
        "max_output_tokens": min(request.max_output + THINKING, deployment.max_output),
        "thinking_config": types.ThinkingConfig(thinking_level=types.ThinkingLevel(settings.effort.upper())),
        "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        "automatic_continuation": False,
        "store": False,
    }
    if request.system:
        body["system_instruction"] = request.system
    if request.tools:
        body["tools"] = tools(request)
        if request.tool_choice == "none":
            calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.NONE)
            body["tool_config"] = types.ToolConfig(function_calling_config=calling)
    if request.schema is not None:
        body["response_mime_type"] = "application/json"
        body["response_json_schema"] = dict(request.schema)
    return types.GenerateContentConfig(**body)


def tools(request: Request) -> list[types.Tool]:
    from google.genai import types

    declared = [
        types.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=dict(tool.schema)
        )
        for tool in request.tools
    ]
    return [types.Tool(function_declarations=declared)]


def estimated(request: Request, written: int) -> Usage:
    """A guess, where no count came."""
    read = len(request.system) + len(request.context) + sum(len(message.text) for message in request.messages)
    return guessed(read, written)
