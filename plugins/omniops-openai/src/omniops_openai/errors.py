"""The SDK's errors, and those that slip past it, as the few meanings that the router knows. Messages name a code and
never the vendor's own words, which may repeat what the visitor wrote."""

from __future__ import annotations

import re
from typing import Any

from omniops.contracts.provider import ErrorKind, ProviderError
from omniops.contracts.vendor import STATUS_KINDS, failure, kind_of, seconds
from omniops.errors import EgressRefused

REFUSED = frozenset({"bio_policy", "misalignment_policy_violation", "content_filter", "content_policy_violation"})
"""Codes that are no failure but a refusal to answer this."""
_CODES: dict[str, ErrorKind] = {
    "rate_limit_exceeded": "rate_limit",
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "invalid_api_key": "auth",
    "account_deactivated": "auth",
    "model_not_found": "model",
    "model_not_available": "model",
    "model_deprecated": "model",
    "deploymentnotfound": "model",
    "context_length_exceeded": "context_length",
    "exceed_context_size_error": "context_length",
    "string_above_max_length": "context_length",
    "data_residency_mismatch": "residency",
    "invalid_prompt": "invalid",
    "invalid_request_error": "invalid",
    "server_overloaded": "overloaded",
    "slow_down": "overloaded",
    "server_error": "server",
}
_TOO_LONG = re.compile(r"context (length|size|window)|too many tokens|prompt is too long", re.IGNORECASE)


def told(
    code: str | None,
    *,
    kind: ErrorKind | None = None,
    status: int | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    """The error behind a code. A code that nobody knows is the server's own failure."""
    kind = kind or _CODES.get((code or "").lower(), "server")
    return failure("The model's server", kind, code=code, status=status, retry_after=retry_after, request_id=request_id)


def truncated() -> ProviderError:
    return told(None, kind="truncated")


def refused_as(error: Exception) -> str | None:
    """The code of an error that says that the vendor will not answer this, as Azure's filter does. None for others."""
    code = _code(error)
    return code if code in REFUSED else None


def problem(error: Exception) -> ProviderError:
    """What any exception of the SDK, the transport or our reading means. Call it after the SDK was imported."""
    import httpx2
    import openai

    if isinstance(error, ProviderError):
        return error
    if isinstance(error, EgressRefused):
        return told(error.reason, kind="residency")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return told(None, kind="timeout")
    if isinstance(error, openai.APIConnectionError | httpx2.TransportError | httpx2.StreamError | OSError):
        return told(None, kind="connection")
    if isinstance(error, openai.APIError) and type(error) is openai.APIError:
        return told(_code(error))
    return told(None, kind="malformed")


def _by_status(error: Any) -> ProviderError:
    status: int = error.status_code
    code = _code(error)
    kind = _CODES.get((code or "").lower())
    if kind is None and code is not None and str(getattr(error, "param", None)) == "model":
        kind = "model"
    if status in (400, 422) and kind in (None, "invalid") and _TOO_LONG.search(str(error.message)):
        kind = "context_length"
    if kind is None or (kind == "invalid" and status in STATUS_KINDS):
        kind = kind_of(status)
    after = seconds(error.response.headers.get("retry-after")) if kind in ("rate_limit", "overloaded") else None
    return told(code, kind=kind, status=status, request_id=error.request_id, retry_after=after)


def _code(error: Exception) -> str | None:
    """The vendor's code, else its type; servers put either into either, and numbers too."""
    for name in ("code", "type"):
        found = getattr(error, name, None)
        if isinstance(found, str) and found and not found.isdigit():
            return found
    return None
