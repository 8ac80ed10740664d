"""The dashboard's inbox: the list, a conversation, and what a person does with it. What is done, and who may do it, is
the API's; a page shows what came of it, or says in place what stood in the way."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field

from omniops.errors import OmniOpsError
from omniops.inbox.queue import ConversationView
from omniops.inbox.snoozing import presets
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.dashboard.inbox_contact import contact
from omniops.server.dashboard.inbox_list import Chosen, chosen, listed
from omniops.server.dashboard.plugged import panels
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/inbox", include_in_schema=False, route_class=Idempotent)
ONE = "/{conversation_id}"
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(Sends("conversation.reply"))]
WAITING = Chosen()
MESSAGES = 100
"""Of a conversation on one page, the newest; earlier ones are a link away."""


@router.get("")
async def inbox(
    request: Request,
    runtime: App,
    access: Reads,
    which: Annotated[Chosen, Depends(chosen)],
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Conversations, those whose visitor waits longest first, or newest first."""
    shell = await frame(runtime, access, "inbox")
    found = await listed(runtime, access, which, after)
    return page(request, "inbox.html", {**shell, **found, "talk": None, "first": after is None})


@router.get(ONE)
async def conversation(
    request: Request,
    runtime: App,
    access: Reads,
    conversation_id: UUID,
    which: Annotated[Chosen, Depends(chosen)],
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """A conversation with everything that helps to answer it. Reading is on record."""
    return await thread(request, runtime, access, conversation_id, which=which, before=before)


async def thread(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    conversation_id: UUID,
    *,
    which: Chosen = WAITING,
    before: int | None = None,
    status: int = 200,
    problem: OmniOpsError | None = None,
    typed: str = "",
    more: Mapping[str, object] | None = None,
) -> Response:
    """The page of a conversation; `more` is what other pages show in it."""
    scope, actor = access.scope, access.principal.actor
    detail = await runtime.inbox.detail(scope, conversation_id, actor=actor)
    shell = await frame(runtime, access, "inbox")
    end = min(before or detail.conversation.messages + 1, detail.conversation.messages + 1)
    start = max(0, end - 1 - MESSAGES)
    messages = await runtime.inbox.read(scope, conversation_id, actor=actor, after=start, limit=end - 1 - start or 1)
    runs = await runtime.approvals.all(
        scope, state="proposed", conversation_id=conversation_id, limit=MESSAGES, actor=actor
    )
    values = {
        **shell,
        **await listed(runtime, access, which),
        "talk": detail.conversation,
        "detail": detail,
        "messages": messages,
        "earlier": start + 1 if start else None,
        "latest": end > detail.conversation.messages,
        "runs": runs,
        "panels": await panels(runtime, access, detail.conversation),
        "channel": _channel(runtime, detail.conversation),
        "problem": problem,
        "typed": typed,
        "contact": await contact(runtime, access, conversation_id),
        "why": None,
        "offers": presets((await runtime.accounts.domain(scope)).settings.hours, runtime.clock.now()),
        **(more or {}),
    }
    return page(request, "conversation.html", values, status)


def _channel(runtime: Runtime, talk: ConversationView) -> str:
    """Whose hands its messages go through, as people call it."""
    channel = runtime.seams.channels().get(talk.channel)
    return getattr(channel, "title", "") or talk.channel


async def done(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    conversation_id: UUID,
    did: Awaitable[object],
    *,
    typed: str = "",
) -> Response:
    """Does it and shows the conversation again; where it may not be done now, with the reason and what was typed."""

    again = partial(thread, request, runtime, access, conversation_id, typed=typed)

    return await acted(did, f"{HOME}/{access.scope.domain_id}/inbox/{conversation_id}#newest", again)


class Words(FormBody):
    text: str = Field(default="", max_length=20_000)

    @property
    def words(self) -> str:
        """The text with the ends of lines that everybody else uses; forms send two characters."""
        return self.text.replace("\r\n", "\n")


class DraftForm(Words):
    draft: UUID
    decision: Literal["send", "reject"]


class RunForm(FormBody):
    run: UUID
    decision: Literal["approve", "reject"]


class Again(FormBody):
    message: UUID


class Step(FormBody):
    step: Literal["take-over", "hand-back", "close", "reopen"]


@router.post(ONE + "/step")
async def step(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Step, Form()]
) -> Response:
    """Takes over, gives back, closes, reopens."""
    inbox = runtime.inbox
    does = {
        "take-over": inbox.take_over,
        "hand-back": inbox.hand_back,
        "close": inbox.close,
        "reopen": inbox.reopen,
    }[form.step]
    did = does(access.scope, conversation_id, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)


@router.post(ONE + "/reply")
async def reply(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Words, Form()]
) -> Response:
    """A person answers; the AI is out of the conversation from then on."""
    did = runtime.inbox.reply(access.scope, conversation_id, form.words, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did, typed=form.text)


@router.post(ONE + "/note")
async def note(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Words, Form()]
) -> Response:
    """A note that no visitor sees."""
    did = runtime.inbox.note(access.scope, conversation_id, form.words, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)


@router.post(ONE + "/draft")
async def decide_draft(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[DraftForm, Form()]
) -> Response:
    """Sends a draft of the AI, as it is or in other words, or none of it."""
    drafts, actor = runtime.inbox.drafts, access.principal.actor
    did: Awaitable[object] = (
        drafts.reject(access.scope, form.draft, actor=actor)
        if form.decision == "reject"
        else drafts.approve(access.scope, form.draft, form.words or None, actor=actor)
    )
    return await done(request, runtime, access, conversation_id, did)


@router.post(ONE + "/run")
async def decide_run(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[RunForm, Form()]
) -> Response:
    """Lets an action that the AI proposed happen, or not."""
    approve = form.decision == "approve"
    did = runtime.approvals.decide(access.scope, form.run, approve=approve, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)


@router.post(ONE + "/resend")
async def resend(
    request: Request, runtime: App, access: Replies, conversation_id: UUID, form: Annotated[Again, Form()]
) -> Response:
    """Sends once more what did not arrive."""
    did = runtime.inbox.undelivered.resend(access.scope, form.message, actor=access.principal.actor)
    return await done(request, runtime, access, conversation_id, did)
