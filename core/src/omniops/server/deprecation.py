"""Routes that will go: said in each of their answers (RFC 9745 and RFC 8594) for a year before they do.

The policy for people is in `docs/api-policy.md`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from fastapi import Depends, Request

LEAST = timedelta(days=365)
"""From the day that a route is deprecated to the day that it may go."""
STATE = "deprecation"
"""Where a request's headers wait for `Envelope`, which puts them on every answer, errors too."""


class Deprecated:
    """A dependency that marks a route. `instead` is a path of the API or a page that tells what to do."""

    def __init__(self, since: date, sunset: date, instead: str) -> None:
        if sunset - since < LEAST:
            raise ValueError(f"From {since} to {sunset} is less than the {LEAST.days} days that the policy promises.")
        self.since, self.sunset, self.instead = since, sunset, instead

    async def __call__(self, request: Request) -> None:
        setattr(
            request.state,
            STATE,
            [
                (b"deprecation", f"@{int(_midnight(self.since).timestamp())}".encode()),
                (b"sunset", format_datetime(_midnight(self.sunset), usegmt=True).encode()),
                (b"link", f'<{self.instead}>; rel="successor-version"'.encode()),
            ],
        )


def deprecated(since: date, sunset: date, instead: str) -> dict[str, Any]:
    """For routes: `@router.get("/old", **deprecated(date(2027, 1, 1), date(2028, 1, 1), "/v1/new"))`.

    Raises `ValueError` for a sunset that is too soon.
    """
    return {
        "deprecated": True,
        "dependencies": [Depends(Deprecated(since, sunset, instead))],
        "openapi_extra": {"x-sunset": sunset.isoformat()},
    }


def mark_of(route: Any) -> Deprecated | None:
    """The mark of a route, or None."""
    return next((one.call for one in route.dependant.dependencies if isinstance(one.call, Deprecated)), None)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
