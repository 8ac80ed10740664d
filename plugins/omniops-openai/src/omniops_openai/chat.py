"""Chat completions, as Ollama, vLLM, llama.cpp and most other servers speak them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops.contracts.provider import (
    Cap,
    Deployment,
    Done,
    Event,
    Reasoning,
    Refusal,
    Request,
    Started,
    Stop,
    Text,
    Usage,
)

from omniops_openai.asking import KEY_LENGTH, arguments, call, estimated, most_output, result, said, strict
from omniops_openai.errors import truncated
from omniops_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_STOPS: dict[str, Stop] = {"length": "length", "content_filter": "filter"}


def asked(request: Request, deployment: Deployment, settings: OpenAISettings) -> dict[str, Any]:
    """The arguments of `chat.completions.create`. Fields that only OpenAI knows go to OpenAI only."""
    body: dict[str, Any] = {
        "model": deployment.model,
        "messages": _messages(request),
        "stream_options": {"include_usage": True},
        "max_completion_tokens" if settings.official else "max_tokens": most_output(request, deployment),
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.schema),
                    **({"strict": True} if settings.official and strict(tool.schema) else {}),
                },
            }
            for tool in request.tools
        ]
        if request.tool_choice == "none":
            body["tool_choice"] = "none"
    if request.schema is not None:
        schema = dict(request.schema)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": strict(schema)},
        }
    if Cap.REASONING in deployment.caps:
        # OpenAI's models call functions over this protocol without reasoning only.
        body["reasoning_effort"] = "none" if settings.official and request.tools else settings.effort
    if settings.official:
        body["store"] = False
        if request.cache_key:
            body["prompt_cache_key"] = request.cache_key[:KEY_LENGTH]
    if request.end_user:
        body["safety_identifier" if settings.official else "user"] = request.end_user
    return body


def _messages(request: Request) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": request.system}] if request.system else []
    messages += [{"role": role, "content": text} for role, text in said(request)]
    for done in request.rounds:
        messages.append(
            {
                "role": "assistant",
                "content": done.text or None,
                "tool_calls": [
                    {"id": made.id, "type": "function", "function": {"name": made.name, "arguments": arguments(made)}}
                    for made in done.calls
                ],
            }
        )
        messages += [
            {"role": "tool", "tool_call_id": given.call_id, "content": result(given)} for given in done.results
        ]
    return messages


async def events(
    client: AsyncOpenAI, request: Request, deployment: Deployment, settings: OpenAISettings, origin: str
) -> AsyncGenerator[Event]:
    """The answer. Raises `ProviderError` and whatever the SDK raises. This protocol has nothing to send back, so that
    its `origin` does not matter."""
    stream: Any = await client.chat.completions.create(stream=True, **asked(request, deployment, settings))
    async with stream:
        async for event in _read(aiter(stream), request, deployment):
            yield event


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    arguments: str = ""


class _Calls:
    """Calls as their pieces come: by index, or one after another where a server sends none."""

    def __init__(self) -> None:
        self._made: dict[int, _Call] = {}

    def add(self, piece: Any) -> None:
        index = getattr(piece, "index", None)
        if index is None:
            index = len(self._made) if piece.id or not self._made else max(self._made)
        made = self._made.setdefault(index, _Call(piece.id or f"call_{index}"))
        if piece.function is not None:
            made.name += piece.function.name or ""
            made.arguments += piece.function.arguments or ""

    def whole(self) -> list[_Call]:
        return [self._made[index] for index in sorted(self._made)]


async def _read(stream: AsyncIterator[Any], request: Request, deployment: Deployment) -> AsyncGenerator[Event]:
    calls = _Calls()
    finish: str | None = None
    usage: Usage | None = None
    refusal = ""
    written = 0
    started = False
    async for chunk in stream:
        if not started:
            started = True
            yield Started(chunk.model or deployment.model, chunk.id or "")
        usage = _usage(chunk.usage) or usage
        for choice in chunk.choices or ():
            delta = choice.delta
            finish = choice.finish_reason or finish
            if delta is None:
                continue
            if delta.content:
                written += len(delta.content)
                yield Text(delta.content)
            elif delta.refusal:
                refusal += delta.refusal
            elif delta.tool_calls or getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None):
                for piece in delta.tool_calls or ():
                    calls.add(piece)
                yield Reasoning()
    if finish is None:
        raise truncated()
    made = calls.whole()
    for one in made:
        yield call(one.id, one.name, one.arguments)
    stop: Stop = "refusal" if refusal else _STOPS.get(finish) or ("tool" if made else "end")
    if refusal or stop == "filter":
        yield Refusal(refusal, "content_filter" if stop == "filter" else "")
    yield Done(stop, usage or estimated(request, written))


def _usage(found: Any) -> Usage | None:
    if found is None:
        return None
    read, made = found.prompt_tokens_details, found.completion_tokens_details
    return Usage(
        input=found.prompt_tokens or 0,
        output=found.completion_tokens or 0,
        cache_read=getattr(read, "cached_tokens", None) or 0,
        cache_write=getattr(read, "cache_write_tokens", None) or 0,
        reasoning=getattr(made, "reasoning_tokens", None) or 0,
    )
