"""OpenAI's two protocols, in bytes."""

import json

from omniops.testing.wire import Fault, Spent, Wire, Written


def event(value):
    return f"event: {value.get('type', 'message')}\ndata: {json.dumps(value)}\n\n".encode()


def data(value):
    return f"data: {json.dumps(value)}\n\n".encode()


class _OpenAI(Wire):
    path = "/v1"
    spent = Spent(reasoning=3)

    def error(self, status, message):
        return json.dumps({"error": {"message": message, "type": "an_error", "param": None, "code": None}}).encode()

    def _coded(self, code, message="It is wrong."):
        return json.dumps({"error": {"message": message, "type": "an_error", "param": None, "code": code}}).encode()

    def faults(self):
        long = "This model's maximum context length is 8192 tokens."
        return [
            Fault("quota inside 429", "quota", "other", "account", self._coded("insufficient_quota"), 429),
            Fault("unknown model", "model", "other", "deployment", self._coded("model_not_found"), 404),
            Fault("retired model", "model", "other", "deployment", self._coded("model_deprecated"), 400),
            Fault(
                "too long", "context_length", "other", "request", self._coded("context_length_exceeded"), 400
            ),
            Fault(
                "too long in words only", "context_length", "other", "request",
                json.dumps({"object": "error", "message": long, "type": "BadRequestError", "code": 400}).encode(), 400,
            ),
            Fault("soon again", "rate_limit", "same", "deployment", self._coded(None), 429, (("Retry-After", "1"),)),
            Fault("residency", "residency", "never", "request", self._coded("data_residency_mismatch"), 400),
            Fault("overloaded", "overloaded", "other", "deployment", self._coded("slow_down"), 503),
        ]  # fmt: skip


class Responses(_OpenAI):
    """The Responses API."""

    def _response(self, status="completed", **more):
        usage = {
            "input_tokens": self.spent.fresh + self.spent.cache_read + self.spent.cache_write,
            "input_tokens_details": {
                "cached_tokens": self.spent.cache_read,
                "cache_write_tokens": self.spent.cache_write,
            },
            "output_tokens": self.spent.output,
            "output_tokens_details": {"reasoning_tokens": self.spent.reasoning},
            "total_tokens": 0,
        }
        return {
            "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-6.1-terra-served", "status": status,
            "output": [], "error": None, "incomplete_details": None, "tools": [], "usage": usage, **more,
        }  # fmt: skip

    def _written(self, *body, ending=None):
        opening = event({"type": "response.created", "sequence_number": 0, "response": self._response("in_progress")})
        return Written(
            opening, tuple(event(one) for one in body),
            event(ending or {"type": "response.completed", "sequence_number": 9, "response": self._response()}),
        )  # fmt: skip

    def text(self, *pieces, stop="end"):
        ending = None
        if stop == "length":
            details = {"reason": "max_output_tokens"}
            response = self._response("incomplete", incomplete_details=details)
            ending = {"type": "response.incomplete", "sequence_number": 9, "response": response}
        return self._written(*(self.delta(piece) for piece in pieces), ending=ending)

    def delta(self, piece):
        return {
            "type": "response.output_text.delta", "delta": piece, "item_id": "msg_1", "output_index": 0,
            "content_index": 0, "sequence_number": 1, "logprobs": [],
        }  # fmt: skip

    def calls(self, *calls):
        body = []
        reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2VhbGVk"}
        body.append({"type": "response.output_item.done", "output_index": 0, "item": reasoning, "sequence_number": 1})
        for number, call in enumerate(calls, 1):
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": call.id, "name": call.name}
            body.append({
                "type": "response.output_item.added", "output_index": number, "sequence_number": 2,
                "item": {**item, "arguments": "", "status": "in_progress"},
            })  # fmt: skip
            body.append({
                "type": "response.function_call_arguments.delta", "delta": call.arguments, "item_id": f"fc_{number}",
                "output_index": number, "sequence_number": 3,
            })  # fmt: skip
            body.append({
                "type": "response.output_item.done", "output_index": number, "sequence_number": 4,
                "item": {**item, "arguments": call.arguments, "status": "completed"},
            })  # fmt: skip
        return self._written(*body)

    def refused(self, text):
        return self._written({
            "type": "response.refusal.delta", "delta": text, "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "sequence_number": 1,
        })  # fmt: skip

    def failed(self, code):
        response = self._response("failed", error={"code": code, "message": "It is wrong."})
        return event({"type": "response.failed", "sequence_number": 5, "response": response})

    def told(self, code):
        return event({"type": "error", "code": code, "message": "It is wrong.", "param": None, "sequence_number": 5})

    def in_band(self):
        return [
            Fault("failed: server", "server", "other", "deployment", self.failed("server_error")),
            Fault("failed: rate", "rate_limit", "other", "deployment", self.failed("rate_limit_exceeded")),
            Fault("failed: prompt", "invalid", "never", "request", self.failed("invalid_prompt")),
            Fault("failed: residency", "residency", "never", "request", self.failed("data_residency_mismatch")),
            Fault("failed: unheard of", "server", "other", "deployment", self.failed("something_new")),
            Fault("error event", "rate_limit", "other", "deployment", self.told("rate_limit_exceeded")),
            Fault("error event without a code", "server", "other", "deployment", self.told(None)),
            Fault(
                "error in an envelope", "quota", "other", "account",
                event({"type": "error", "error": {"code": "insufficient_quota", "message": "It is wrong."}}),
            ),
        ]  # fmt: skip


class Chat(_OpenAI):
    """Chat completions."""

    def _chunk(self, delta=None, finish=None, **more):
        choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}] if delta is not None or finish else []
        return data({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "llama-served",
            "choices": choices, **more,
        })  # fmt: skip

    def _written(self, *body, finish="stop"):
        usage = {
            "prompt_tokens": self.spent.fresh + self.spent.cache_read + self.spent.cache_write,
            "prompt_tokens_details": {
                "cached_tokens": self.spent.cache_read,
                "cache_write_tokens": self.spent.cache_write,
            },
            "completion_tokens": self.spent.output,
            "completion_tokens_details": {"reasoning_tokens": self.spent.reasoning},
            "total_tokens": 0,
        }
        ending = self._chunk(finish=finish) + self._chunk(usage=usage) + b"data: [DONE]\n\n"
        return Written(self._chunk({"role": "assistant", "content": ""}), body, ending)

    def text(self, *pieces, stop="end"):
        finish = "length" if stop == "length" else "stop"
        return self._written(*(self._chunk({"content": piece}) for piece in pieces), finish=finish)

    def calls(self, *calls):
        body = []
        for number, call in enumerate(calls):
            function = {"name": call.name, "arguments": ""}
            head = {"index": number, "id": call.id, "type": "function", "function": function}
            body.append(self._chunk({"tool_calls": [head]}))
            half = len(call.arguments) // 2
            body += [
                self._chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
                for piece in (call.arguments[:half], call.arguments[half:])
            ]
        return self._written(*body, finish="tool_calls")

    def refused(self, text):
        return self._written(self._chunk({"refusal": text}))

    def in_band(self):
        return [
            Fault("in band", "server", "other", "deployment", data({"error": {"message": "wrong", "code": None}})),
            Fault(
                "in band, a rate", "rate_limit", "other", "deployment",
                data({"error": {"message": "It is wrong.", "code": "rate_limit_exceeded"}}),
            ),
            Fault(
                "in band, too long", "context_length", "other", "request",
                data({"error": {"message": "It is wrong.", "type": "exceed_context_size_error", "code": 400}}),
            ),
        ]  # fmt: skip
