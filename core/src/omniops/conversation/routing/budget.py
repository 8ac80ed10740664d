"""What may be done at all: extra calls as a share of calls, and pauses that a vendor or a refused key asks for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

Now = Callable[[], float]
"""Seconds of a clock that never goes back."""


class Share:
    """Admits extra calls up to a share of the calls in a sliding window, and always up to `least` of them.

    Without it, retries multiply the load on a vendor just when the vendor fails.
    """

    def __init__(self, now: Now, *, share: float, window: float, least: int) -> None:
        self._now = now
        self._share, self._window, self._least = share, window, least
        self._calls: deque[float] = deque()
        self._extras: deque[float] = deque()

    def call(self) -> None:
        """Counts the first call of a round."""
        self._calls.append(self._now())
        self._forget()

    @property
    def left(self) -> int:
        """How many extra calls may be made now."""
        self._forget()
        return max(self._least, int(self._share * len(self._calls))) - len(self._extras)

    def extra(self) -> bool:
        """Takes one extra call out of the budget. False where none is left: then it is not made."""
        if self.left <= 0:
            return False
        self._extras.append(self._now())
        return True

    def _forget(self) -> None:
        before = self._now() - self._window
        for times in (self._calls, self._extras):
            while times and times[0] <= before:
                times.popleft()


class Holds:
    """What is not asked until a time, by key, and why. The longer of two holds stays."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._until: dict[Hashable, tuple[float, str]] = {}

    def hold(self, key: Hashable, seconds: float, why: str) -> bool:
        """Returns whether nothing held it before."""
        held, until = self.get(key), self._now() + seconds
        if held is None or until > self._until[key][0]:
            self._until[key] = (until, why)
        return held is None

    def get(self, key: Hashable) -> tuple[float, str] | None:
        """Seconds left and why, or None."""
        until, why = self._until.get(key, (0.0, ""))
        left = until - self._now()
        if left > 0:
            return left, why
        self._until.pop(key, None)
        return None
