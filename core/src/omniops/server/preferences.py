"""The preference centre: the page where a visitor sees and changes every choice, its API, and links in mails."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from omniops.accounts.service import DomainView
from omniops.errors import Refused
from omniops.privacy.service import Answer, Circumstances, Signal, forbids, jurisdiction, signal_of
from omniops.runtime import Runtime
from omniops.server.bearers import Bearer, bearer_of
from omniops.server.consent import OneAnswer
from omniops.server.idempotency import Idempotent
from omniops.server.limits import network_of
from omniops.server.openapi import fails
from omniops.server.permissions import App, Public, check_origin
from omniops.server.visitor_shapes import Body, Chosen, Shape

router = APIRouter(route_class=Idempotent)
LOCALE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
Key = Annotated[str, Query(max_length=100, description="The key in the website's script tag.", examples=["pk_…"])]
Language = Annotated[str | None, Query(max_length=35, pattern=LOCALE)]


class Recipient(BaseModel):
    """Who receives data for a purpose."""

    name: str
    countries: list[str] = Field(description="ISO 3166.")


class Stored(BaseModel):
    """What is kept on the device for a purpose."""

    name: str
    place: str
    days: int = Field(description="0: until the tab or the browser closes.")
    title: str


class Preference(BaseModel):
    """One optional purpose, in the words that are shown, and what stands."""

    purpose: str
    title: str
    note: str
    notice: str
    version: str
    confirmed: bool = Field(description="A yes starts with a link in a mail: `POST /v1/visitor/consent-requests`.")
    forbidden: bool = Field(description="The browser's own signal forbids a yes.")
    opted_out: bool = Field(description="The person opted out, or is a child: a yes does not count until that ends.")
    state: str | None = Field(description="`given`, `refused`, `withdrawn` or `expired`; null: never asked.")
    until: datetime | None = Field(description="When a yes ends by itself.")
    recipients: list[Recipient]
    stored: list[Stored]


class Entry(BaseModel):
    """One answer. Its receipt is at `/v1/visitor/consent-receipts/{id}`."""

    id: UUID
    purpose: str
    event: str = Field(description="`given`, `refused`, `withdrawn`, `expired` or `renewed`.")
    method: str
    signal: str
    at: datetime


class Forget(BaseModel):
    """A key of the browser that must be removed."""

    name: str
    place: str


class Preferences(Shape):
    """Every choice of who asks. `known` is false where no token was shown, or none that is good here."""

    known: bool
    signal: Signal = Field(description="What the browser asks for by itself; it wins over a yes.")
    purposes: list[Preference]
    history: list[Entry]
    forget: list[Forget]


class Standing(Chosen):
    """What stands, and what the browser must remove, by the server's own list."""

    forget: list[Forget]


class Change(Body):
    """New answers of who shows a token."""

    key: str = Field(max_length=100, examples=["pk_…"])
    answers: list[OneAnswer] = Field(
        min_length=1,
        max_length=20,
        examples=[[{"purpose": "analytics", "given": False, "notice": "choice.analytics", "version": "0" * 64}]],
    )
    locale: str = Field(default="en", max_length=35, pattern=LOCALE)
    signal: Signal = "none"


class ConsentRequest(Body):
    """A yes that is confirmed by mail. `version` is that of the words that were shown."""

    key: str = Field(max_length=100, examples=["pk_…"])
    purpose: str = Field(max_length=100, examples=["marketing"])
    email: str = Field(max_length=254, examples=["tom@mail.example"])
    version: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])
    locale: str = Field(default="en", max_length=35, pattern=LOCALE)


async def _domain(request: Request, runtime: Runtime, key: str) -> DomainView:
    domain = await runtime.accounts.by_widget_key(key)
    check_origin(request, domain.origins)
    await runtime.throttle.hit("preferences", network_of(request), limit=600, seconds=600)
    return domain


@router.get(
    "/v1/visitor/preferences",
    tags=["visitor"],
    dependencies=[Depends(Public("every choice, for who shows the token that it was made with"))],
    responses=fails(403, 404, 429),
)
async def preferences(
    request: Request, response: Response, runtime: App, key: Key, language: Language = None
) -> Preferences:
    """Every optional purpose, who receives, what is stored, what was answered when. The token of a browser that chose,
    or of a chat, is given as `Authorization: Bearer`; without one nobody's choices are shown."""
    domain = await _domain(request, runtime, key)
    who = await bearer_of(request, runtime, domain)
    signal = signal_of(request.headers)
    if who is not None:
        await runtime.consents.heed(domain.scope, who.subject_id, signal)
    room = runtime.privacy.preferences
    shown = await room.of(domain, who.subject_id if who else None, language or domain.settings.language)
    history = await room.history(domain.scope, who.subjects if who else ())
    response.headers["Cache-Control"] = "no-store"
    return Preferences(
        known=who is not None,
        signal=signal,
        purposes=[
            Preference(
                **one.choice.to_json(),
                confirmed=one.confirmed,
                forbidden=forbids(signal, one.choice.purpose),
                opted_out=one.shut,
                state=one.state,
                until=one.until,
                recipients=[Recipient(name=r.name, countries=list(r.countries)) for r in one.recipients],
                stored=[
                    Stored(name=cookie.name, place=cookie.place, days=cookie.max_age_days, title=cookie.title)
                    for cookie in one.stored
                ],
            )
            for one in shown
        ],
        history=[
            Entry(id=e.id, purpose=e.purpose, event=e.answer, method=e.method, signal=e.signal, at=e.created_at)
            for e in history
        ],
        forget=_forget(runtime, domain, {one.choice.purpose: one.state or "" for one in shown}),
    )


