"""What Gemini is sent, and what becomes of its particular answers."""

import httpx2
import pytest
from gemini_asked import QUESTION, SCHEMA, TOOLS, Asked, sse
from gemini_wire import Gemini, data
from omniops.contracts.provider import (
    Done,
    Opaque,
    ProviderError,
    Reasoning,
    Refusal,
    Text,
    Timeouts,
    ToolCall,
    ToolResult,
    ToolRound,
)
from omniops.testing.wire import Called
from omniops_gemini import GeminiPlugin

KEY = "AIza-operator-0123456789"
WIRE = Gemini()
WHOLE = sse(*WIRE.text("No.").whole)
CALL = Called("call_1", "order_status", '{"number": "A-100"}')


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path, WHOLE, api_key=KEY)


async def test_the_key_stands_in_a_header_and_nothing_is_logged(asked):
    await asked()
    (request,) = asked.gate.requests
    assert request.url.host == "generativelanguage.googleapis.com"
    assert KEY not in str(request.url)
    assert request.headers["x-goog-api-key"] == KEY
    assert asked.sent["store"] is False
    assert QUESTION.end_user not in request.content.decode(), "there is no field for it"


async def test_the_environment_says_nothing(asked, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "elsewhere")
    for name in ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_API_KEY", "GOOGLE_GENAI_API_VERSION"):
        monkeypatch.setenv(name, "https://elsewhere.example")
    await asked()
    (request,) = asked.gate.requests
    assert request.url.host == "generativelanguage.googleapis.com"
    assert "elsewhere" not in str(request.url)


async def test_no_deadline_for_the_whole_answer_goes_along(asked):
    """The SDK's own timeout would: a server that keeps to it cuts a long answer."""
    await asked(limits=Timeouts(connect=1.5, first=8, gap=12))
    (request,) = asked.gate.requests
    assert "x-server-timeout" not in request.headers
    assert request.extensions["timeout"] == {"connect": 1.5, "read": 12, "write": 12, "pool": 1.5}


async def test_a_business_pays_with_its_own_key(asked):
    await asked(connection=GeminiPlugin.Connection(api_key="AIza-business"))
    assert asked.gate.requests[0].headers["x-goog-api-key"] == "AIza-business"


async def test_without_a_key_nothing_is_sent(tmp_path):
    asked = Asked(tmp_path, WHOLE)
    with pytest.raises(ProviderError) as caught:
        await asked()
    assert (caught.value.kind, caught.value.scope) == ("auth", "account")
    assert not asked.gate.requests


async def test_passages_stand_before_the_last_message_and_are_no_instruction(asked):
    await asked()
    said = [(item["role"], item["parts"][0]["text"]) for item in asked.sent["contents"]]
    assert said == [
        ("user", "Are you open on Saturday?"),
        ("model", "Yes, from 10."),
        ("user", QUESTION.context),
        ("user", "And on Sunday?"),
    ]
    assert asked.sent["systemInstruction"]["parts"][0]["text"] == QUESTION.system


async def test_schemas_go_as_they_are(asked):
    await asked(schema=SCHEMA, tools=TOOLS)
    assert asked.sent["generationConfig"]["responseJsonSchema"] == SCHEMA
    (declared,) = asked.sent["tools"][0]["functionDeclarations"]
    assert declared["parameters_json_schema"] == SCHEMA


async def test_thoughts_are_a_sign_of_life_and_not_shown(asked):
    events = await asked()
    assert [event.delta for event in events if isinstance(event, Text)] == ["No."]
    assert any(isinstance(event, Reasoning) for event in events)


async def test_signatures_go_back_to_the_model_that_made_them(asked):
    asked.answer = sse(*WIRE.calls(CALL).whole)
    events = await asked(tools=TOOLS)
    assert events[-1].stop == "tool", "Gemini says STOP"
    (call,) = (event for event in events if isinstance(event, ToolCall))
    done = ToolRound("", (call,), (ToolResult(call.id, "no such order", failed=True),), events[-1].replay)
    asked.answer = WHOLE
    await asked(tools=TOOLS, rounds=[done])
    *_, said, result = asked.sent["contents"]
    (part,) = (part for part in said["parts"] if "functionCall" in part)
    assert part["thoughtSignature"] == "c2VhbGVk"
    assert part["functionCall"]["args"] == {"number": "A-100"}
    (answer,) = result["parts"]
    assert answer["functionResponse"]["response"] == {"error": "no such order"}
    assert answer["functionResponse"]["id"] == "call_1"
    await asked(tools=TOOLS, rounds=[done], connection=GeminiPlugin.Connection(api_key="AIza-business"))
    assert "c2VhbGVk" not in str(asked.sent), "a signature went to an account that it does not belong to"
    assert "I think" not in str(asked.sent), "thoughts went back as if they were said"


