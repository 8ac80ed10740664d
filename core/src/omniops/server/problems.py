"""Errors as RFC 9457 problem documents, and as a page for who looks at one in a browser. What a person reads is our own
sentence; a stack trace never leaves.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from omniops.errors import (
    EgressRefused,
    NotFound,
    NotReachable,
    NotReady,
    OmniOpsError,
    Reconnect,
    Refused,
    Rejected,
    SecondFactorNeeded,
    Throttled,
)
from omniops.server.forms import in_dashboard, sign_in_address
from omniops.web.pages import CSP, render

MEDIA_TYPE = "application/problem+json"
INSIDE = "The server could not do this."
"""All that is said of an error of our own."""
_CONFLICTS = frozenset(
    {
        "turn_running",
        "crawl_running",
        "not_verified",
        "paused",
        "conversation_closed",
        "ai_opted_out",
        "identified_as_another",
        "review_resolved",
        "already_decided",
        "tool_gone",
        "webhook_disabled",
        "still_waiting",
        "request_running",
        "outcome_unknown",
        "not_in_state",
        "draft_decided",
        "already_connected",
        "not_failed",
        "taken_over",
        "window_over",
    }
)
_NOT_SIGNED_IN = frozenset(
    {"wrong_credentials", "not_signed_in", "bad_signature", "second_factor_needed", "wrong_code", "sign_in_over"}
)
_CODES = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}


def problem(
    request: Request, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> Response:
    """One problem document. `code` is stable and meant for programs; `detail` is a sentence for people, who get it as a
    page where they asked for one."""
    if _wants_page(request):
        return _page(request, status, detail, headers or {})
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": getattr(request.state, "request_id", ""),
        **extra,
    }
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def _wants_page(request: Request) -> bool:
    """Whether a browser went to an address, or sent a form of the dashboard: of the API nobody gets pages, whatever
    they accept."""
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/v1/"):
        return False
    return request.method in ("GET", "HEAD") or in_dashboard(request.url.path)


def _page(request: Request, status: int, detail: str, headers: dict[str, str]) -> HTMLResponse:
    title = "There is nothing here" if status == 404 else "This did not work"
    reference = "" if status == 404 else getattr(request.state, "request_id", "")
    body = render("problem.html", title=title, text=detail, request_id=reference)
    return HTMLResponse(body, status, {**headers, "Content-Security-Policy": CSP, "Cache-Control": "no-store"})


def status_of(error: OmniOpsError) -> tuple[int, str]:
    """The HTTP status and stable code of one of our errors."""
    match error:
        case Rejected():
            return (409 if error.code in _CONFLICTS else 422), error.code
        case NotFound():
            return 404, "not_found"
        case EgressRefused():
            return 502, "egress_refused"
        case Refused(reason=reason) if reason in _NOT_SIGNED_IN:
            return 401, error.reason
        case Refused():
            return 403, error.reason
        case Throttled():
            return 429, "throttled"
        case NotReady():
            return 503, "not_ready"
        case NotReachable():
            return 503, "not_reachable"
        case Reconnect():
            return 409, "reconnect"
        case _:
            return 500, "failed"


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""

    @app.exception_handler(OmniOpsError)
    async def ours(request: Request, error: OmniOpsError) -> Response:
        status, code = status_of(error)
        if status == 500:
            return unexpected(request, error)
        if code == "not_signed_in" and in_dashboard(request.url.path) and _wants_page(request):
            return RedirectResponse(sign_in_address(request), 303, {"Cache-Control": "no-store"})
        headers = {}
        if status in (429, 503):
            wait = getattr(error, "retry_after", None)
            headers["Retry-After"] = str(max(1, round(wait))) if wait else "2"
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        extra = {"where": error.where} if isinstance(error, Rejected) and error.where else {}
        if isinstance(error, SecondFactorNeeded):
            extra = {"ticket": error.ticket}
        return problem(request, status, code, str(error), headers=headers, **extra)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(request, 422, "invalid", f"{where}: {first['msg']}.", where=where)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "http")
        headers = dict(error.headers or {})
        said = {
            404: "There is nothing here",
            405: f"{request.method} is not taken here; {headers.get('Allow', 'another method')} is",
        }
        detail = said.get(error.status_code, error.detail).removesuffix(".")
        return problem(request, error.status_code, code, f"{detail}.", headers=headers)


def unexpected(request: Request, error: Exception) -> Response:
    """What nobody foresaw: logged under the request's id, and of it nothing is told. Called by `Envelope`, within the
    headers that every answer has; Starlette's own handler would stand outside of them."""
    request_id = getattr(request.state, "request_id", "")
    request.app.state.log.error("request.failed", request=request_id, exc_info=error)
    return problem(request, 500, "failed", INSIDE)
