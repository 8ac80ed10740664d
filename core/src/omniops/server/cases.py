"""Cases about people's own data, and requests of authorities, for members and keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from omniops.contracts.rights import Fulfilment
from omniops.errors import Rejected
from omniops.privacy.rights.authorities import Demand, DemandShown
from omniops.privacy.rights.book import Asked
from omniops.server.case_shapes import (
    CaseShort,
    CaseWhole,
    Certificate,
    Correction,
    DemandBody,
    DemandView,
    Given,
    NewCase,
    Overriding,
    Parental,
    Proof,
    Reason,
    Refusal,
    Reply,
    Settled,
)
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"], route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("privacy.read"))]
Manages = Annotated[DomainAccess, Depends(RequiresDomain("privacy.manage"))]
State = Literal["unproven", "open", "closed"]


@router.get("/cases", response_model=Page[CaseShort])
async def cases(runtime: App, access: Reads, pages: Pages, state: Annotated[State | None, Query()] = None) -> Any:
    """The cases of a website, in the order in which they came."""
    found = await runtime.privacy.cases.all(access.scope, state=state, after=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.case.id, lambda one: one.short())


@router.post("/cases", status_code=201, response_model=CaseShort, responses=fails(429))
async def new_case(runtime: App, access: Manages, body: NewCase) -> Any:
    """Records a request that came another way. Its address gets the one-time link."""
    asked = Asked(body.right, body.language, body.email, body.text, body.region, body.by_agent)
    view = await runtime.privacy.requests.by_address(
        access.scope, asked, channel="member", at=runtime.clock.now(), actor=access.principal.actor
    )
    return view.short()


@router.get("/cases/{case_id}", response_model=CaseWhole)
async def case(runtime: App, access: Reads, case_id: UUID) -> Any:
    """A case with its terms, tasks, letters and what the person wrote; reading it is in the audit."""
    return (await runtime.privacy.cases.read(access.scope, case_id, actor=access.principal.actor)).to_json()


@router.post("/cases/{case_id}/identity", response_model=CaseWhole)
async def prove(runtime: App, access: Manages, case_id: UUID, body: Proof) -> Any:
    """Decides, on evidence, who asks and whom it is about: of an agent, that the mandate holds."""
    done = runtime.privacy.cases.prove(
        access.scope, case_id, body.subjects, body.evidence, actor=access.principal.actor
    )
    return (await done).to_json()


@router.post("/cases/{case_id}/receipt", response_model=CaseWhole)
async def receipt(runtime: App, access: Manages, case_id: UUID) -> Any:
    """Tells the person that the request was received, and until when it is answered."""
    return (await runtime.privacy.cases.confirm_receipt(access.scope, case_id, actor=access.principal.actor)).to_json()


@router.post("/cases/{case_id}/act", response_model=CaseWhole, responses=fails(409))
async def act(runtime: App, access: Manages, case_id: UUID) -> Any:
    """Lets it be done, here and at every place outside. The reply is drafted once all have answered."""
    return (await runtime.privacy.cases.act(access.scope, case_id, actor=access.principal.actor)).to_json()


@router.post("/cases/{case_id}/correct", response_model=CaseWhole)
async def correct(runtime: App, access: Manages, case_id: UUID, body: Correction) -> Any:
    """Corrects a value for a case of rectification; recipients become tasks."""
    done = runtime.privacy.cases.correct(
        access.scope, case_id, body.what, body.value, row_id=body.row, actor=access.principal.actor
    )
    return (await done).to_json()


@router.post("/cases/{case_id}/tasks/{task_id}", response_model=CaseWhole)
async def settle(runtime: App, access: Manages, case_id: UUID, task_id: UUID, body: Settled) -> Any:
    """Closes a task on evidence, where a place cannot answer by itself."""
    if body.state == "refused" and not body.code:
        raise Rejected("A refusal needs a code.", code="empty", where="code")
    answer = Fulfilment(body.state, body.evidence, body.code)
    done = runtime.privacy.cases.settle(access.scope, case_id, task_id, answer, actor=access.principal.actor)
    return (await done).to_json()


@router.post("/cases/{case_id}/extend", response_model=CaseWhole)
async def extend(runtime: App, access: Manages, case_id: UUID, body: Reason) -> Any:
    """Takes the longer term that the law allows, and tells the person why."""
    return (
        await runtime.privacy.cases.extend(access.scope, case_id, body.reason, actor=access.principal.actor)
    ).to_json()


@router.post("/cases/{case_id}/refuse", response_model=CaseWhole)
async def refuse(runtime: App, access: Manages, case_id: UUID, body: Refusal) -> Any:
    """Refuses for a reason of the law. The reply names it, and where the person can complain."""
    done = runtime.privacy.cases.refuse(access.scope, case_id, body.code, body.reason, actor=access.principal.actor)
    return (await done).to_json()


@router.post("/cases/{case_id}/objection", response_model=CaseWhole)
async def refuse_objection(runtime: App, access: Manages, case_id: UUID, body: Overriding) -> Any:
    """Refuses an objection to one purpose on compelling grounds, for security alone (Art. 21(1) GDPR). The person is
    told the grounds and where to complain. A key cannot do this; a signed-in member does."""
    done = runtime.privacy.objections.refuse(
        access.scope, case_id, body.purpose, body.code, body.reason, actor=access.principal.actor
    )
    return (await done).to_json()


@router.post("/cases/{case_id}/consent", response_model=CaseWhole)
async def parental_consent(runtime: App, access: Manages, case_id: UUID, body: Parental) -> Any:
    """Notes that a parent's consent was verified: the child's data stays, and the purposes that it names open again."""
    room, actor = runtime.privacy.child_cases, access.principal.actor
    return (await room.consent_shown(access.scope, case_id, body.evidence, body.purposes, actor=actor)).to_json()


@router.post("/cases/{case_id}/close", response_model=CaseWhole)
async def close(runtime: App, access: Manages, case_id: UUID, body: Reply) -> Any:
    """Approves the reply, sends it and closes the case; refused while a place has not answered."""
    return (await runtime.privacy.cases.close(access.scope, case_id, body.text, actor=access.principal.actor)).to_json()


@router.get("/cases/{case_id}/certificate", response_model=Certificate)
async def certificate(runtime: App, access: Reads, case_id: UUID) -> Any:
    """The signed certificate of a closed case. It names nobody."""
    return await runtime.privacy.cases.certificate(access.scope, case_id)


@router.get("/authority-requests", response_model=Page[DemandView])
async def demands(runtime: App, access: Reads, pages: Pages) -> Any:
    """Requests of authorities, in the order in which they were recorded."""
    actor = access.principal.actor
    found = await runtime.privacy.authorities.all(access.scope, after=pages.id, limit=pages.more, actor=actor)
    return pages.page(found, lambda one: one.id, DemandShown.to_json)


@router.post("/authority-requests", status_code=201, response_model=DemandView)
async def record(runtime: App, access: Manages, body: DemandBody) -> Any:
    """Records what an authority asks for, and the most that may be given."""
    demand = Demand(**body.model_dump())
    return (await runtime.privacy.authorities.record(access.scope, demand, actor=access.principal.actor)).to_json()


@router.post("/authority-requests/{request_id}/approve", response_model=DemandView)
async def approve(runtime: App, access: Manages, request_id: UUID) -> Any:
    """One of the two approvals; only a signed-in member gives one, and nobody gives both."""
    done = runtime.privacy.authorities.approve(access.scope, request_id, actor=access.principal.actor)
    return (await done).to_json()


@router.post("/authority-requests/{request_id}/refuse", response_model=DemandView)
async def refuse_demand(runtime: App, access: Manages, request_id: UUID) -> Any:
    """Gives the authority nothing."""
    done = runtime.privacy.authorities.refuse(access.scope, request_id, actor=access.principal.actor)
    return (await done).to_json()


@router.post("/authority-requests/{request_id}/give", response_model=Given)
async def give(runtime: App, access: Manages, request_id: UUID) -> Any:
    """The data that may be given, once two people have approved."""
    return await runtime.privacy.authorities.give(access.scope, request_id, actor=access.principal.actor)
