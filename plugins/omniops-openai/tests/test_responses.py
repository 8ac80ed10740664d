"""What OpenAI itself is sent, and what becomes of its particular answers."""

import httpx2
import pytest
from asked import CLOSED, OPEN, QUESTION, TOOLS, Asked, sse
from omniops.contracts.provider import (
    Done,
    Opaque,
    ProviderError,
    Reasoning,
    Refusal,
    ToolCall,
    ToolResult,
    ToolRound,
)
from omniops.testing.wire import Called
from omniops_openai import OpenAIPlugin
from omniops_openai.asking import strict
from openai_wires import Responses

KEY = "sk-operator-0123456789"
WIRE = Responses()
WHOLE = sse(*WIRE.text("No.").whole)


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path, WHOLE, api_key=KEY, region="eu")


async def test_it_goes_to_the_region_with_the_key_and_is_not_stored(asked):
    await asked()
    (request,) = asked.gate.requests
    assert str(request.url) == "https://eu.api.openai.com/v1/responses"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert asked.sent["store"] is False
    assert asked.sent["safety_identifier"] == QUESTION.end_user
    assert asked.sent["prompt_cache_key"] == QUESTION.cache_key
    assert asked.sent["instructions"] == QUESTION.system
    assert QUESTION.idempotency_key not in request.content.decode()


async def test_the_environment_says_nothing(asked, monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "https://elsewhere.example/v1")
    await asked()
    (request,) = asked.gate.requests
    assert request.url.host == "eu.api.openai.com"
    assert not [value for value in request.headers.values() if "elsewhere" in value]


async def test_a_business_pays_with_its_own_key(asked):
    await asked(connection=OpenAIPlugin.Connection(api_key="sk-business"))
    assert asked.gate.requests[0].headers["authorization"] == "Bearer sk-business"


async def test_without_a_key_nothing_is_sent(tmp_path):
    asked = Asked(tmp_path, WHOLE)
    with pytest.raises(ProviderError) as caught:
        await asked()
    assert (caught.value.kind, caught.value.scope) == ("auth", "account")
    assert not asked.gate.requests


async def test_passages_stand_before_the_last_message_and_are_no_instruction(asked):
    await asked()
    *_, last = asked.sent["input"]
    assert [item["role"] for item in asked.sent["input"]] == ["user", "assistant", "user"]
    assert last["content"] == f"{QUESTION.context}\n\nAnd on Sunday?"
    assert QUESTION.context not in asked.sent["instructions"]


async def test_schemas_are_strict_where_strict_takes_them(asked):
    await asked(tools=TOOLS, schema=CLOSED)
    assert [tool["strict"] for tool in asked.sent["tools"]] == [True, False]
    assert asked.sent["text"]["format"]["strict"] is True
    await asked(schema=OPEN)
    assert asked.sent["text"]["format"]["strict"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {**CLOSED, "patternProperties": {}},
        {**CLOSED, "required": []},
        {**CLOSED, "properties": {"number": OPEN}},
        {**CLOSED, "properties": {"number": {"type": "array", "items": OPEN}}},
        {**CLOSED, "properties": {"number": {"anyOf": [{"type": "null"}, OPEN]}}},
        {**CLOSED, "$defs": {"other": OPEN}},
    ],
)
def test_what_strict_mode_would_refuse(schema):
    assert strict(CLOSED)
    assert not strict(schema)


