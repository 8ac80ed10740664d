"""What answers: providers, deployments, requests and the events of an answer.

Plain frozen dataclasses: these values pass on the hot path, once per chunk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import ClassVar, Literal
from uuid import UUID

from omniops.contracts.knowledge import Hit
from omniops.errors import OmniOpsError


class Cap(Flag):
    """What a model can do. A request names what it needs; a deployment without it is never asked."""

    NONE = 0
    TOOLS = auto()
    VISION = auto()
    CITATIONS = auto()


@dataclass(frozen=True, slots=True)
class Deployment:
    """Provider, model and region: the thing that a turn is routed to and that its record names.

    `processor` is the key of the register entry that receives the data, or None for an answerer inside this process,
    which sends nothing to anybody.
    """

    name: str
    provider: str
    model: str
    region: str
    processor: str | None
    caps: Cap = Cap.NONE
    max_input_words: int = 100_000


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation, oldest first."""

    role: Literal["visitor", "ai", "person"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a provider. Passages are data, never instructions.

    `passages` were retrieved in this turn; only their ids may be cited. `cover` is the share of the question's words
    that the site knows (0 … 1), `rarity` their inverse document frequency. `answer_cut` and `closest_cut` are the
    domain's calibrated levels. `idempotency_key` is stable over retries of the same turn.
    """

    question: str
    messages: Sequence[ChatMessage]
    passages: Sequence[Hit]
    language: str
    cover: float
    answer_cut: float
    closest_cut: float
    idempotency_key: str
    rarity: Mapping[str, float] = field(default_factory=dict)
    needs: Cap = Cap.NONE


@dataclass(frozen=True, slots=True)
class Started:
    """The upstream took the request. Shows nothing."""

    model_served: str


@dataclass(frozen=True, slots=True)
class Level:
    """How sure the answer claims to be: `answer` (sourced), `closest` (passages quoted, nothing claimed), `none`.

    Comes before the first `Text`. `strength` is what the level was decided by, for calibration; its scale is the
    provider's own.
    """

    value: Literal["answer", "closest", "none"]
    strength: float | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, to be appended."""

    delta: str


@dataclass(frozen=True, slots=True)
class Citation:
    """Ends the text so far with a source. `quote` stands word for word in the passage `source`."""

    source: UUID
    quote: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declined. `text` is what it said, and may be empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, cumulative. `measured` is False where they are our own estimate."""

    input: int = 0
    output: int = 0
    measured: bool = True


Stop = Literal["end", "length", "refusal", "filter", "context"]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete. Exactly one, always the last event."""

    stop: Stop
    usage: Usage = field(default_factory=Usage)


Event = Started | Level | Text | Citation | Refusal | Done

ErrorKind = Literal[
    "rate_limit", "overloaded", "timeout", "connection", "truncated", "malformed", "auth", "quota", "invalid",
    "context_length", "residency", "cancelled",
]  # fmt: skip


class ProviderError(OmniOpsError):
    """A provider failed. `retry`: `other` deployments may be asked, or `never` (the request itself is at fault)."""

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        retry: Literal["other", "never"],
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry = retry
        self.retry_after = retry_after
        self.status = status


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to the first content, between bytes."""

    connect: float = 2.0
    first: float = 8.0
    gap: float = 15.0


class Provider(ABC):
    """An answerer. One per plugin or several; each names its deployments."""

    name: ClassVar[str]

    @abstractmethod
    def deployments(self) -> Sequence[Deployment]:
        """What can be asked now, best first. Cheap: no network, no SDK import."""

    @abstractmethod
    def stream(
        self, request: Request, deployment: Deployment, *, limits: Timeouts
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Opens the answer. Leaving the context closes the upstream at once, whatever state it is in.

        The iterator yields exactly one `Done`, last, or raises `ProviderError`; a stream that ends without `Done` is
        taken as truncated.
        """

    async def aclose(self) -> None:
        """Lets go of clients."""
