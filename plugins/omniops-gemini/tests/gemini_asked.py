"""A provider of the plugin behind a gate whose other side is a function, and requests for it."""

import json
from dataclasses import replace

import httpx2
from omniops.contracts.provider import ChatMessage, Request, Timeouts, ToolSpec
from omniops.testing import AnsweringGate, ManualClock, context
from omniops_gemini import GeminiPlugin

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
TOOLS = [ToolSpec("order_status", "The state of an order.", SCHEMA)]
QUESTION = Request(
    question="And on Sunday?",
    messages=[
        ChatMessage("visitor", "Are you open on Saturday?"),
        ChatMessage("person", "Yes, from 10."),
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


def sse(*chunks):
    return lambda request: httpx2.Response(200, content=b"".join(chunks), headers={"content-type": "text/event-stream"})


class Asked:
    """One plugin with these settings. `answer` may be changed; `sent` is the last request's body."""

    def __init__(self, folder, answer=None, **settings):
        self.answer = answer
        self.clock = ManualClock()
        self.gate = AnsweringGate(lambda request: self.answer(request), processors=["gemini"])
        made = context("gemini", GeminiPlugin.Settings(**settings), folder=folder, gate=self.gate)
        self.plugin = GeminiPlugin(replace(made, clock=self.clock))
        (self.provider,) = self.plugin.providers()

    def at(self, day):
        self.clock.forward(seconds=(day - self.clock.now()).total_seconds())

    async def __call__(self, request=QUESTION, *, connection=None, limits=None, **changes):
        deployment = self.provider.deployments()[0]
        asked = replace(request, **changes)
        async with self.provider.stream(
            asked, deployment, limits=limits or Timeouts(), connection=connection
        ) as stream:
            return [event async for event in stream]

    @property
    def sent(self):
        return json.loads(self.gate.requests[-1].content)
