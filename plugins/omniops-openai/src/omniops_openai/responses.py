"""The Responses API: a request into its items, its events into ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omniops.contracts.provider import (
    Cap,
    Deployment,
    Done,
    Event,
    Opaque,
    Reasoning,
    Refusal,
    Request,
    Started,
    Stop,
    Text,
    ToolRound,
    Usage,
)

from omniops_openai.asking import KEY_LENGTH, arguments, call, estimated, most_output, result, said, strict
from omniops_openai.deployments import NAME
from omniops_openai.errors import REFUSED, told, truncated
from omniops_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_INCOMPLETE: dict[str, Stop] = {"max_output_tokens": "length", "max_messages": "length", "content_filter": "filter"}
_QUIET = ("response.reasoning", "response.function_call_arguments")
"""Events that show nothing and are a sign of life."""


def asked(request: Request, deployment: Deployment, settings: OpenAISettings, origin: str) -> dict[str, Any]:
    """The arguments of `responses.create`. Nothing is stored. `origin` is the deployment and account that is asked."""
    body: dict[str, Any] = {
        "model": deployment.model,
        "input": _items(request, origin),
        "max_output_tokens": most_output(request, deployment),
        "store": False,
    }
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.schema),
                "strict": strict(tool.schema),
            }
            for tool in request.tools
        ]
        if request.tool_choice == "none":
            body["tool_choice"] = "none"
    if request.schema is not None:
        schema = dict(request.schema)
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict(schema)}}
    if Cap.REASONING in deployment.caps:
        body["reasoning"] = {"effort": settings.effort}
        body["include"] = ["reasoning.encrypted_content"]
    if request.cache_key and settings.official:
        body["prompt_cache_key"] = request.cache_key[:KEY_LENGTH]
    if request.end_user:
        body["safety_identifier" if settings.official else "user"] = request.end_user
    return body


def _items(request: Request, origin: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in said(request)]
    for done in request.rounds:
        items += _replayed(done, origin)
        items += [
            {"type": "function_call_output", "call_id": given.call_id, "output": result(given)}
            for given in done.results
        ]
    return items


def _replayed(done: ToolRound, origin: str) -> list[dict[str, Any]]:
    """What the model said in a round: its own items where this origin made them, else the same in plain words.
    Encrypted reasoning is of use only to the model and the account that it was written by."""
    replay = done.replay
    if replay is not None and replay.provider == NAME and replay.value["from"] == origin:
        return list(replay.value["items"])
    items: list[dict[str, Any]] = [{"role": "assistant", "content": done.text}] if done.text else []
    return items + [
        {"type": "function_call", "call_id": made.id, "name": made.name, "arguments": arguments(made)}
        for made in done.calls
    ]


async def events(
    client: AsyncOpenAI, request: Request, deployment: Deployment, settings: OpenAISettings, origin: str
) -> AsyncGenerator[Event]:
    """The answer. Raises `ProviderError` and whatever the SDK raises."""
    stream: Any = await client.responses.create(stream=True, **asked(request, deployment, settings, origin))
    async with stream:
        async for event in _read(aiter(stream), request, deployment, origin):
            yield event


async def _read(
    stream: AsyncIterator[Any], request: Request, deployment: Deployment, origin: str
) -> AsyncGenerator[Event]:
    items: list[dict[str, Any]] = []
    calls = written = 0
    refusal = ""
    async for event in stream:
        kind: str = event.type
        if kind == "response.output_text.delta":
            written += len(event.delta)
            yield Text(event.delta)
        elif kind.startswith(_QUIET):
            yield Reasoning()
        elif kind == "response.created":
            yield Started(event.response.model or deployment.model, event.response.id or "")
        elif kind == "response.refusal.delta":
            refusal += event.delta
        elif kind == "response.output_item.done":
            items.append(event.item.to_dict(mode="json", exclude_unset=True))
            if event.item.type == "function_call":
                calls += 1
                yield call(event.item.call_id, event.item.name, event.item.arguments)
        elif kind == "error":
            if event.code not in REFUSED:
                raise told(event.code)
            yield Refusal("", event.code)
            yield Done("refusal", estimated(request, written))
            return
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            usage = _usage(event.response, request, written)
            if kind == "response.failed":
                code = event.response.error.code if event.response.error else None
                if code not in REFUSED:
                    raise told(code, request_id=event.response.id)
                yield Refusal("", code)
                yield Done("refusal", usage)
                return
            stop: Stop = "refusal" if refusal else "tool" if calls else "end"
            if kind == "response.incomplete":
                details = event.response.incomplete_details
                stop = _INCOMPLETE.get(details.reason if details else "", "paused")
            if refusal or stop == "filter":
                yield Refusal(refusal, "content_filter" if stop == "filter" else "")
            await _settle(stream)
            replay = Opaque(NAME, {"from": origin, "items": items}) if calls else None
            yield Done(stop, usage, replay)
            return
    raise truncated()


async def _settle(stream: AsyncIterator[Any]) -> None:
    """Reads what is left behind the end, for a moment at most, so that the connection can serve the next call."""
    with suppress(Exception):
        async with asyncio.timeout(0.1):
            async for _ in stream:
                pass


def _usage(response: Any, request: Request, written: int) -> Usage:
    found = response.usage
    if found is None:
        return estimated(request, written)
    read, made = found.input_tokens_details, found.output_tokens_details
    return Usage(
        input=found.input_tokens,
        output=found.output_tokens,
        cache_read=getattr(read, "cached_tokens", None) or 0,
        cache_write=getattr(read, "cache_write_tokens", None) or 0,
        reasoning=getattr(made, "reasoning_tokens", None) or 0,
    )
