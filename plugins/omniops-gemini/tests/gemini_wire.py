"""Gemini's protocol, in bytes."""

import json

from omniops.testing.wire import Fault, Spent, Wire, Written

_WORDS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip


def data(value):
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def rpc(status, message="It is wrong.", *details, state=None):
    error = {"code": status, "message": message, "status": state or _WORDS.get(status, "UNKNOWN_STATE")}
    return {"error": {**error, "details": list(details)} if details else error}


class Gemini(Wire):
    """`streamGenerateContent`. The vendor never says what it wrote into its cache."""

    spent = Spent(cache_write=0, reasoning=3)

    def chunk(self, *parts, finish=None, **more):
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        return data({"candidates": [candidate], "modelVersion": "gemini-served", "responseId": "r1", **more})

    def _written(self, *body, finish="STOP"):
        usage = {
            "promptTokenCount": self.spent.fresh + self.spent.cache_read + self.spent.cache_write,
            "cachedContentTokenCount": self.spent.cache_read,
            "candidatesTokenCount": self.spent.output - self.spent.reasoning,
            "thoughtsTokenCount": self.spent.reasoning,
        }
        opening = self.chunk({"text": "I think", "thought": True})
        return Written(opening, body, self.chunk({"text": ""}, finish=finish, usageMetadata=usage))

    def text(self, *pieces, stop="end"):
        body = (self.chunk({"text": piece}) for piece in pieces)
        return self._written(*body, finish="MAX_TOKENS" if stop == "length" else "STOP")

    def calls(self, *calls):
        return self._written(
            *(
                self.chunk({
                    "functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)},
                    "thoughtSignature": "c2VhbGVk",
                })
                for call in calls
            )
        )  # fmt: skip

    def broken_call(self):
        return None

    def refused(self, text):
        return self._written(finish="SAFETY")

    def error(self, status, message):
        return json.dumps(rpc(status, message)).encode()

    def in_band(self):
        return [
            Fault("unavailable", "overloaded", "other", "deployment", data(rpc(503))),
            Fault("exhausted", "rate_limit", "other", "deployment", data(rpc(429))),
            Fault("internal", "server", "other", "deployment", data(rpc(500))),
            Fault("a broken call", "malformed", "other", "deployment", self.chunk(finish="MALFORMED_FUNCTION_CALL")),
            Fault("an account in disgrace", "auth", "other", "account", self.chunk(finish="PUP_LIMITED_DISABLED")),
        ]

    def faults(self):
        def body(status, *details, message="It is wrong.", state=None):
            return json.dumps(rpc(status, message, *details, state=state)).encode()

        daily = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDay"}]}
        soon = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.5s"}
        no_key = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        long = "The input token count (1048999) exceeds the maximum number of tokens allowed (1048576)."
        return [
            Fault("no key", "auth", "other", "account", body(400, no_key), 400),
            Fault("a day's quota", "quota", "other", "account", body(429, daily), 429),
            Fault("soon again", "rate_limit", "same", "deployment", body(429, soon), 429),
            Fault("too long", "context_length", "other", "request", body(400, message=long), 400),
            Fault("not here", "auth", "other", "account", body(400, state="FAILED_PRECONDITION"), 400),
            Fault("too late", "timeout", "other", "deployment", body(504, state="DEADLINE_EXCEEDED"), 504),
        ]