async def test_a_model_gets_its_reasoning_back_and_another_does_not(tmp_path, asked):
    asked.answer = sse(*WIRE.calls(Called("call_1", "order_status", '{"number": "A-100"}')).whole)
    events = await asked(tools=TOOLS)
    (call,) = (event for event in events if isinstance(event, ToolCall))
    done = ToolRound("", (call,), (ToolResult("call_1", "no such order", failed=True),), events[-1].replay)
    asked.answer = WHOLE
    await asked(tools=TOOLS, rounds=[done])
    kinds = [item.get("type", "message") for item in asked.sent["input"]]
    assert kinds[-3:] == ["reasoning", "function_call", "function_call_output"]
    assert "c2VhbGVk" in str(asked.sent["input"])
    assert asked.sent["input"][-1]["output"] == "The tool failed: no such order"
    other = Asked(tmp_path, WHOLE, api_key=KEY, region="us")
    await other(tools=TOOLS, rounds=[done])
    assert "c2VhbGVk" not in str(other.sent["input"]), "reasoning went to a deployment that cannot read it"
    await asked(tools=TOOLS, rounds=[done], connection=OpenAIPlugin.Connection(api_key="sk-business"))
    assert "c2VhbGVk" not in str(asked.sent["input"]), "reasoning went to an account that cannot read it"
    assert other.sent["input"][-2]["arguments"] == '{"number": "A-100"}'


@pytest.mark.parametrize("code", ["bio_policy", "misalignment_policy_violation"])
@pytest.mark.parametrize("way", ["failed", "told"])
async def test_a_policy_is_a_refusal_and_no_failure(asked, code, way):
    asked.answer = sse(WIRE.text("No.").opening, getattr(WIRE, way)(code))
    *_, refusal, done = await asked()
    assert refusal == Refusal("", code)
    assert done.stop == "refusal"


async def test_a_filter_before_the_answer_is_a_refusal(asked):
    asked.answer = sse(WIRE._coded("content_filter"), status=400)
    events = await asked()
    assert [type(event) for event in events] == [Refusal, Done]
    assert events[-1].stop == "filter"


@pytest.mark.parametrize(
    ("reason", "stop"), [("content_filter", "filter"), ("max_output_tokens", "length"), ("steered", "paused")]
)
async def test_an_incomplete_answer_says_why(asked, reason, stop):
    response = WIRE._response("incomplete", incomplete_details={"reason": reason})
    ending = {"type": "response.incomplete", "sequence_number": 9, "response": response}
    asked.answer = sse(*WIRE._written(WIRE.delta("No"), ending=ending).whole)
    events = await asked()
    assert events[-1].stop == stop
    assert any(isinstance(event, Refusal) for event in events) == (stop == "filter")


async def test_arguments_on_their_way_are_a_sign_of_life(asked):
    asked.answer = sse(*WIRE.calls(Called("call_1", "order_status", "{}")).whole)
    assert any(isinstance(event, Reasoning) for event in await asked(tools=TOOLS))


async def test_what_the_vendor_says_is_no_part_of_the_message(asked):
    asked.answer = sse(WIRE._coded("Ada Lovelace, born 1815", "Ada Lovelace wrote this"), status=400)
    with pytest.raises(ProviderError) as caught:
        await asked()
    assert "Ada" not in f"{caught.value} {caught.value.code}"
    assert caught.value.request_id == "req_1"


async def test_tokens_are_counted_for_nothing(asked):
    asked.answer = lambda request: httpx2.Response(200, json={"input_tokens": 42})
    deployment = asked.provider.deployments()[0]
    assert await asked.provider.count_tokens(QUESTION, deployment) == 42
    assert asked.gate.requests[-1].url.path == "/v1/responses/input_tokens"
    asked.answer = sse(b"", status=500)
    assert await asked.provider.count_tokens(QUESTION, deployment) is None


async def test_warming_asks_nobody(asked):
    await asked.provider.warm()
    assert not asked.gate.requests


async def test_a_replay_of_somebody_else_is_dropped(asked):
    call = ToolCall("call_1", "order_status", {"number": "A-100"})
    foreign = Opaque("anthropic", {"from": "openai/gpt-6.1-terra/eu", "items": [{"secret": "kept for others"}]})
    await asked(tools=TOOLS, rounds=[ToolRound("", (call,), (ToolResult("call_1", "sent"),), foreign)])
    assert "kept for others" not in str(asked.sent)
