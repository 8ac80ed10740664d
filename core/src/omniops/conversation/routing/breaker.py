"""The breaker of one deployment on one account, judged when a stream is over and not when it opens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from omniops.conversation.routing.budget import Now

IN_A_ROW = 3
"""Failures in a row that open it."""
WINDOW, LEAST_CALLS, SHARE = 30.0, 5, 0.5
"""Seconds looked back, calls from which a share counts, and the share of failures that opens it."""
OPEN_FIRST, OPEN_LONGEST, JITTER = 5.0, 60.0, 0.2
"""Seconds it stays open, doubling up to the longest, and how far each period is moved by chance."""
TRIALS = 2
"""Successes of trials that close it."""

State = Literal["closed", "open", "half_open"]
Outcome = Literal["succeeded", "failed", "neither"]
"""`neither`: the visitor left, or the request itself was at fault; it says nothing of the deployment."""


class Breaker:
    """closed → open → half open → closed.

    Half open admits one call at a time: a trial, with the other candidates standing by. Where there is no other, the
    trial is made all the same: it is the only way back. No lock: all calls come from one event loop.
    """

    def __init__(self, now: Now, uniform: Callable[[float, float], float]) -> None:
        self._now = now
        self._uniform = uniform
        self._calls: deque[tuple[float, bool]] = deque()
        self._in_a_row = 0
        self._until: float | None = None
        self._periods = 0
        self._trying = False
        self._good = 0

    @property
    def state(self) -> State:
        if self._until is None:
            return "closed"
        return "open" if self._now() < self._until else "half_open"

    @property
    def admits(self) -> bool:
        """Whether a call may be made now."""
        state = self.state
        return state == "closed" or (state == "half_open" and not self._trying)

    @property
    def opens_in(self) -> float:
        """Seconds until a trial is admitted."""
        return max(0.0, (self._until or 0.0) - self._now())

    def begin(self) -> bool:
        """Counts a call in. Returns whether it is a trial; give that to `end`, which must follow in any case."""
        if self.state != "half_open":
            return False
        self._trying = True
        return True

    def end(self, outcome: Outcome, *, trial: bool) -> None:
        """Judges a call. What began before the breaker opened and ended after it changes nothing."""
        if trial:
            self._trying = False
            self._end_trial(outcome)
        elif self._until is None and outcome != "neither":
            self._count(outcome == "succeeded")

    def _end_trial(self, outcome: Outcome) -> None:
        if outcome == "failed":
            self._open()
        elif outcome == "succeeded":
            self._good += 1
            if self._good >= TRIALS:
                self._until, self._periods, self._in_a_row = None, 0, 0
                self._calls.clear()

    def _count(self, good: bool) -> None:
        now = self._now()
        self._calls.append((now, good))
        while self._calls[0][0] <= now - WINDOW:
            self._calls.popleft()
        self._in_a_row = 0 if good else self._in_a_row + 1
        if good:
            return
        failures = sum(not was_good for _, was_good in self._calls)
        if self._in_a_row >= IN_A_ROW or (len(self._calls) >= LEAST_CALLS and failures >= SHARE * len(self._calls)):
            self._open()

    def _open(self) -> None:
        period = min(OPEN_LONGEST, OPEN_FIRST * 2.0**self._periods)
        self._until = self._now() + period * self._uniform(1 - JITTER, 1 + JITTER)
        self._periods = min(self._periods + 1, 10)
        self._good = 0
