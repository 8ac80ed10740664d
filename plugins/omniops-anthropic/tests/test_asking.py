"""What Anthropic is sent."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from omniops.contracts.ids import new_id
from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.provider import ChatMessage, Opaque, Request, ToolCall, ToolResult, ToolRound, ToolSpec
from omniops_anthropic.asking import THINKING, ask, replay
from omniops_anthropic.models import deployment

SONNET = deployment("claude-sonnet-5-5", geo="global", retention="days", keyed=True)
OLD = deployment("claude-haiku-4-5", geo="global", retention="days", keyed=True)
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
ORDER = ToolSpec("order_status", "The state of an order.", {"type": "object", "properties": {}})


def passage(text, title="A page"):
    made = Passage(
        new_id(), new_id(), "https://shop.example/p", title, "", text, "text", datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Hit(made, 1.0, None, 1.0)


def request(*messages, **fields):
    said = messages or (("visitor", "When are you open?"),)
    return Request(
        question=said[-1][1],
        messages=[ChatMessage(role, text) for role, text in said],
        language="en",
        cover=1.0,
        answer_cut=0.5,
        closest_cut=0.3,
        idempotency_key="k",
        **{"passages": [], "system": "You answer for a shop.", **fields},
    )


def body(asked, to=SONNET, *, effort="low", geo="global", account="acc"):
    return ask(asked, to, effort=effort, geo=geo, account=account).body


def test_roles_are_the_vendors_and_the_visitor_begins():
    told = body(
        request(("ai", "Hello!"), ("visitor", "Hi"), ("person", "I am Ann."), ("visitor", " "), ("visitor", "Open?"))
    )
    assert [(message["role"], message["content"]) for message in told["messages"]] == [
        ("user", "Hi"),
        ("assistant", "I am Ann."),
        ("user", "Open?"),
    ]


def test_passages_are_documents_with_citations_before_the_question():
    found = [passage("We open at ten.", "Hours"), passage(" \n"), passage("Send it back.", "")]
    asked = ask(request(passages=found, context="[1] marks"), SONNET, effort="low", geo="global", account="a")
    first, second, question = asked.body["messages"][-1]["content"]
    assert first == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "We open at ten."},
        "title": "Hours",
        "citations": {"enabled": True},
    }
    assert second["source"]["data"] == "Send it back."
    assert "title" not in second
    assert question == {"type": "text", "text": "When are you open?"}
    assert "marks" not in str(asked.body), "core's marks and the vendor's citations would both be asked for"
    assert asked.documents == (found[0].passage, found[2].passage), "a document's number leads to its passage"


def test_a_schema_goes_with_words_because_the_api_takes_no_citations_then():
    asked = ask(
        request(passages=[passage("We open at ten.")], context="[1] We open at ten.", schema=SCHEMA),
        SONNET,
        effort="low",
        geo="global",
        account="a",
    )
    assert asked.body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert asked.body["messages"][-1]["content"][0] == {"type": "text", "text": "[1] We open at ten."}
    assert not asked.documents


def test_the_part_that_stays_the_same_is_cached():
    told = body(request())
    cached = {"type": "ephemeral"}
    assert told["system"] == [{"type": "text", "text": "You answer for a shop.", "cache_control": cached}]
    assert "cache_control" not in told, "passages change with every turn: writing them to a cache only costs"
    assert body(request(tools=[ORDER]))["cache_control"] == cached


def test_the_visitor_is_a_hash_and_thinking_has_room_of_its_own():
    told = body(request(end_user="9f86d0", max_output=700), effort="medium", geo="us")
    assert told["metadata"] == {"user_id": "9f86d0"}
    assert told["max_tokens"] == 700 + THINKING
    assert (told["output_config"], told["inference_geo"]) == ({"effort": "medium"}, "us")
    assert not {"temperature", "top_p", "top_k", "thinking"} & set(told), "the API refuses these (400)"


def test_an_older_model_is_not_sent_what_it_does_not_know():
    told = body(request(max_output=700), OLD)
    assert told["max_tokens"] == 700
    assert not {"output_config", "inference_geo"} & set(told)
    assert body(request(), OLD, geo="us")["inference_geo"] == "us", "a region that was asked for is never dropped"


CALL = ToolCall("toolu_1", "order_status", {"number": "A-1"})
THOUGHT = [
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "tool_use", "id": "toolu_1", "name": "order_status", "input": {"number": "A-1"}},
]


@pytest.mark.parametrize(
    ("kept", "comes_back"),
    [
        (Opaque("anthropic", replay(THOUGHT, "claude-sonnet-5-5", "acc")), True),
        (Opaque("anthropic", replay(THOUGHT, "claude-opus-5-5", "acc")), False),
        (Opaque("anthropic", replay(THOUGHT, "claude-sonnet-5-5", "another")), False),
        (Opaque("openai", replay(THOUGHT, "claude-sonnet-5-5", "acc")), False),
        (None, False),
    ],
    ids=["its own", "of another model", "by another key", "of another provider", "none"],
)
def test_thinking_goes_back_to_its_own_model_and_key_only(kept, comes_back):
    back = ToolRound(
        "One moment.", (CALL,), (ToolResult("toolu_1", "shipped"), ToolResult("toolu_2", "", failed=True)), kept
    )
    *_, said, results = body(replace(request(tools=[ORDER]), rounds=[back]))["messages"]
    use = THOUGHT[1]
    assert said["content"] == (THOUGHT if comes_back else [{"type": "text", "text": "One moment."}, use])
    assert results == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "shipped"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "(nothing)", "is_error": True},
        ],
    }
