"""Errors as RFC 9457 problem documents. What a person reads is our own sentence; a stack trace never leaves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
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
    Throttled,
)

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
    }
)
_CODES = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}


def problem(
    request: Request, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> JSONResponse:
    """One problem document. `code` is stable and meant for programs; `detail` is a sentence for people."""
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


def status_of(error: OmniOpsError) -> tuple[int, str]:
    """The HTTP status and stable code of one of our errors."""
    match error:
        case Rejected():
            return (409 if error.code in _CONFLICTS else 422), error.code
        case NotFound():
            return 404, "not_found"
        case EgressRefused():
            return 502, "egress_refused"
        case Refused(reason="wrong_credentials" | "not_signed_in" | "bad_signature"):
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
    async def ours(request: Request, error: OmniOpsError) -> JSONResponse:
        status, code = status_of(error)
        if status == 500:
            return unexpected(request, error)
        headers = {}
        if status in (429, 503):
            wait = getattr(error, "retry_after", None)
            headers["Retry-After"] = str(max(1, round(wait))) if wait else "2"
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        extra = {"where": error.where} if isinstance(error, Rejected) and error.where else {}
        return problem(request, status, code, str(error), headers=headers, **extra)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(request, 422, "invalid", f"{where}: {first['msg']}.", where=where)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http")
        headers = dict(error.headers or {})
        said = {
            404: "There is nothing here",
            405: f"{request.method} is not taken here; {headers.get('Allow', 'another method')} is",
        }
        detail = said.get(error.status_code, error.detail).removesuffix(".")
        return problem(request, error.status_code, code, f"{detail}.", headers=headers)


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: logged under the request's id, and of it nothing is told. Called by `Envelope`, within the
    headers that every answer has; Starlette's own handler would stand outside of them."""
    request_id = getattr(request.state, "request_id", "")
    request.app.state.log.error("request.failed", request=request_id, exc_info=error)
    return problem(request, 500, "failed", INSIDE)
