"""Around a conversation: giving it to a colleague, labels, putting it off; and the page of labels."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError, Rejected
from omniops.inbox.snoozing import presets
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page, zone_of
from omniops.server.dashboard.inbox import done
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}", include_in_schema=False, route_class=Idempotent)
ONE = "/inbox/{conversation_id}"
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(Sends("conversation.reply"))]
Manages = Annotated[DomainAccess, Depends(Sends("domain.manage"))]


class Assigning(FormBody):
    member: UUID | Literal["nobody"]


@router.post(ONE + "/assign")
async def assign(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Assigning, Form()]
) -> Response:
    """Gives a conversation to a member, or to nobody."""
    member = None if form.member == "nobody" else form.member
    did = runtime.inbox.assign(access.scope, conversation_id, member, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)


class Labelling(FormBody):
    label: UUID
    step: Literal["put", "take-off"] = "put"


@router.post(ONE + "/label")
async def label(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Labelling, Form()]
) -> Response:
    """Puts a label on a conversation, or takes it off."""
    labels = runtime.inbox.labels
    does = labels.put if form.step == "put" else labels.take_off
    did = does(access.scope, conversation_id, form.label, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)


class Snoozing(FormBody):
    until: Literal["later", "tomorrow", "week", "own", "now"]
    own: str = Field(default="", max_length=30)


@router.post(ONE + "/snooze")
async def snooze(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Snoozing, Form()]
) -> Response:
    """Puts a conversation off, or takes it up again."""
    return await done(request, runtime, access, conversation_id, _snooze(runtime, access, conversation_id, form))


async def _snooze(runtime: Runtime, access: DomainAccess, conversation_id: UUID, form: Snoozing) -> None:
    domain = await runtime.accounts.domain(access.scope)
    match form.until:
        case "now":
            until = None
        case "own":
            try:
                until = datetime.fromisoformat(form.own)
            except ValueError:
                raise Rejected(
                    "This is no time.", code="bad_time", where="own", do="Choose a day and a time."
                ) from None
            until = until if until.tzinfo else until.replace(tzinfo=zone_of(domain))
        case preset:
            until = presets(domain.settings.hours, runtime.clock.now()).get(preset)
            if until is None:
                raise Rejected("Today is over by then.", code="bad_time", where="until", do="Choose another time.")
    await runtime.inbox.snoozing.until(access.scope, conversation_id, until, actor=access.principal.actor)


@router.get("/labels")
async def labels(request: Request, runtime: App, access: Reads) -> Response:
    """The labels of the website."""
    return await _labels(request, runtime, access)


async def _labels(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    problem: OmniOpsError | None = None,
    typed: str = "",
    status: int = 200,
) -> Response:
    values = {
        **await frame(runtime, access, "inbox"),
        "labels": await runtime.inbox.labels.all(access.scope),
        "problem": problem,
        "typed": typed,
    }
    return page(request, "labels.html", values, status)


class NewLabel(FormBody):
    name: str = Field(default="", max_length=1000)


@router.post("/labels/add")
async def add(request: Request, runtime: App, access: Manages, form: Annotated[NewLabel, Form()]) -> Response:
    """A new label."""
    return await _kept(
        request, runtime, access, runtime.inbox.labels.add(access.scope, form.name, actor=access.principal.actor),
        form.name,
    )  # fmt: skip


class OldLabel(FormBody):
    label: UUID


@router.post("/labels/remove")
async def remove(request: Request, runtime: App, access: Manages, form: Annotated[OldLabel, Form()]) -> Response:
    """Removes a label, also from every conversation."""
    did = runtime.inbox.labels.remove(access.scope, form.label, actor=access.principal.actor)
    return await _kept(request, runtime, access, did)


async def _kept(
    request: Request, runtime: Runtime, access: DomainAccess, did: Awaitable[object], typed: str = ""
) -> Response:
    again = partial(_labels, request, runtime, access, typed=typed)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/labels", again)
