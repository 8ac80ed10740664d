"""The visitor API: what the widget and apps use. No cookie is ever set or read here."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from omniops.accounts.service import DomainView
from omniops.conversation.messages import MessageView
from omniops.conversation.turns import TurnEvent
from omniops.conversation.wording import say
from omniops.errors import Rejected
from omniops.server import sse
from omniops.server.permissions import App, CurrentVisitor, Public, check_origin

router = APIRouter(prefix="/v1/visitor", tags=["visitor"])


class Body(BaseModel):
    """Bodies take the fields that they name and no others."""

    model_config = ConfigDict(extra="forbid")


class NewSession(Body):
    key: str = Field(max_length=100)
    language: str = Field(default="en", max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")


class NewMessage(Body):
    text: str = Field(max_length=20_000)
    language: str | None = Field(default=None, max_length=35)


class NewFeedback(Body):
    message: UUID
    helpful: bool


class ToPerson(Body):
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


class Consent(Body):
    purpose: str = Field(max_length=100)
    given: bool
    signal: Literal["none", "gpc", "dnt"] = "none"


def _config(domain: DomainView, proof_url: str | None) -> dict[str, Any]:
    settings = domain.settings
    return {
        "title": domain.title,
        "language": settings.language,
        "disclosure": say("disclosure", settings.language),
        "people_hours": settings.people_hours,
        "suggestions": settings.suggestions,
        "placeholder": settings.placeholder,
        "choices": [
            {
                "purpose": "chat.remember",
                "title": say("remember", settings.language),
                "note": say("remember_note", settings.language),
            }
        ],
        "proof_url": proof_url,
    }


def _turn_event(event: TurnEvent) -> bytes:
    return sse.event(event.kind, json.dumps(event.data, ensure_ascii=False), event.seq)


def _message_event(message: MessageView) -> bytes:
    return sse.event("message", json.dumps(message.to_json(), ensure_ascii=False), message.seq)


@router.get("/config", dependencies=[Depends(Public("the widget's look, for any visitor of a listed website"))])
async def config(request: Request, response: Response, runtime: App, key: str = Query(max_length=100)) -> Any:
    """What the chat shows before anything was asked. Stores nothing."""
    domain = await runtime.accounts.by_widget_key(key)
    check_origin(request, domain.origins)
    response.headers["Cache-Control"] = "max-age=60"
    response.headers["Vary"] = "Origin"
    return _config(domain, None)


@router.post("/sessions", status_code=201, dependencies=[Depends(Public("a visitor starts a chat"))])
async def start(request: Request, runtime: App, body: NewSession) -> dict[str, str]:
    """A session for a visitor who asks something."""
    domain = await runtime.accounts.by_widget_key(body.key)
    check_origin(request, domain.origins)
    await runtime.throttle.hit("visitor sessions", _network(request), limit=60, seconds=600)
    token, _ = await runtime.visitors.open(domain, body.language)
    return {"token": token}


@router.delete("/session", status_code=204)
async def end(request: Request, runtime: App, visitor: CurrentVisitor) -> None:
    """Ends the session; its token stops working."""
    await runtime.visitors.end(request.headers["authorization"].partition(" ")[2])


@router.get("/conversation")
async def conversation(runtime: App, visitor: CurrentVisitor) -> dict[str, Any]:
    """The visitor's own conversation."""
    history = await runtime.conversations.history(visitor)
    running = history.running
    return {
        "state": history.state,
        "running_turn": {"id": str(running.id), "seq": running.seq} if running else None,
        "messages": [message.to_json() for message in history.messages],
        "consents": await runtime.consents.of(visitor.scope, visitor.subject_id),
    }


@router.post("/messages", response_class=StreamingResponse)
async def ask(
    request: Request,
    runtime: App,
    visitor: CurrentVisitor,
    body: NewMessage,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """Asks. The answer is streamed; the first events say that the message is durable."""
    domain = await runtime.accounts.domain(visitor.scope)
    events = await runtime.conversations.ask(
        visitor, domain, body.text, idempotency_key or uuid4().hex, body.language or domain.settings.language
    )
    return sse.respond(events, _turn_event, request.app.state.stopping)


@router.get("/turns/{turn_id}/events", response_class=StreamingResponse)
async def resume(
    request: Request, runtime: App, visitor: CurrentVisitor, turn_id: UUID, after: int = Query(default=0, ge=0)
) -> StreamingResponse:
    """Follows a turn that was begun before, from after event `after`."""
    events = await runtime.conversations.follow(visitor, turn_id, after)
    return sse.respond(events, _turn_event, request.app.state.stopping)


@router.post("/turns/{turn_id}/stop", status_code=204)
async def stop(runtime: App, visitor: CurrentVisitor, turn_id: UUID) -> None:
    """Stops an answer at once."""
    await runtime.conversations.stop(visitor, turn_id)


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request, runtime: App, visitor: CurrentVisitor, after: int = Query(default=0, ge=0)
) -> StreamingResponse:
    """New messages of the conversation as they are written, people's among them."""
    messages = runtime.conversations.follow_messages(visitor, after)
    return sse.respond(messages, _message_event, request.app.state.stopping)


@router.post("/feedback", status_code=204)
async def feedback(runtime: App, visitor: CurrentVisitor, body: NewFeedback) -> None:
    """Whether an answer helped."""
    await runtime.conversations.feedback(visitor, body.message, helpful=body.helpful)


@router.post("/person")
async def person(runtime: App, visitor: CurrentVisitor, body: ToPerson) -> dict[str, Any]:
    """Hands the conversation to a person."""
    domain = await runtime.accounts.domain(visitor.scope)
    message = await runtime.conversations.to_person(visitor, domain.settings.language, body.email)
    return {"state": "waiting", "message": message.to_json()}


@router.post("/ai")
async def back_to_ai(runtime: App, visitor: CurrentVisitor) -> dict[str, Any]:
    """Gives the conversation back to the AI."""
    domain = await runtime.accounts.domain(visitor.scope)
    message = await runtime.conversations.to_ai(visitor, domain.settings.language)
    return {"state": "ai", "message": message.to_json()}


@router.post("/consent", status_code=204)
async def consent(runtime: App, visitor: CurrentVisitor, body: Consent) -> None:
    """Records a yes or no to an optional purpose. A browser's signal that forbids it wins over a yes."""
    if body.given and body.signal != "none" and body.purpose != "chat.remember":
        raise Rejected("The browser's signal forbids this purpose.", code="signal_forbids", where="given")
    await runtime.consents.record(
        visitor.scope, visitor.subject_id, body.purpose, given=body.given, actor=visitor.actor
    )


def _network(request: Request) -> str:
    """The visitor's network, coarse on purpose: /24 or /48. Hashed with a key before it is counted."""
    host = request.client.host if request.client else ""
    return ".".join(host.split(".")[:3]) if "." in host else ":".join(host.split(":")[:3])
