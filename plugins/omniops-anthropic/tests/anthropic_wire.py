"""How Anthropic's Messages API writes (version 2026-10-21), in bytes."""

import json

from omniops.testing import Fault, Spent, Wire, Written

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def sse(kind, **fields):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(number, start, *deltas):
    """A content block: its start, its deltas, its stop."""
    return (
        sse("content_block_start", index=number, content_block=start),
        *(sse("content_block_delta", index=number, delta=delta) for delta in deltas),
        sse("content_block_stop", index=number),
    )


def told(kind, message="It went wrong.", **details):
    error = {"type": kind, "message": message}
    if details:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": "req_1"}


class AnthropicWire(Wire):
    spent = Spent(fresh=100, cache_read=40, cache_write=10, output=17, reasoning=5)

    def opening(self):
        usage = {
            "input_tokens": self.spent.fresh,
            "cache_read_input_tokens": self.spent.cache_read,
            "cache_creation_input_tokens": self.spent.cache_write,
            "output_tokens": 1,
            "inference_geo": "us",
        }
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return sse("message_start", message=message) + b'event: ping\ndata: {"type": "ping"}\n\n'

    def ending(self, stop, **details):
        usage = {
            "output_tokens": self.spent.output,
            "output_tokens_details": {"thinking_tokens": self.spent.reasoning},
        }
        delta = {"stop_reason": stop, "stop_sequence": None, **details}
        return sse("message_delta", delta=delta, usage=usage) + sse("message_stop")

    def text(self, *pieces, stop="end"):
        start, *deltas, end = block(
            0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces)
        )
        first, *others = deltas
        body = (start + first, *others)
        return Written(self.opening(), body, end + self.ending({"end": "end_turn", "length": "max_tokens"}[stop]))

    def calls(self, *calls):
        body = ()
        for number, call in enumerate(calls):
            half = len(call.arguments) // 2
            parts = [
                {"type": "input_json_delta", "partial_json": part}
                for part in (call.arguments[:half], call.arguments[half:])
            ]
            body += block(number, {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, *parts)
        return Written(self.opening(), body, self.ending("tool_use"))

    def refused(self, text):
        details = {"type": "refusal", "category": "general_harms", "explanation": text}
        return Written(self.opening(), (), self.ending("refusal", stop_details=details))

    def error(self, status, message):
        return json.dumps(told(TYPES.get(status, "invalid_request_error"), message)).encode()

    def in_band(self):
        return [
            Fault(
                "overloaded in the stream",
                "overloaded",
                "other",
                "deployment",
                sse("error", **told("overloaded_error")),
            ),
            Fault("broken in the stream", "server", "other", "deployment", sse("error", **told("api_error"))),
            Fault(
                "too many in the stream", "rate_limit", "other", "deployment", sse("error", **told("rate_limit_error"))
            ),
            Fault("signed out in the stream", "auth", "other", "account", sse("error", **told("authentication_error"))),
        ]

    def faults(self):
        def said(what, kind, retry, scope, status, body):
            return Fault(what, kind, retry, scope, json.dumps(body).encode(), status)

        invalid = "invalid_request_error"
        return [
            said(
                "too long", "context_length", "other", "request", 400,
                told(invalid, "prompt is too long: 1000001 tokens > 1000000 maximum"),
            ),
            said("no money", "quota", "other", "account", 400, told(invalid, "Your credit balance is too low.")),
            said(
                "no such region", "residency", "never", "deployment", 400,
                told(invalid, "inference_geo: 'global' is not allowed in this workspace"),
            ),
            said("an unknown type", "server", "other", "deployment", 500, told("brand_new_error")),
            said("a type against its status", "overloaded", "other", "deployment", 500, told("overloaded_error")),
        ]  # fmt: skip

    def cited(self, text, number, quote):
        citation = {
            "type": "char_location",
            "cited_text": quote,
            "document_index": number,
            "document_title": "A page",
            "start_char_index": 0,
            "end_char_index": len(quote),
        }
        body = block(
            0,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": citation},
            {"type": "text_delta", "text": text},
        )
        return Written(self.opening(), body, self.ending("end_turn"))
