"""Servers that speak chat completions, each in its own way."""

import pytest
from asked import QUESTION, TOOLS, Asked, sse
from omniops.contracts.provider import Done, ProviderError, Reasoning, Refusal, Text, ToolCall, ToolResult, ToolRound
from openai_wires import Chat, data

WIRE = Chat()
SERVER = {
    "base_url": "http://localhost:11434/v1",
    "api": "chat",
    "region": "local",
    "countries": ["DE"],
    "title": "Our own machine",
    "models": ["llama-4"],
}


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path, sse(*WIRE.text("No.").whole), **SERVER)


def chunk(delta=None, finish=None, **more):
    choices = [{"delta": delta or {}, "finish_reason": finish}]
    return data({"id": "", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more})


async def test_a_server_is_sent_what_every_server_knows(asked):
    await asked(tools=TOOLS)
    (request,) = asked.gate.requests
    assert str(request.url) == "http://localhost:11434/v1/chat/completions"
    assert set(asked.sent) == {"model", "messages", "stream", "stream_options", "max_tokens", "tools", "user"}
    assert [message["role"] for message in asked.sent["messages"]] == ["system", "user", "assistant", "user"]


async def test_openai_is_sent_what_only_it_knows(tmp_path):
    asked = Asked(tmp_path, sse(*WIRE.text("No.").whole), api_key="sk-operator-0123456789", api="chat")
    await asked(tools=TOOLS)
    assert asked.sent["store"] is False
    assert asked.sent["safety_identifier"] == QUESTION.end_user
    assert asked.sent["reasoning_effort"] == "none", "its models call functions over this protocol without reasoning"
    assert "max_tokens" not in asked.sent


async def test_a_stop_with_calls_is_a_tool(asked):
    """Ollama says `stop`; some servers number no calls and give them no id."""
    calls = [{"function": {"name": "find", "arguments": '{"zip": "1"}'}}, {"function": {"name": "find"}, "id": "x"}]
    asked.answer = sse(chunk({"tool_calls": calls}), chunk(finish="stop"), b"data: [DONE]\n\n")
    events = await asked(tools=TOOLS)
    assert [(e.name, dict(e.args)) for e in events if isinstance(e, ToolCall)] == [("find", {"zip": "1"}), ("find", {})]
    assert len({event.id for event in events if isinstance(event, ToolCall)}) == 2
    assert events[-1].stop == "tool"


async def test_what_is_not_counted_is_estimated(asked):
    asked.answer = sse(chunk({"content": "We are closed."}), chunk(finish="stop"), b"data: [DONE]\n\n")
    done = (await asked())[-1]
    assert isinstance(done, Done)
    assert not done.usage.measured
    assert done.usage.output > 0
    assert done.usage.input > 10


async def test_thoughts_are_not_shown(asked):
    asked.answer = sse(chunk({"reasoning_content": "Hmm"}), chunk({"content": "No."}, "stop"), b"data: [DONE]\n\n")
    events = await asked()
    assert [event.delta for event in events if isinstance(event, Text)] == ["No."]
    assert any(isinstance(event, Reasoning) for event in events)


async def test_a_filter_is_a_filter(asked):
    asked.answer = sse(chunk({"content": "N"}), chunk(finish="content_filter"), b"data: [DONE]\n\n")
    *_, refusal, done = await asked()
    assert (refusal, done.stop) == (Refusal("", "content_filter"), "filter")


async def test_rounds_go_back_as_calls_and_results(asked):
    call = ToolCall("call_1", "find", {"zip": "1"})
    await asked(tools=TOOLS, rounds=[ToolRound("One moment.", (call,), (ToolResult("call_1", "found"),))])
    said, result = asked.sent["messages"][-2:]
    assert said["content"] == "One moment."
    assert said["tool_calls"][0]["function"] == {"name": "find", "arguments": '{"zip": "1"}'}
    assert result == {"role": "tool", "tool_call_id": "call_1", "content": "found"}


async def test_done_without_a_reason_is_truncated(asked):
    asked.answer = sse(chunk({"content": "We are"}), b"data: [DONE]\n\n")
    with pytest.raises(ProviderError) as caught:
        await asked()
    assert caught.value.kind == "truncated"
