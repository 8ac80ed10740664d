"""What tests of the ledger say and hear: an answer to a choice as it was shown, and why a yes does not stand."""

import pytest
from omniops.contracts.scope import Actor
from omniops.errors import Refused
from omniops.privacy.service import Answer, Circumstances, choices

WHO = Actor("visitor", "test")


def answer(desk, given, purpose="analytics"):
    shown = {choice.purpose: choice for choice in choices(desk.runtime.catalog, "en")}[purpose]
    return Answer(purpose, given, shown.notice, shown.version)


async def say(desk, subject_id, given, purpose="analytics", *, signal="none", country="DE"):
    how = Circumstances("api", "en", signal, country)
    await desk.runtime.consents.record(desk.domain.scope, subject_id, answer(desk, given, purpose), how, actor=WHO)


async def refusal(act):
    with pytest.raises(Refused) as refused:
        await act
    return refused.value.reason


async def joined(desk, count):
    """Sessions of one customer, each a subject of its own."""
    visitors = [await desk.visitor() for _ in range(count)]
    first, *others = [visitor.subject_id for visitor in visitors]
    for other in others:
        desk.rows(
            "insert into omniops.subject_link (domain_id, id, subject_id, other_id, evidence, created_at)"
            " values (%s, gen_random_uuid(), %s, %s, 'identity by jwt', now())",
            desk.domain.id, other, first,
        )  # fmt: skip
    return first, *others
