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
_CONFLICTS = frozenset({"turn_running", "crawl_running"})


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
        case Refused(reason="wrong_credentials" | "not_signed_in"):
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
        headers = {}
        if status in (429, 503):
            wait = getattr(error, "retry_after", None)
            headers["Retry-After"] = str(max(1, round(wait))) if wait else "2"
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        extra = {"where": error.where} if isinstance(error, Rejected) and error.where else {}
        detail = str(error) if status != 500 else "The server could not do this."
        if status == 500:
            request.app.state.log.error("request.failed", exc_info=error)
        return problem(request, status, code, detail, headers=headers, **extra)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(request, 422, "invalid", f"{where}: {first['msg']}.", where=where)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "media_type"}.get(
            error.status_code, "http"
        )
        return problem(request, error.status_code, code, f"{error.detail}.", headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        request.app.state.log.error("request.failed", exc_info=error)
        return problem(request, 500, "failed", "The server could not do this.")
