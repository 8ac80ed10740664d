"""Everything that can go wrong at Anthropic, in the few meanings that the router knows.

The order of the questions matters: an error within the stream is an `APIStatusError` with status 200, so its type is
asked before its status; what the gate refuses comes wrapped as a connection error, so it is asked first of all. What
the vendor wrote is never repeated: it may hold what the visitor wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from omniops.contracts.provider import ErrorKind, ProviderError
from omniops.contracts.vendor import failure, kind_of, seconds
from omniops.errors import EgressRefused

if TYPE_CHECKING:
    import anthropic

NAME = "Anthropic"
_TYPES: dict[str, ErrorKind] = {
    "invalid_request_error": "invalid",
    "request_too_large": "invalid",
    "authentication_error": "auth",
    "permission_error": "auth",
    "billing_error": "quota",
    "not_found_error": "model",
    "rate_limit_error": "rate_limit",
    "timeout_error": "server",
    "conflict_error": "server",
    "api_error": "server",
    "overloaded_error": "overloaded",
}


def meaning(error: Exception, *, begun: bool) -> ProviderError:
    """One `ProviderError` for whatever came out of the SDK. `begun`: something of the answer had arrived."""
    import anthropic
    import httpx2

    refused = next((cause for cause in _causes(error) if isinstance(cause, EgressRefused)), None)
    if refused is not None:
        return failure(NAME, "residency", code=refused.reason)
    if isinstance(error, anthropic.APIStatusError):
        return _told(error)
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        return failure(NAME, "timeout", begun=begun)
    if isinstance(error, httpx2.DecodingError | json.JSONDecodeError):
        return failure(NAME, "malformed")
    if isinstance(error, anthropic.APIConnectionError | httpx2.TransportError | OSError):
        return failure(NAME, "connection", begun=begun)
    # A field that is missing or of another type. Nothing of the SDK's may come out of here by its own name.
    return failure(NAME, "malformed")


def truncated() -> ProviderError:
    """The stream ended, and no end had been told."""
    return failure(NAME, "truncated")


def no_key() -> ProviderError:
    """Neither the business nor the operator has a key."""
    return failure(NAME, "auth", code="no_key")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _told(error: anthropic.APIStatusError) -> ProviderError:
    kind = _meant(error)
    code = error.error_code or error.type
    return failure(
        NAME,
        kind,
        code=code if isinstance(code, str) else None,
        status=error.status_code,
        retry_after=seconds(error.response.headers.get("retry-after")),
        request_id=error.request_id,
        scope="deployment" if kind == "residency" else None,  # the region of the deployment is what it refuses
    )


def _meant(error: anthropic.APIStatusError) -> ErrorKind:
    said = error.api_message.lower() if isinstance(error.api_message, str) else ""
    if error.type == "invalid_request_error":
        # Three things that the vendor tells by its words only.
        if "prompt is too long" in said or "context window" in said:
            return "context_length"
        if "credit balance" in said:
            return "quota"
        if "inference_geo" in said:
            return "residency"
    return _TYPES.get(error.type or "") or kind_of(error.status_code)
