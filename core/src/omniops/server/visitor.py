"""The visitor API: what the widget and apps use. No cookie is ever set or read here."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from omniops.accounts.look import tint
from omniops.accounts.service import DomainView
from omniops.conversation.follow import Typing
from omniops.conversation.messages import MessageView
from omniops.conversation.turns import TurnEvent
from omniops.conversation.wording import say
from omniops.privacy.catalog import Catalog
from omniops.privacy.rights.words import spoken
from omniops.privacy.service import Answer, Circumstances, Signal, cautions, choices, jurisdiction, signal_of
from omniops.server import sse
from omniops.server.idempotency import Idempotent
from omniops.server.limits import OpenStreams, WritingVisitor, network_of
from omniops.server.openapi import fails
from omniops.server.permissions import App, CurrentVisitor, Public, check_origin
from omniops.server.scripts import BannerFiles
from omniops.server.visitor_conversations import shown
from omniops.server.visitor_shapes import Body, Config, Current, Moved, RunningTurn, Session
from omniops.web.pages import preferences_title, preferences_url

router = APIRouter(prefix="/v1/visitor", tags=["visitor"], route_class=Idempotent)


_LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
_LAST = 2**31 - 1
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events. Of an answer: `disclosure`, `message`, `turn`, `level`, `text`, `cite`, "
        "`card`, `tool` (one runs), `consent` (these ended by what was said), `reset` (what was shown of this answer "
        "is taken back), and one of `done`, `none`, `error` at the end; of a conversation: `message`, and `typing` "
        "while a person is. `id` numbers the events: a cut stream is taken up again behind one. A comment line every "
        "15 seconds is a sign of life.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event.",
                    "required": ["id", "event", "data"],
                    "properties": {
                        "id": {"type": "string"},
                        "event": {
                            "enum": [
                                *("disclosure", "message", "turn", "level", "text", "cite", "card", "tool", "consent"),
                                *("reset", "done", "none", "error", "typing"),
                            ]
                        },
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                },
                "example": 'id: 4\nevent: text\ndata: {"text": "Delivery takes four working days."}\n\n',
            }
        },
    }
}


class NewSession(Body):
    key: str = Field(max_length=100, examples=["pk_1B2M2Y8AsgTpgAmY7PhCfg"])
    language: str = Field(default="en", max_length=35, pattern=_LANGUAGE)


class NewMessage(Body):
    text: str = Field(
        max_length=20_000, description="At most 4,000 characters count.", examples=["How long does delivery take?"]
    )
    language: str | None = Field(default=None, max_length=35, pattern=_LANGUAGE)
    consent: str | None = Field(
        default=None,
        max_length=100,
        description="The number of the browser's choices, where it has one: what words take back ends there too.",
    )


class NewFeedback(Body):
    message: UUID
    helpful: bool
    reason: Literal["wrong", "incomplete", "outdated", "not_my_question", "hard_to_read", "other"] | None = None
    comment: str | None = Field(default=None, max_length=500)


class ToAi(Body):
    language: str | None = Field(default=None, max_length=35)


class ToPerson(Body):
    language: str | None = Field(default=None, max_length=35)
    email: str | None = Field(
        default=None, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$"
    )


class Consent(Body):
    """`version` is that of the words that were shown; without it, those that `config` gives now are meant."""

    purpose: str = Field(max_length=100, examples=["chat.remember"])
    given: bool
    version: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    method: Literal["widget", "api"] = "api"
    locale: str = Field(default="", max_length=35, pattern=r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$")
    signal: Signal = "none"


def _config(
    domain: DomainView, catalog: Catalog, collector: str, language: str, public_url: str, now: datetime
) -> Config:
    settings, tongue = domain.settings, spoken(language)
    asked = ("chat.remember", "analytics") if settings.count_visits else ("chat.remember",)
    presence = settings.hours.at(now) if settings.hours else None
    values = {
        "title": domain.title,
        "language": settings.language,
        "disclosure": say("disclosure", language),
        "people_hours": settings.people_hours,
        "people": presence
        and {
            "open": presence.open,
            "until": presence.until,
            "opens": presence.opens,
            "minutes": settings.hours and settings.hours.answer_minutes,
        },
        "brand": tint(settings.brand),
        "suggestions": settings.suggestions,
        "placeholder": settings.placeholder,
        "choices": [choice.to_json() for choice in choices(catalog, language) if choice.purpose in asked],
        "collector": f"consent/{collector}" if settings.count_visits else None,
        "notices": [{"id": notice.id, "version": notice.version, "text": notice.body} for notice in cautions(language)],
        "proof_url": f"{public_url}/privacy/{domain.widget_key}",
        "choices_url": f"{public_url}{preferences_url(domain.widget_key, tongue)}#",
        "choices_title": preferences_title(tongue),
        "enforce_identity": settings.enforce_identity,
        "attachment_bytes": settings.attachment_bytes if settings.attachment_count else 0,
    }
    return Config.model_validate(values)


def _turn_event(event: TurnEvent) -> bytes:
    return sse.event(event.kind, json.dumps(event.data, ensure_ascii=False), event.seq)


def _message_event(message: MessageView | Typing) -> bytes:
    if isinstance(message, Typing):
        return sse.event("typing", "{}", message.after)
    return sse.event("message", json.dumps(message.to_json(), ensure_ascii=False), message.seq)


@router.get(
    "/config",
    dependencies=[Depends(Public("the widget's look, for any visitor of a listed website"))],
    responses=fails(403, 404),
)
async def config(
    request: Request,
    response: Response,
    runtime: App,
    files: BannerFiles,
    key: str = Query(max_length=100),
    language: str | None = Query(default=None, max_length=35),
) -> Config:
    """What the chat shows before anything was asked, in a language that it has. Stores nothing of the visitor."""
    domain = await runtime.accounts.by_widget_key(key)
    check_origin(request, domain.origins)
    await runtime.accounts.sighted(domain, request.headers.get("origin"))
    response.headers["Cache-Control"] = "max-age=60"
    response.headers["Vary"] = "Origin"
    wanted = language or domain.settings.language
    return _config(domain, runtime.catalog, files.collector, wanted, runtime.settings.public_url, runtime.clock.now())


@router.post(
    "/sessions",
    status_code=201,
    dependencies=[Depends(Public("a visitor starts a chat"))],
    responses=fails(403, 404, 429),
)
async def start(request: Request, runtime: App, body: NewSession) -> Session:
    """A session for a visitor who asks something, good for this domain and the website that it is opened on."""
    domain = await runtime.accounts.by_widget_key(body.key)
    check_origin(request, domain.origins)
    limit = runtime.settings.visitor_sessions
    await runtime.throttle.hit("visitor sessions", network_of(request), limit=limit, seconds=600)
    token, visitor = await runtime.visitors.open(domain, body.language, request.headers.get("origin"))
    return Session(token=token, expires_at=visitor.expires_at)


@router.get("/conversation")
async def conversation(runtime: App, visitor: CurrentVisitor) -> Current:
    """The conversation that the session writes in, with its newest messages."""
    history = await runtime.conversations.history(visitor)
    running = history.running
    return Current(
        id=visitor.conversation_id,
        state=history.state,
        running_turn=RunningTurn(id=running.id, seq=running.seq) if running else None,
        messages=[shown(message) for message in history.messages],
        consents=dict(await runtime.consents.of(visitor.scope, visitor.subject_id)),
        verified=visitor.verified,
        ai_opt_out=await runtime.visiting.opt_outs.is_out(visitor),
        expires_at=visitor.expires_at,
    )


@router.post("/messages", response_class=StreamingResponse, responses={**STREAM, **fails(409)})
async def ask(
    request: Request,
    runtime: App,
    streams: OpenStreams,
    visitor: WritingVisitor,
    body: NewMessage,
    idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """Asks. The answer is streamed; the first events say that the message is durable."""
    streams.check(visitor)
    domain = await runtime.accounts.domain(visitor.scope)
    if body.consent is not None:
        await runtime.consents.chats(visitor.scope, body.consent, visitor.subject_id)
    events = await runtime.conversations.ask(
        visitor, domain, body.text, idempotency_key or uuid4().hex, body.language or domain.settings.language
    )
    return sse.respond(streams.seated(visitor, events), _turn_event, request.app.state.stopping)


@router.get("/turns/{turn_id}/events", response_class=StreamingResponse, responses={**STREAM, **fails(429)})
async def resume(
    request: Request,
    runtime: App,
    streams: OpenStreams,
    visitor: CurrentVisitor,
    turn_id: UUID,
    after: int = Query(default=0, ge=0, le=_LAST),
) -> StreamingResponse:
    """Follows a turn that was begun before, from after event `after`."""
    streams.check(visitor)
    events = await runtime.conversations.follow(visitor, turn_id, after)
    return sse.respond(streams.seated(visitor, events), _turn_event, request.app.state.stopping)


@router.post("/turns/{turn_id}/stop", status_code=204)
async def stop(runtime: App, visitor: WritingVisitor, turn_id: UUID) -> None:
    """Stops an answer at once."""
    await runtime.conversations.stop(visitor, turn_id)


@router.get("/events", response_class=StreamingResponse, responses={**STREAM, **fails(429)})
async def events(
    request: Request,
    runtime: App,
    streams: OpenStreams,
    visitor: CurrentVisitor,
    after: int = Query(default=0, ge=0, le=_LAST),
) -> StreamingResponse:
    """New messages of the conversation as they are written, people's among them."""
    streams.check(visitor)
    messages = runtime.conversations.follow_messages(visitor, after)
    return sse.respond(streams.seated(visitor, messages), _message_event, request.app.state.stopping)


