"""The business API over conversations: the queue, taking over and giving back, drafts, notes, events as they happen."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from omniops.inbox.carrying import Choice
from omniops.inbox.following import Happened
from omniops.inbox.queue import Wanted, place
from omniops.server import inbox_shapes as shapes
from omniops.server import sse
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.visitor_conversations import shown
from omniops.server.visitor_shapes import Message, State

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["inbox"], route_class=Idempotent)
ONE = "/conversations/{conversation_id}"
Reads = Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))]
Replies = Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `message`, or what was done with a conversation (`taken_over`, `drafted`, "
        "`closed` …). Ids only; read what they name. A cut stream is taken up again behind the last `id`; then events "
        "of the half minute before it may come a second time, with the same id.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event.",
                    "required": ["id", "event", "data"],
                    "properties": {
                        "id": {"type": "string", "format": "uuid"},
                        "event": {"type": "string"},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                },
                "example": 'id: 0198…\nevent: taken_over\ndata: {"conversation": "0198…", "seq": null}\n\n',
            }
        },
    }
}


@router.get("/conversations", response_model=Page[shapes.Conversation])
async def conversations(
    runtime: App,
    pages: Pages,
    access: Reads,
    state: State | None = None,
    channel: Annotated[str | None, Query(max_length=60)] = None,
    assigned_to: UUID | Literal["nobody"] | None = None,
    waiting: Annotated[
        bool, Query(description="Those whose visitor waits for a person and that are not snoozed, longest first.")
    ] = False,
    label: UUID | None = None,
    snoozed: Annotated[bool | None, Query(description="Those that are put off now, or that are not.")] = None,
) -> Any:
    """Conversations, newest first, without anything personal."""
    wanted = Wanted(state, channel, assigned_to, waiting, pages.after, pages.more, label, snoozed)
    found = await runtime.inbox.queue.page(access.scope, wanted)
    return pages.page(found, place, shapes.Conversation.model_validate)


@router.get(ONE)
async def detail(runtime: App, conversation_id: UUID, access: Reads) -> shapes.Detail:
    """A conversation with its summary, the draft that waits, notes and what was done with it. Reading is on record."""
    found = await runtime.inbox.detail(access.scope, conversation_id, actor=access.principal.actor)
    return shapes.Detail.model_validate(found)


@router.get(ONE + "/orders", responses=fails(503))
async def orders(runtime: App, conversation_id: UUID, access: Reads) -> shapes.Orders:
    """The orders that a conversation is about, asked of the connected shop now: those of a customer whom the business
    vouched for, and those that a code showed in this conversation. Nothing of them is kept; reading is on record."""
    found = await runtime.orders.of(access.scope, conversation_id, actor=access.principal.actor)
    return shapes.Orders.model_validate(found)


@router.get(ONE + "/contact", responses=fails(503))
async def contact(runtime: App, conversation_id: UUID, access: Reads) -> shapes.ContactPanel:
    """Who writes, as the connected address books know them: asked only for an e-mail address that was proved, by the
    business's token or by the code of an order, and kept with the visitor's data for a day. Reading is on record."""
    found = await runtime.contacts.of(access.scope, conversation_id, actor=access.principal.actor)
    return shapes.ContactPanel.model_validate(found)


@router.get(ONE + "/messages", response_model=Page[Message])
async def messages(runtime: App, pages: Pages, conversation_id: UUID, access: Reads) -> Any:
    """The messages of a conversation, oldest first; reading is on record."""
    found = await runtime.inbox.read(
        access.scope, conversation_id, actor=access.principal.actor, after=pages.number or 0, limit=pages.more
    )
    return pages.page(found, lambda one: one.seq, shown)


@router.get(ONE + "/messages/{message_id}/provenance")
async def provenance(runtime: App, conversation_id: UUID, message_id: UUID, access: Reads) -> shapes.Provenance:
    """How an answer of the AI came about: who wrote it, on what, what was hidden from whom, and what it cost."""
    found = await runtime.inbox.provenances.of(access.scope, conversation_id, message_id)
    return shapes.Provenance.model_validate(found)


@router.post(ONE + "/messages", status_code=201, responses=fails(409))
async def reply(runtime: App, conversation_id: UUID, body: shapes.Reply, access: Replies) -> Message:
    """A person answers, in words, with files or both; the AI is out of the conversation from then on."""
    found = await runtime.inbox.reply(
        access.scope, conversation_id, body.text, files=body.attachments, actor=access.principal.actor
    )
    return shown(found)


@router.get(ONE + "/templates", response_model=Page[shapes.Template], responses=fails(503))
async def templates(runtime: App, pages: Pages, conversation_id: UUID, access: Replies) -> Any:
    """The texts that the other side approved, asked of it now: they may be sent when nothing else may."""
    found = await runtime.inbox.carrying.templates(access.scope, conversation_id)
    return pages.cut(found, lambda one: f"{one.name}/{one.language}", shapes.Template.model_validate)


@router.post(ONE + "/templates", status_code=201, responses=fails(409, 503))
async def send_template(runtime: App, conversation_id: UUID, body: shapes.FilledTemplate, access: Replies) -> Message:
    """A person answers with an approved text."""
    choice = Choice(body.name, body.language, body.values)
    return shown(await runtime.inbox.send_template(access.scope, conversation_id, choice, actor=access.principal.actor))


@router.post(ONE + "/take-over", responses=fails(409))
async def take_over(
    runtime: App, conversation_id: UUID, access: Replies, body: shapes.Why | None = None
) -> shapes.Conversation:
    """From now on a person answers: nothing of the AI follows. The visitor is told, with the website's hours."""
    reason = body.reason if body else "by_person"
    view = await runtime.inbox.take_over(access.scope, conversation_id, actor=access.principal.actor, reason=reason)
    return shapes.Conversation.model_validate(view)


