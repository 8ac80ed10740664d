"""The whole API under schemathesis: whatever is sent, no 500, no status and no shape that the description lacks.

Each operation is called with what its schema allows and with what it does not: as a visitor, or as an owner with every
right, on real ids where the path takes one.
"""

import asyncio

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 2
"""Of each operation and kind, from a fixed seed, so that a failure comes again."""
ENDLESS = {"/v1/visitor/events", "/v1/domains/{domain_id}/events"}
"""Streams without end; the first reads the same input as the one of a turn."""
LAST = ("/v1/visitor/conversations/{conversation_id}/close", "/v1/visitor/session", "/v1/visitor/sessions")
"""After these a visitor can do little: they come when all else was tried."""


class Walk:
    """Calls every operation, in a thread of its own beside the server."""

    def __init__(self, base, described, tokens, ids):
        self.schema = schemathesis.openapi.from_dict(described)
        self.base, self.tokens, self.ids = base, tokens, ids
        self.session = requests.Session()
        self.calls = 0
        self.answers = {}
        self.failures = []

    def operations(self):
        found = [result.ok() for result in self.schema.get_all_operations()]
        walked = [operation for operation in found if operation.path not in ENDLESS]
        return sorted(walked, key=lambda operation: LAST.index(operation.path) if operation.path in LAST else -1)

    def all(self):
        for operation in self.operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    self.one(operation, mode)
                except Unsatisfiable:
                    assert mode is GenerationMode.NEGATIVE, operation.path  # it takes nothing that could be wrong
                except BaseExceptionGroup as failure:
                    self.failures += [f"{operation.method.upper()} {operation.path}: {e}" for e in failure.exceptions]

    def one(self, operation, mode):
        @seed(20270102)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case):
            for name, value in self.ids.items():
                if name in (case.path_parameters or {}):
                    case.path_parameters[name] = value
            who = "visitor" if operation.path.startswith("/v1/visitor/") else "owner"
            answer = case.call(
                base_url=self.base, session=self.session, headers={"Authorization": self.tokens[who]}, timeout=20
            )
            self.calls += 1
            self.answers.setdefault(f"{operation.method.upper()} {operation.path}", set()).add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        call()


@pytest.mark.slow
async def test_nothing_that_is_sent_makes_the_server_fail_or_say_what_it_does_not_declare(desk, front, asked):
    settings_ = {"visitor_writes": 10**6, "visitor_network_writes": 10**6, "visitor_domain_writes": 10**6}
    desk.runtime.settings = desk.runtime.settings.model_copy(update=settings_)
    page, office = await front.page(), await front.office(desk.other, role="owner")
    await asked(page)
    me = (await page.get("/v1/visitor/conversation")).json()
    sent = await page.post("/v1/visitor/attachments", params={"name": "a.txt"}, content=b"words")
    walk = Walk(
        front.base,
        (await page.get("/openapi.json")).json(),
        {"visitor": page.headers["Authorization"], "owner": office.headers["Authorization"]},
        {
            "domain_id": str(desk.other.id),
            "conversation_id": me["id"],
            "message_id": me["messages"][1]["id"],
            "attachment_id": sent.json()["id"],
        },
    )
    await asyncio.to_thread(walk.all)
    assert walk.failures == [], "\n\n".join(walk.failures)
    assert walk.calls > 150
    reached = {name for name, statuses in walk.answers.items() if any(status < 300 for status in statuses)}
    assert len(reached) > 25, sorted(set(walk.answers) - reached)
    shut = {name for name, statuses in walk.answers.items() if statuses == {401}}
    assert shut <= {"DELETE /v1/visitor/sessions"}, "it was let in everywhere, until it ended its own session"
