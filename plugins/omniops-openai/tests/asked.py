"""A provider of the plugin behind a gate whose other side is a function, and requests for it."""

import json
from dataclasses import replace

import httpx2
from omniops.contracts.provider import ChatMessage, Request, Timeouts, ToolSpec
from omniops.testing import AnsweringGate, context
from omniops_openai import OpenAIPlugin

CLOSED = {
    "type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"],
    "additionalProperties": False,
}  # fmt: skip
OPEN = {"type": "object", "properties": {"number": {"type": "string"}, "zip": {"type": "string"}}}
TOOLS = [ToolSpec("order_status", "The state of an order.", CLOSED), ToolSpec("find", "Finds.", OPEN)]
QUESTION = Request(
    question="And on Sunday?",
    messages=[
        ChatMessage("visitor", "Are you open on Saturday?"),
        ChatMessage("ai", "Yes, from 10."),
        ChatMessage("visitor", "And on Sunday?"),
    ],
    passages=(),
    language="en",
    cover=1.0,
    answer_cut=0.5,
    closest_cut=0.3,
    idempotency_key="turn-1",
    system="You answer for a small shop.",
    context="[1] We are closed on Sunday.",
    cache_key="shop.example",
    end_user="9f86d081884c7d65",
)


def sse(*chunks, status=200):
    return lambda request: httpx2.Response(
        status, content=b"".join(chunks), headers={"content-type": "text/event-stream", "x-request-id": "req_1"}
    )


class Asked:
    """One plugin with these settings. `answer` may be changed; `sent` is the last request's body."""

    def __init__(self, folder, answer=None, **settings):
        self.answer = answer
        self.gate = AnsweringGate(lambda request: self.answer(request), processors=["openai"])
        self.plugin = OpenAIPlugin(context("openai", OpenAIPlugin.Settings(**settings), folder=folder, gate=self.gate))
        (self.provider,) = self.plugin.providers()

    async def __call__(self, request=QUESTION, *, connection=None, **changes):
        deployment = self.provider.deployments()[0]
        asked = replace(request, **changes)
        async with self.provider.stream(asked, deployment, limits=Timeouts(), connection=connection) as stream:
            return [event async for event in stream]

    @property
    def sent(self):
        return json.loads(self.gate.requests[-1].content)