@router.post(ONE + "/hand-back", responses=fails(409))
async def hand_back(
    runtime: App, conversation_id: UUID, access: Replies, body: shapes.Why | None = None
) -> shapes.Conversation:
    """The AI answers again, from the visitor's next message on."""
    reason = body.reason if body else "solved"
    view = await runtime.inbox.hand_back(access.scope, conversation_id, actor=access.principal.actor, reason=reason)
    return shapes.Conversation.model_validate(view)


@router.post(ONE + "/close", responses=fails(409))
async def close(
    runtime: App, conversation_id: UUID, access: Replies, body: shapes.Why | None = None
) -> shapes.Conversation:
    """Ends the conversation; its visitor reads so."""
    reason = body.reason if body else "solved"
    view = await runtime.inbox.close(access.scope, conversation_id, actor=access.principal.actor, reason=reason)
    return shapes.Conversation.model_validate(view)


@router.post(ONE + "/reopen", responses=fails(409))
async def reopen(runtime: App, conversation_id: UUID, access: Replies) -> shapes.Conversation:
    """Opens a closed conversation again; it waits for a person."""
    view = await runtime.inbox.reopen(access.scope, conversation_id, actor=access.principal.actor)
    return shapes.Conversation.model_validate(view)


@router.put(ONE + "/assigned", responses=fails(409))
async def assign(runtime: App, conversation_id: UUID, body: shapes.Assignment, access: Replies) -> shapes.Conversation:
    """Gives the conversation to a member of the account, or to nobody."""
    view = await runtime.inbox.assign(access.scope, conversation_id, body.member, actor=access.principal.actor)
    return shapes.Conversation.model_validate(view)


@router.put(ONE + "/mode", responses=fails(409))
async def set_mode(
    runtime: App, conversation_id: UUID, body: shapes.ModeChoice, access: Replies
) -> shapes.Conversation:
    """Whether the AI answers by itself here, proposes drafts, or is off; whatever the website's rules say."""
    view = await runtime.inbox.set_mode(access.scope, conversation_id, body.mode, actor=access.principal.actor)
    return shapes.Conversation.model_validate(view)


@router.post(ONE + "/notes", status_code=201)
async def note(runtime: App, conversation_id: UUID, body: shapes.Words, access: Replies) -> shapes.Note:
    """A note for those who work there; the visitor never sees it."""
    view = await runtime.inbox.note(access.scope, conversation_id, body.text, actor=access.principal.actor)
    return shapes.Note.model_validate(view)


@router.post(ONE + "/typing", status_code=204)
async def typing(runtime: App, conversation_id: UUID, access: Replies) -> None:
    """Shows the visitor for some seconds that a person is typing. Nothing is stored; call it again while it lasts."""
    await runtime.inbox.typing(access.scope, conversation_id)


@router.get("/drafts", response_model=Page[shapes.Draft])
async def drafts(
    runtime: App,
    pages: Pages,
    access: Reads,
    state: Literal["open", "sent", "rejected", "superseded"] | None = "open",
    conversation: UUID | None = None,
) -> Any:
    """Answers of the AI that wait for a person, or what became of them. Reading is on record."""
    found = await runtime.inbox.drafts.all(
        access.scope,
        state=state,
        conversation_id=conversation,
        after=pages.id,
        limit=pages.more,
        actor=access.principal.actor,
    )
    return pages.page(found, lambda one: one.id, shapes.Draft.model_validate)


@router.post("/drafts/{draft_id}/approve", status_code=201, responses=fails(409))
async def approve(runtime: App, draft_id: UUID, access: Replies, body: shapes.Approval | None = None) -> Message:
    """Sends a draft, as it is or in other words, marked as written by the AI and approved by a person."""
    text = body.text if body else None
    return shown(await runtime.inbox.drafts.approve(access.scope, draft_id, text, actor=access.principal.actor))


@router.post("/drafts/{draft_id}/reject", status_code=204, responses=fails(409))
async def reject(runtime: App, draft_id: UUID, access: Replies, body: shapes.Why | None = None) -> None:
    """Nothing of the draft leaves; the conversation waits for a person."""
    reason = body.reason if body else "wrong_answer"
    await runtime.inbox.drafts.reject(access.scope, draft_id, actor=access.principal.actor, reason=reason)


@router.get("/undelivered", response_model=Page[shapes.Undelivered])
async def undelivered(runtime: App, pages: Pages, access: Reads) -> Any:
    """What channels did not deliver, newest first, without the words."""
    found = await runtime.inbox.undelivered.all(access.scope, after=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.id, shapes.Undelivered.model_validate)


@router.post("/undelivered/{message_id}/resend", status_code=202, responses=fails(409))
async def resend(runtime: App, message_id: UUID, access: Replies) -> dict[str, str]:
    """Sends once more what did not arrive of a message. What did arrive of it is not repeated."""
    await runtime.inbox.undelivered.resend(access.scope, message_id, actor=access.principal.actor)
    return {"status": "queued"}


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def events(
    request: Request,
    runtime: App,
    access: Reads,
    last_event_id: Annotated[UUID | None, Header()] = None,
) -> StreamingResponse:
    """What happens in the website's conversations from now on, or since an event that was seen."""
    stream = runtime.inbox.following.domain(access.scope, last_event_id)
    return sse.respond(stream, _event, request.app.state.stopping)


def _event(happened: Happened) -> bytes:
    data = {"conversation": str(happened.conversation_id), "seq": happened.seq}
    return sse.event(happened.kind, json.dumps(data), happened.id)
