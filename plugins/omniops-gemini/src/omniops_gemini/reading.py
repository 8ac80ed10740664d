"""Gemini's chunks into our events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from omniops.contracts.provider import (
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
    ToolCall,
    Usage,
)

from omniops_gemini.asking import MADE_UP, estimated
from omniops_gemini.deployments import NAME
from omniops_gemini.errors import told, truncated

_STOPS: dict[str, Stop] = {"STOP": "end", "MAX_TOKENS": "length", "CONTINUATION": "length"}
_FILTERS = frozenset(
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII MODEL_ARMOR ESCALATION IMAGE_SAFETY "
    "IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION".split()
)
_ACCOUNT = "PUP_LIMITED_DISABLED"
SETTLE = 0.1
"""Seconds to wait for what follows the end: a signature, the last count, the end of the body."""


async def read(
    stream: AsyncIterator[Any], request: Request, deployment: Deployment, origin: str
) -> AsyncGenerator[Event]:
    """The answer of `origin`. Raises `ProviderError` and whatever the SDK raises."""
    finish = ""
    usage: Usage | None = None
    parts: list[Any] = []
    calls = written = 0
    started = False
    while True:
        try:
            async with asyncio.timeout(SETTLE if finish else None):
                chunk = await anext(stream, None)
        except Exception:
            if not finish:
                raise
            break  # what happens behind the end is no error any more
        if chunk is None:
            break
        if not started:
            started = True
            yield Started(chunk.model_version or deployment.model, chunk.response_id or "")
        usage = _usage(chunk.usage_metadata) or usage
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None:
            yield Refusal("", _word(chunk.prompt_feedback.block_reason))
            yield Done("filter", usage or estimated(request, 0))
            return
        for candidate in chunk.candidates or ():
            for part in (candidate.content.parts if candidate.content else None) or ():
                if part.thought:
                    yield Reasoning()
                    continue
                parts.append(part)
                if part.text:
                    written += len(part.text)
                    yield Text(part.text)
                if part.function_call is not None:
                    calls += 1
                    wanted = part.function_call
                    yield ToolCall(wanted.id or f"{MADE_UP}{calls}", wanted.name or "", wanted.args or {})
            finish = _word(candidate.finish_reason) or finish
    usage = usage or estimated(request, written)
    if finish in _FILTERS:
        yield Refusal("", finish)
        yield Done("filter", usage)
    elif finish in _STOPS:
        stop: Stop = "tool" if calls and finish == "STOP" else _STOPS[finish]
        kept = [part.model_dump(mode="json", exclude_none=True) for part in parts] if calls else []
        replay = Opaque(NAME, {"from": origin, "parts": kept}) if calls else None
        yield Done(stop, usage, replay)
    elif not finish:
        raise truncated()
    else:
        raise told(finish, kind="auth" if finish == _ACCOUNT else "malformed")


def _word(reason: Any) -> str:
    return str(getattr(reason, "value", reason) or "")


def _usage(found: Any) -> Usage | None:
    if found is None:
        return None
    thoughts = found.thoughts_token_count or 0
    return Usage(
        input=(found.prompt_token_count or 0) + (found.tool_use_prompt_token_count or 0),
        output=(found.candidates_token_count or 0) + thoughts,
        cache_read=found.cached_content_token_count or 0,
        reasoning=thoughts,
    )
