"""A visitor asks for the data of the own session: the session itself shows whose it is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from omniops.conversation.visitors import Visitor
from omniops.privacy.rights.book import Asked
from omniops.privacy.rights.views import CaseView
from omniops.server.case_shapes import OwnCase, OwnRequest
from omniops.server.idempotency import Idempotent
from omniops.server.limits import WritingVisitor
from omniops.server.permissions import App, CurrentVisitor

router = APIRouter(prefix="/v1/visitor/rights", tags=["visitor"], route_class=Idempotent)


def _subjects(visitor: Visitor) -> tuple[UUID, ...]:
    return visitor.subjects or (visitor.subject_id,)


def _own(view: CaseView) -> dict[str, Any]:
    case = view.case
    answers = [text for letter, text in view.letters if letter.state != "drafted"]
    return {
        "id": str(case.id),
        "reference": case.reference,
        "right": case.right,
        "state": case.state,
        "outcome": case.outcome,
        "received_at": case.received_at.isoformat(),
        "due_at": case.due_at.isoformat(),
        "answer": answers[-1] if answers else "",
    }


@router.post("", status_code=201, response_model=OwnCase)
async def ask(runtime: App, visitor: WritingVisitor, body: OwnRequest) -> Any:
    """Opens a case about this session's data. What the rules may do begins at once; the rest waits for a person."""
    asked = Asked(body.right, body.language, None, body.text, body.region)
    view = await runtime.privacy.requests.by_session(
        visitor.scope, asked, _subjects(visitor), visitor.conversation_id, actor=visitor.actor
    )
    return _own(view)


@router.get("/{case_id}", response_model=OwnCase)
async def case(runtime: App, visitor: CurrentVisitor, case_id: UUID) -> Any:
    """How an own case stands. After an erasure there is no session left to ask with."""
    view = await runtime.privacy.requests.own(visitor.scope, case_id, _subjects(visitor), actor=visitor.actor)
    return _own(view)
