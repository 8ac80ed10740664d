"""The pages about this server that anybody may read: what it is and how it runs, terms, accessibility, licences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse

from omniops import __version__
from omniops.errors import NotFound
from omniops.licences import licences
from omniops.privacy.papers import Paper
from omniops.runtime import Runtime
from omniops.server.permissions import App, Public
from omniops.server.readiness import Readiness
from omniops.server.register import Format, cell_words
from omniops.web.pages import CSP, render

router = APIRouter(include_in_schema=False)
LOOKED_AT = date(2026, 12, 1)
"""When the statement on accessibility was last compared with what is tested."""
SECURITY_DAYS = 180
"""How long what `security.txt` says may be taken as true (RFC 9116, section 2.5.5: less than a year)."""


@router.get("/", dependencies=[Depends(Public("what this server is and how it runs, for everybody"))])
async def landing(request: Request, runtime: App) -> Response:
    """What this server is, whether it runs and since when, what does not work at the moment, and where to read on. 503
    where nothing works."""
    found = await Readiness.of(runtime)
    values = {
        "found": found,
        "started": request.app.state.started,
        "now": runtime.clock.now(),
        "version": __version__,
        "source": runtime.settings.source_url,
    }
    return _page(runtime, "landing.html", "/", values, 200 if found.ok else 503)


@router.get("/terms", dependencies=[Depends(Public("the terms for businesses, for everybody"))])
async def terms(runtime: App, written_as: Format = "html") -> Response:
    """The terms between a business and the operator; the operator's own where the settings name them."""
    if runtime.settings.terms_url:
        return RedirectResponse(runtime.settings.terms_url, 302)
    return _paper(runtime, runtime.privacy.agreements.terms(), "/terms", written_as)


@router.get("/terms/agreement", dependencies=[Depends(Public("the data-processing agreement, for everybody"))])
async def agreement(runtime: App, written_as: Format = "html") -> Response:
    """The data-processing agreement as any business would have it, with its annex as it is now."""
    return _paper(runtime, await runtime.privacy.agreements.agreement(), "/terms/agreement", written_as)


@router.get("/accessibility", dependencies=[Depends(Public("how far everybody can use it, for everybody"))])
async def accessibility(runtime: App) -> Response:
    """What was tested and how, what is known not to work, and whom to tell."""
    return _page(runtime, "accessibility.html", "/accessibility", {"looked_at": LOOKED_AT})


@router.get("/licences", dependencies=[Depends(Public("whose software runs here, for everybody"))])
async def third_parties(runtime: App) -> Response:
    """Every distribution that this installation is made of, with the licence that it names."""
    ours = {report.distribution for report in runtime.seams.reports.values() if report.distribution}
    values = {"rows": licences(("omniops", *sorted(ours - {"omniops"}))), "source": runtime.settings.source_url}
    return _page(runtime, "licences.html", "/licences", values)


@router.get("/.well-known/security.txt", dependencies=[Depends(Public("where weaknesses are reported"))])
async def security(runtime: App) -> PlainTextResponse:
    """Whom to tell of a weakness (RFC 9116). There is none where the operator names no contact."""
    if not runtime.settings.security_contact:
        raise NotFound("The operator of this server has named no contact for weaknesses.")
    midnight = runtime.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    said = (
        f"Contact: {runtime.settings.security_contact}\n"
        f"Expires: {midnight + timedelta(days=SECURITY_DAYS):%Y-%m-%dT%H:%M:%SZ}\n"
        "Preferred-Languages: en\n"
        f"Canonical: {runtime.settings.public_url}/.well-known/security.txt\n"
    )
    return PlainTextResponse(said, headers={"Cache-Control": "max-age=3600"})


def _paper(runtime: Runtime, paper: Paper, path: str, written_as: str) -> Response:
    if written_as == "json":
        return JSONResponse(paper.to_json())
    if written_as == "markdown":
        return PlainTextResponse(paper.markdown(), media_type="text/markdown")
    return _page(runtime, "contract.html", path, {"paper": paper, "cell": cell_words})


def _page(runtime: Runtime, template: str, path: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
    settings = runtime.settings
    about = {
        "name": settings.legal_name or "OmniOps",
        "operator": settings,
        "key": None,
        "here": path,
        "canonical": settings.public_url + path,
    }
    body = render(template, **about, **values)
    return HTMLResponse(body, status, {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})
