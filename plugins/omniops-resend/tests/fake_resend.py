"""Resend on loopback: one endpoint, by its published schema, its errors by their published names
(https://resend.com/docs/api-reference/emails/send-email, https://resend.com/docs/api-reference/errors)."""

import base64
import json
from collections import deque
from uuid import uuid4

from omniops.testing.upstream import Answer, Cut

KEY = "re_test_sending"
FIELDS = {"from", "to", "subject", "text", "html", "headers", "attachments"}
"""Those that are used here; anything else is refused, so that a test sees it."""


def refused(status, name, **headers):
    body = {"statusCode": status, "name": name, "message": "Words of Resend's that name ada@visitor.example"}
    return Answer([json.dumps(body).encode()], status, {"Content-Type": "application/json", **headers})


class Resend:
    """The other side. `faults` are what the next calls get instead; the answer of a call that is `lost` does not
    arrive, though the mail is taken."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.mails, self.keys, self.faults, self.lost, self.calls = [], {}, deque(), 0, 0

    def answer(self, exchange):
        self.calls += 1
        if self.faults:
            return self.faults.popleft()
        if (exchange.method, exchange.path) != ("POST", "/emails"):
            return refused(404, "not_found")
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        if not headers.get("user-agent"):
            return refused(403, "validation_error")
        if headers.get("authorization") != f"Bearer {KEY}":
            return refused(401, "validation_error")
        body = json.loads(exchange.body)
        if set(body) - FIELDS or not {"from", "to", "subject"} <= set(body):
            return refused(422, "missing_required_field")
        for one in body.get("attachments", ()):
            base64.b64decode(one["content"], validate=True)
        key = headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 256:
            return refused(400, "invalid_idempotency_key")
        if key in self.keys and self.keys[key][0] != body:
            return refused(409, "invalid_idempotent_request")
        if key not in self.keys:
            self.keys[key] = (body, str(uuid4()))
            self.mails.append(body)
        if self.lost:
            self.lost -= 1
            return Answer(before=[Cut()])
        return Answer.json({"id": self.keys[key][1]}, status=200)
