"""Ids and time, in one place so that tests can replace the clock and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): unguessable in its 74 random bits, and roughly in order of time for the index."""
    return uuid7()


class Clock(Protocol):
    """The only source of time for deadlines, retention and leases."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock(SystemClock):
    """The machine's clock put forward by `ahead` (or back, where that is negative): for another time than now."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def utcnow() -> datetime:
    """Default factory for `created_at` columns, which record a fact and drive no rule."""
    return datetime.now(UTC)