async def test_another_model_is_told_what_was_called(asked):
    """It would refuse the call itself, which does not bear its signature."""
    call = ToolCall("call_1", "order_status", {"number": "A-100"})
    for kept in (None, Opaque("gemini", {"from": "gemini/gemini-4-argon/global", "parts": [{"text": "kept"}]})):
        await asked(tools=TOOLS, rounds=[ToolRound("One moment.", (call,), (ToolResult("call_1", "sent"),), kept)])
        *_, said, told = asked.sent["contents"]
        assert said == {"role": "model", "parts": [{"text": "One moment."}]}
        assert told["role"] == "user"
        assert 'order_status({"number": "A-100"}): sent' in told["parts"][0]["text"]
        assert "kept" not in str(asked.sent)


async def test_a_call_without_an_id_gets_one_that_stays_here(asked):
    part = {"functionCall": {"name": "order_status", "args": {"number": "A-100"}}, "thoughtSignature": "c2VhbGVk"}
    asked.answer = sse(WIRE.chunk(part, part, finish="STOP"))
    events = await asked(tools=TOOLS)
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert len({call.id for call in calls}) == 2
    asked.answer = WHOLE
    results = tuple(ToolResult(call.id, "sent") for call in calls)
    await asked(tools=TOOLS, rounds=[ToolRound("", tuple(calls), results, events[-1].replay)])
    assert "omniops-call" not in str(asked.sent)


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "JAILBREAK"])
async def test_a_blocked_question_has_no_candidate(asked, reason):
    asked.answer = sse(data({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 9}}))
    *_, refusal, done = await asked()
    assert refusal == Refusal("", reason)
    assert (done.stop, done.usage.input) == ("filter", 9)


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "SPII", "BLOCKLIST", "ESCALATION", "MODEL_ARMOR"])
async def test_a_filtered_answer_says_so(asked, reason):
    asked.answer = sse(WIRE.chunk({"text": "We"}), WIRE.chunk(finish=reason))
    *_, refusal, done = await asked()
    assert (refusal.category, done.stop) == (reason, "filter")


async def test_the_sdk_goes_on_with_nothing_by_itself(asked):
    """It would ask again for the rest of an answer, and again after an error."""
    token = {"candidates": [{"content": {"parts": [{"text": "We"}]}, "finishReason": "CONTINUATION",
                             "continuationToken": "dG9rZW4="}]}  # fmt: skip
    asked.answer = sse(data(token))
    assert (await asked())[-1].stop == "length"
    assert len(asked.gate.requests) == 1
    for body in (data(token)[:-20], data({**token, "candidates": [{**token["candidates"][0], "finishReason": None}]})):
        asked.answer = sse(body)
        with pytest.raises(ProviderError):
            await asked()
    assert len(asked.gate.requests) == 3


async def test_what_follows_the_end_is_taken_along(asked):
    """Counts, and signatures in a part of their own."""
    late = {"text": "", "thoughtSignature": "bGF0ZQ=="}
    asked.answer = sse(
        WIRE.chunk({"functionCall": {"id": "c", "name": "order_status", "args": {}}}, finish="STOP"),
        WIRE.chunk(late, usageMetadata={"promptTokenCount": 77}),
    )
    done = (await asked(tools=TOOLS))[-1]
    assert isinstance(done, Done)
    assert done.usage.input == 77
    assert "bGF0ZQ==" in str(done.replay.value)


async def test_tokens_are_counted_for_nothing(asked):
    asked.answer = lambda request: httpx2.Response(200, json={"totalTokens": 42})
    deployment = asked.provider.deployments()[0]
    assert await asked.provider.count_tokens(QUESTION, deployment) == 42
    assert asked.gate.requests[-1].url.path.endswith(":countTokens")
    assert QUESTION.system in str(asked.sent)
    asked.answer = lambda request: httpx2.Response(500)
    assert await asked.provider.count_tokens(QUESTION, deployment) is None


async def test_warming_asks_nobody(asked):
    await asked.provider.warm()
    assert not asked.gate.requests