@router.post("/feedback", status_code=204, responses=fails(404))
async def feedback(runtime: App, visitor: WritingVisitor, body: NewFeedback) -> None:
    """Whether an answer helped, and why; the last one counts."""
    await runtime.conversations.feedback(
        visitor, body.message, helpful=body.helpful, reason=body.reason, comment=body.comment
    )


@router.post("/person", responses=fails(409))
async def person(runtime: App, visitor: WritingVisitor, body: ToPerson) -> Moved:
    """Hands the conversation to a person."""
    domain = await runtime.accounts.domain(visitor.scope)
    language = body.language or domain.settings.language
    message = await runtime.conversations.to_person(visitor, domain, language, body.email)
    return Moved(state="waiting", message=shown(message))


@router.post("/ai", responses=fails(409))
async def back_to_ai(runtime: App, visitor: WritingVisitor, body: ToAi | None = None) -> Moved:
    """Gives the conversation back to the AI."""
    domain = await runtime.accounts.domain(visitor.scope)
    language = (body and body.language) or domain.settings.language
    message = await runtime.conversations.to_ai(visitor, language)
    return Moved(state="ai", message=shown(message))


@router.post("/consent", status_code=204)
async def consent(request: Request, runtime: App, visitor: WritingVisitor, body: Consent) -> None:
    """Records a yes or no to an optional purpose. A browser's signal that forbids it wins over a yes."""
    domain = await runtime.accounts.domain(visitor.scope)
    locale = body.locale or domain.settings.language
    shown = {choice.purpose: choice.version for choice in choices(runtime.catalog, domain.settings.language)}
    version = body.version or shown.get(body.purpose, "")
    circumstances = Circumstances(
        body.method,
        locale,
        signal_of(request.headers, body.signal),
        jurisdiction(locale, domain.settings.jurisdiction),
    )
    answer = Answer(body.purpose, body.given, f"choice.{body.purpose}", version)
    await runtime.consents.record(visitor.scope, visitor.subject_id, answer, circumstances, actor=visitor.actor)
