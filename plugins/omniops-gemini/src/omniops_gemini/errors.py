"""The SDK's errors, and those that slip past it, as the few meanings that the router knows. Messages name a status and
never the vendor's own words, which may repeat what the visitor wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omniops.contracts.provider import ErrorKind, ProviderError
from omniops.contracts.vendor import STATUS_KINDS, failure, kind_of, seconds
from omniops.errors import EgressRefused

_STATES: dict[str, ErrorKind] = {
    "INVALID_ARGUMENT": "invalid",
    "FAILED_PRECONDITION": "auth",
    "OUT_OF_RANGE": "invalid",
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "NOT_FOUND": "model",
    "RESOURCE_EXHAUSTED": "rate_limit",
    "INTERNAL": "server",
    "UNKNOWN": "server",
    "ABORTED": "server",
    "CANCELLED": "server",
    "UNAVAILABLE": "overloaded",
    "DEADLINE_EXCEEDED": "timeout",
}
"""`FAILED_PRECONDITION` speaks of the account: its country, or that it has to be billed."""
_TOO_LONG = re.compile(r"exceeds the maximum number of tokens|token count .* exceeds|context (length|window)", re.I)


def told(
    code: str | None,
    *,
    kind: ErrorKind,
    status: int | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    """One of our errors, with the vendor's status where it is one word."""
    return failure("Gemini", kind, code=code, status=status, retry_after=retry_after)


def truncated() -> ProviderError:
    return told(None, kind="truncated")


def problem(error: Exception) -> ProviderError:
    """What any exception of the SDK, the transport or our reading means. Call it after the SDK was imported."""
    import httpx2
    from google.genai.errors import APIError

    if isinstance(error, ProviderError):
        return error
    if isinstance(error, EgressRefused):
        return told(error.reason, kind="residency")
    if isinstance(error, APIError):
        return _told_by(error)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return told(None, kind="timeout")
    if isinstance(error, httpx2.TransportError | httpx2.StreamError | OSError):
        return told(None, kind="connection")
    return told(None, kind="malformed")


def _told_by(error: Any) -> ProviderError:
    status = error.code if isinstance(error.code, int) else None
    state = error.status if isinstance(error.status, str) else None
    details = list(_details(error.details))
    kind = _STATES.get(state or "")
    if kind is None or (kind == "invalid" and status in STATUS_KINDS):
        kind = kind_of(status or 500)
    if kind == "invalid" and any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        kind = "auth"  # Google says 400 for a key that is none
    if kind == "invalid" and _TOO_LONG.search(str(error.message)):
        kind = "context_length"
    if kind == "rate_limit" and any("PerDay" in str(detail.get("violations")) for detail in details):
        kind = "quota"
    after = _after(error, details) if kind in ("rate_limit", "overloaded", "quota") else None
    return told(state, kind=kind, status=status, retry_after=after)


def _details(told: Any) -> Iterator[Mapping[str, Any]]:
    """The details of `google.rpc.Status`, of whatever shape the body has."""
    inner = told.get("error") if isinstance(told, Mapping) else None
    found = inner.get("details") if isinstance(inner, Mapping) else None
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, Mapping))


def _after(error: Any, details: list[Mapping[str, Any]]) -> float | None:
    """Retry-After, else the delay of `google.rpc.RetryInfo` (`34.5s`), as a number."""
    said = [str(getattr(error.response, "headers", {}).get("retry-after"))]
    said += [str(detail["retryDelay"]).removesuffix("s") for detail in details if "retryDelay" in detail]
    return next((found for one in said if (found := seconds(one)) is not None), None)
