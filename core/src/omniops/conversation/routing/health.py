"""What may be asked right now: breakers, holds and times of all deployments, as this process sees them."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Counter, Histogram

from omniops.contracts.plugin import Log
from omniops.contracts.provider import ProviderError
from omniops.conversation.routing.breaker import Breaker, Outcome
from omniops.conversation.routing.budget import Holds, Now, Share
from omniops.conversation.routing.filters import Candidate, Why

ACCOUNT_HOLD = 300.0
"""Seconds that nobody asks with a key that was refused, or for a model that is not there."""
RATE_HOLD, RATE_LONGEST = 5.0, 3600.0
"""Seconds of a rate limit that says none, and the longest that is believed."""
SAMPLES = 20
"""First contents that a percentile needs."""
MOST_LINES = 4096
"""Lines kept. Businesses' own keys make one each."""

_ATTEMPTS = Counter("omniops_provider_attempts", "Calls to deployments, by outcome.", ["deployment", "outcome"])
_FIRST = Histogram("omniops_provider_first_seconds", "Time to the first content of an answer.", ["deployment"])
_REFUSED = Counter("omniops_provider_retry_refused", "Calls that the retry budget did not allow.")
_COST = Counter("omniops_provider_cost_usd", "Cost of answers in USD, as far as prices are known.", ["deployment"])


@dataclass(frozen=True, slots=True)
class Line:
    """A deployment on an account: what a breaker watches."""

    deployment: str
    account: str

    @classmethod
    def of(cls, candidate: Candidate) -> Line:
        return cls(candidate.deployment.name, candidate.account)


@dataclass(slots=True)
class _Record:
    breaker: Breaker
    first: deque[float] = field(default_factory=lambda: deque(maxlen=200))
    last: str = ""
    """Kind of the last error."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that began; `Health.ended` takes it back, once."""

    line: Line
    trial: bool
    began: float


class Health:
    """Judges calls, and says who may be called. One per process: each finds out for itself, within some calls."""

    def __init__(
        self,
        log: Log,
        now: Now = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.now = now
        self.retries = Share(now, share=0.1, window=10.0, least=3)
        self.hedges = Share(now, share=0.05, window=60.0, least=0)
        self._log = log
        self._uniform = uniform
        self._records: dict[Line, _Record] = {}
        self._holds = Holds(now)

    def why_not(self, candidate: Candidate) -> Why | None:
        """Why this deployment may not be asked at this moment, or None. What runs in this process may always be: it is
        the last to answer, and to ask it in vain costs nobody anything."""
        if candidate.local:
            return None
        held = self._holds.get(candidate.account) or self._holds.get(Line.of(candidate))
        if held is not None:
            return held[1]  # type: ignore[return-value]  # only reasons are ever held for
        record = self._records.get(Line.of(candidate))
        return None if record is None or record.breaker.admits else "breaker"

    def may_retry(self) -> bool:
        """Takes one extra call out of the retry budget."""
        if self.retries.extra():
            return True
        _REFUSED.inc()
        return False

    def begin(self, candidate: Candidate) -> Ticket:
        line = Line.of(candidate)
        return Ticket(line, self._record(line).breaker.begin(), self.now())

    def first(self, ticket: Ticket) -> None:
        """The first content is here."""
        seconds = self.now() - ticket.began
        self._record(ticket.line).first.append(seconds)
        _FIRST.labels(ticket.line.deployment).observe(seconds)

    def ended(self, ticket: Ticket, candidate: Candidate, error: ProviderError | None, *, left: bool) -> None:
        """Judges a call at the end of its stream. `left`: nobody wanted it any more."""
        record = self._record(ticket.line)
        outcome: Outcome = "neither" if left else "succeeded" if error is None else self._judge(candidate, error)
        record.breaker.end(outcome, trial=ticket.trial)
        if error is not None:
            record.last = error.kind
        said = "cancelled" if left else "done" if error is None else error.kind
        _ATTEMPTS.labels(ticket.line.deployment, said).inc()

    def cost(self, deployment: str, usd: float) -> None:
        _COST.labels(deployment).inc(usd)

    def p95(self, candidate: Candidate) -> float | None:
        """Seconds to the first content that 95 of 100 calls needed at most; None before there are enough."""
        record = self._records.get(Line.of(candidate))
        if record is None or len(record.first) < SAMPLES:
            return None
        return sorted(record.first)[int(0.95 * (len(record.first) - 1))]

    def view(self, candidate: Candidate) -> dict[str, Any]:
        """State, reason, seconds until it may be asked again, last error and median time to the first content."""
        record = self._records.get(Line.of(candidate))
        held = self._holds.get(candidate.account) or self._holds.get(Line.of(candidate))
        first = sorted(record.first) if record else []
        return {
            "state": record.breaker.state if record else "closed",
            "why": self.why_not(candidate),
            "opens_in": round(held[0] if held else record.breaker.opens_in if record else 0.0, 1),
            "last_error": record.last if record else "",
            "first_ms": round(first[len(first) // 2] * 1000) if first else None,
        }

    def troubles(self) -> dict[str, str]:
        """The operator's deployments that may not be asked, and why. Names no business."""
        found: dict[str, str] = {}
        for line, record in self._records.items():
            held = self._holds.get(line.account) or self._holds.get(line)
            if line.account.startswith("operator:") and (held or not record.breaker.admits):
                found[line.deployment] = held[1] if held else "breaker"
        return found

    def _judge(self, candidate: Candidate, error: ProviderError) -> Outcome:
        line = Line.of(candidate)
        match error.kind:
            case "auth" | "quota":
                if self._holds.hold(candidate.account, ACCOUNT_HOLD, "account"):
                    self._alert("provider.account_refused", candidate, error)
            case "model":
                if self._holds.hold(line, ACCOUNT_HOLD, "model"):
                    self._alert("provider.model_missing", candidate, error)
            case "rate_limit":
                key = candidate.account if error.scope == "account" else line
                seconds = RATE_HOLD if error.retry_after is None else max(0.0, error.retry_after)
                self._holds.hold(key, min(seconds, RATE_LONGEST), "rate_limit")
            case "invalid" | "context_length" | "residency" | "cancelled":
                pass
            case _ if error.scope != "request":
                return "failed"
        return "neither"

    def _alert(self, event: str, candidate: Candidate, error: ProviderError) -> None:
        """Loud, without the vendor's words, which may repeat a key or what a visitor wrote."""
        self._log.error(
            event,
            deployment=candidate.deployment.name,
            own_key=candidate.connection is not None,
            status=error.status,
            code=error.code,
            request=error.request_id,
        )

    def _record(self, line: Line) -> _Record:
        record = self._records.get(line)
        if record is None:
            if len(self._records) >= MOST_LINES:
                calm = [old for old, kept in self._records.items() if kept.breaker.state == "closed"]
                for old in calm[: MOST_LINES // 2]:
                    del self._records[old]
            record = self._records[line] = _Record(Breaker(self.now, self._uniform))
        return record
