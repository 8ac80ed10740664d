"""The stand-alone consent banner: its files, the answers that it sends, and the page of what can be stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from omniops.errors import NotFound
from omniops.privacy.service import Answer, Circumstances, Signal, jurisdiction, signal_of
from omniops.server.idempotency import Idempotent
from omniops.server.limits import network_of
from omniops.server.openapi import fails
from omniops.server.permissions import App, Public, check_origin
from omniops.server.scripts import BannerFiles, script_file
from omniops.server.visitor_shapes import Chosen
from omniops.web.pages import CSP, render

router = APIRouter(route_class=Idempotent)


class OneAnswer(BaseModel):
    """A yes or no, and the version of the words that were shown."""

    model_config = ConfigDict(extra="forbid")
    purpose: str = Field(max_length=100, examples=["analytics"])
    given: bool
    notice: str = Field(max_length=110, examples=["choice.analytics"])
    version: str = Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])


class Answers(BaseModel):
    """What a visitor chose. `consent` is the browser's random number, where it has one."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(max_length=100, examples=["pk_…"])
    consent: str | None = Field(default=None, max_length=100)
    answers: list[OneAnswer] = Field(
        min_length=1,
        max_length=20,
        examples=[[{"purpose": "analytics", "given": False, "notice": "choice.analytics", "version": "0" * 64}]],
    )
    locale: str = Field(default="en", max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    signal: Signal = "none"


class Stated(BaseModel):
    """What the consent manager of a website recorded, as it recorded it."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(max_length=100, examples=["pk_…"])
    consent: str | None = Field(default=None, max_length=100)
    statement: str = Field(min_length=1, max_length=16_384, examples=["CQSbk4AQSbk4AAcABBENB6FgAAAAAAAAAAAAAAAAAAAA…"])
    locale: str = Field(default="en", max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    signal: Signal = "none"


@router.get("/consent.js", include_in_schema=False, dependencies=[Depends(Public("the banner, on any website"))])
async def banner(request: Request, files: BannerFiles) -> Response:
    """The file that a website's script tag names. Stores nothing and tells nobody before the visitor acts."""
    return script_file(request, files.loader, "public, max-age=3600")


@router.get(
    "/consent/{name}", include_in_schema=False, dependencies=[Depends(Public("the banner's words, on any website"))]
)
async def banner_part(request: Request, files: BannerFiles, name: str) -> Response:
    """The banner's words in one language, or the collector. Names carry a hash, so browsers keep them for good."""
    part = files.parts.get(name)
    if part is None:
        raise NotFound("There is nothing here.")
    return script_file(request, part, "public, max-age=31536000, immutable")


@router.post(
    "/v1/visitor/choices",
    tags=["visitor"],
    dependencies=[Depends(Public("a visitor of a listed website chooses"))],
    responses=fails(403, 404, 429),
)
async def choose(request: Request, runtime: App, body: Answers) -> Chosen:
    """Records a visitor's answers, with the words that were shown. A first yes returns a random number for this
    browser, the last no makes it worthless. A browser's signal wins over a yes."""
    domain = await runtime.accounts.by_widget_key(body.key)
    check_origin(request, domain.origins)
    await runtime.throttle.hit("choices", network_of(request), limit=120, seconds=600)
    circumstances = Circumstances(
        "banner",
        body.locale,
        signal_of(request.headers, body.signal),
        jurisdiction(body.locale, domain.settings.jurisdiction),
    )
    answers = [Answer(one.purpose, one.given, one.notice, one.version) for one in body.answers]
    browser = await runtime.consents.choose(domain.scope, body.consent, answers, circumstances)
    return Chosen(consent=browser.token, answers=dict(browser.answers))


@router.post(
    "/v1/visitor/choices/{source}",
    tags=["visitor"],
    dependencies=[Depends(Public("a website's own consent manager tells what a visitor chose"))],
    responses=fails(403, 404, 429),
)
async def state(request: Request, runtime: App, source: Annotated[str, Path(max_length=60)], body: Stated) -> Chosen:
    """Records what the website's own consent manager says, for the purposes that the website mapped. The statement is
    read here, and trusted for nothing else."""
    domain = await runtime.accounts.by_widget_key(body.key)
    check_origin(request, domain.origins)
    await runtime.throttle.hit("choices", network_of(request), limit=120, seconds=600)
    bridge = runtime.privacy.bridge
    plugin, manager = await bridge.source(domain.scope, source)
    settings = await runtime.on.connected(domain.scope, plugin)
    if settings is None:
        raise NotFound(f"No consent manager {source!r} is connected here.")
    signal = signal_of(request.headers, body.signal)
    country = jurisdiction(body.locale, domain.settings.jurisdiction)
    circumstances = Circumstances(source, body.locale, signal, country)
    browser = await bridge.take(domain.scope, body.consent, manager, body.statement, settings, circumstances)
    return Chosen(consent=browser.token, answers=dict(browser.answers))


@router.get("/cookies", include_in_schema=False, dependencies=[Depends(Public("what can be stored, for everybody"))])
async def cookies(runtime: App) -> HTMLResponse:
    """Everything that can be stored on a visitor's device, from the declarations of core and of each plugin."""
    purposes = runtime.catalog.purposes
    rows = [(cookie, purposes[cookie.purpose]) for cookie in runtime.catalog.cookies]
    body = render(
        "cookies.html",
        needed=[row for row in rows if row[1].basis != "consent"],
        optional=[row for row in rows if row[1].basis == "consent"],
    )
    return HTMLResponse(body, headers={"Content-Security-Policy": CSP, "Cache-Control": "max-age=300"})