@router.get(
    "/v1/visitor/choices",
    tags=["visitor"],
    dependencies=[Depends(Public("a browser asks whether its yes still stands"))],
    responses=fails(403, 404, 429),
)
async def standing(request: Request, response: Response, runtime: App, key: Key) -> Standing:
    """What still stands of a browser's choices, wherever they were changed, and what it must remove. `consent` is null
    where the number that it keeps is worth nothing any more."""
    domain = await _domain(request, runtime, key)
    response.headers["Cache-Control"] = "no-store"
    return await _standing(runtime, domain, await bearer_of(request, runtime, domain))


@router.post(
    "/v1/visitor/preferences",
    tags=["visitor"],
    dependencies=[Depends(Public("a choice is changed by who shows the token that it was made with"))],
    responses=fails(401, 403, 404, 429),
)
async def change(request: Request, runtime: App, body: Change) -> Standing:
    """Changes choices: a no takes one call, as a yes does, and holds from the next opening on in every process. Answers
    with what stands then and with what the browser must remove."""
    domain = await _domain(request, runtime, body.key)
    who = await bearer_of(request, runtime, domain)
    if who is None:
        raise Refused("Nobody said yes here.", reason="not_signed_in")
    how = Circumstances(
        "preferences",
        body.locale,
        signal_of(request.headers, body.signal),
        jurisdiction(body.locale, domain.settings.jurisdiction),
    )
    answers = [Answer(one.purpose, one.given, one.notice, one.version) for one in body.answers]
    if who.browser is not None:
        await runtime.consents.choose(domain.scope, who.browser, answers, how, forget=False)
    else:
        for answer in answers:
            await runtime.consents.record(domain.scope, who.subject_id, answer, how, actor=who.actor)
    return await _standing(runtime, domain, who)


@router.get(
    "/v1/visitor/consent-receipts/{event_id}",
    tags=["visitor"],
    dependencies=[Depends(Public("a receipt, for who shows the token that the answer was given with"))],
    response_class=Response,
    responses={
        200: {
            "description": "A signed receipt (JWS); keys at `/.well-known/omniops-receipts.json`.",
            "content": {"application/jose": {"schema": {"type": "string"}}},
        },
        **fails(401, 403, 404, 429),
    },
)
async def receipt(request: Request, runtime: App, event_id: UUID, key: Key) -> Response:
    """What was answered to which words, when and for how long: ISO/IEC TS 27560 as JSON-LD, signed; to keep, and to
    check without this server."""
    domain = await _domain(request, runtime, key)
    who = await bearer_of(request, runtime, domain)
    if who is None:
        raise Refused("Nobody answered here.", reason="not_signed_in")
    signed = await runtime.privacy.receipts.of(domain.scope, who.subjects, event_id)
    return Response(signed, media_type="application/jose", headers={"Cache-Control": "no-store"})


@router.post(
    "/v1/visitor/consent-requests",
    status_code=202,
    tags=["visitor"],
    dependencies=[Depends(Public("a visitor of a listed website asks for a mail that confirms a yes"))],
    responses=fails(403, 404, 429, 503),
)
async def ask(request: Request, runtime: App, body: ConsentRequest) -> None:
    """Sends a link to an address; the yes counts once somebody presses the button behind it. The answer is the same for
    every address."""
    domain = await _domain(request, runtime, body.key)
    await runtime.throttle.hit("consent mail", network_of(request), limit=20, seconds=3600)
    await runtime.throttle.hit("consent mail", f"{domain.id}|{body.email.strip().casefold()}", limit=3, seconds=86_400)
    who = await bearer_of(request, runtime, domain)
    await runtime.privacy.opt_in.ask(
        domain,
        body.purpose,
        body.email,
        body.version,
        locale=body.locale,
        jurisdiction=jurisdiction(body.locale, domain.settings.jurisdiction),
        subject_id=who.subject_id if who is not None and who.browser is None else None,
    )


async def _standing(runtime: Runtime, domain: DomainView, who: Bearer | None) -> Standing:
    states = dict(await runtime.consents.of(domain.scope, who.subject_id)) if who else {}
    return Standing(
        consent=who.browser if who and await runtime.consents.worth(domain.scope, who.subject_id) else None,
        answers=states,
        forget=_forget(runtime, domain, states),
    )


def _forget(runtime: Runtime, domain: DomainView, states: dict[str, str]) -> list[Forget]:
    return [Forget(name=one.name, place=one.place) for one in runtime.privacy.preferences.forget(domain, states)]
