"""What answers: providers, deployments, requests and the events of an answer.

Plain frozen dataclasses: these values pass on the hot path, once per chunk.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Flag, auto
from typing import Any, ClassVar, Literal
from uuid import UUID

from omniops.contracts.cards import Card
from omniops.contracts.knowledge import Hit
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope
from omniops.errors import OmniOpsError


class Cap(Flag):
    """What a model can do. A request names what it needs; a deployment without it is never asked.

    `CITATIONS`: the provider gives `Citation` events of its own, with words that stand in the passage. Without it core
    asks the model for marks in the text and makes the citations out of them. `SAMPLING`: takes a temperature.
    """

    NONE = 0
    TOOLS = auto()
    PARALLEL_TOOLS = auto()
    STRICT_SCHEMA = auto()
    VISION = auto()
    PDF = auto()
    CITATIONS = auto()
    CACHE = auto()
    REASONING = auto()
    SAMPLING = auto()
    TOKEN_COUNT = auto()


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, from a named source on a date. `None` for a kind of token means: as `input`."""

    input: Decimal
    output: Decimal
    source: str
    at: date
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


RetentionOption = Literal["none", "no_store", "days", "unknown"]
"""What the vendor keeps of a request: `none` (zero data retention by contract), `no_store` (asked not to store; short
abuse monitoring may remain), `days` (a stated time), `unknown`."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Provider, model and region: the thing that a turn is routed to and that its record names.

    `processor` is the key of the register entry that receives the data, or None for an answerer inside this process,
    which sends nothing to anybody. `region` says where the model runs: `local`, `eu`, `us`, `global` …; a domain may
    admit some of them only. `keyed` is False where the operator gave no key, so that only a business with a key of its
    own can use it. `tier` orders models of one provider for policies of cost. A deployment without a `price` counts as
    the dearest that is known.
    """

    name: str
    provider: str
    model: str
    region: str
    processor: str | None
    caps: Cap = Cap.NONE
    max_input: int = 100_000
    """Tokens."""
    max_output: int = 4_096
    """Tokens."""
    retention: RetentionOption = "unknown"
    price: Price | None = None
    retires: date | None = None
    keyed: bool = True
    tier: Literal["cheap", "default", "strong"] = "default"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the conversation, oldest first."""

    role: Literal["visitor", "ai", "person"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. `schema` is a JSON schema of an object; it stands for all providers."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool, whole: nobody may act on half an argument.

    Where the arguments were no JSON object, `args` is empty and `problem` says what was wrong; that is no error of the
    stream: the model is told and may try again.
    """

    id: str
    name: str
    args: Mapping[str, Any]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back, as text for the model. Data, never instructions."""

    call_id: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """State that a provider wants back in the next round: thinking signatures, encrypted reasoning, container ids. It
    goes to the provider of this name and to no other, and is dropped on fail-over."""

    provider: str
    value: Any


@dataclass(frozen=True, slots=True)
class ToolRound:
    """One round of tools of this turn: what the model said and called, and what came back, in the calls' order."""

    text: str
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    replay: Opaque | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a provider. Passages, results and what visitors wrote are data, never instructions; `system` is
    the only text that is.

    `question` is the last of `messages`, joined with the one before where it leans on it; models read `messages`.
    `passages` were retrieved in this turn; only their ids may be cited. `context` is the passages in words, labelled,
    with the way to cite them: a deployment without `Cap.CITATIONS` puts it before the last message. `rounds` are the
    tools of this turn so far. `cover` is the share of the question's words that the site knows (0 … 1), `rarity` their
    inverse document frequency; `answer_cut` and `closest_cut` are the domain's calibrated levels: for answerers that
    quote. `idempotency_key` is stable over retries of the same turn. `cache_key` is the same for requests that begin
    with the same words, `end_user` a hash of the visitor's random id, for the vendor's abuse reports. `scope` and
    `subject` belong into the gate's ledger and are never sent.
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
    system: str = ""
    context: str = ""
    tools: Sequence[ToolSpec] = ()
    rounds: Sequence[ToolRound] = ()
    tool_choice: Literal["auto", "none"] = "auto"
    """`none`: the tools are told, since earlier rounds used them, but none may be called any more."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the text must fit; needs `Cap.STRICT_SCHEMA`."""
    max_output: int = 800
    """Tokens."""
    cache_key: str = ""
    end_user: str = ""
    scope: Scope | None = None
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The upstream took the request. Shows nothing."""

    model_served: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model thinks. Shows nothing, says nothing, is a sign of life."""


@dataclass(frozen=True, slots=True)
class Level:
    """How sure the answer claims to be: `answer` (sourced), `closest` (passages quoted, nothing claimed), `none`.

    Comes before the first `Text`. `strength` is what the level was decided by, for calibration; its scale is the
    provider's own. A model that writes gives none: core decides by what it cited.
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
class Shown:
    """A card beside the text. Every address in it must be of the website itself, or core leaves the card out. `source`
    is the citation that its facts stand on, or None for a card that claims nothing, such as a choice of buttons."""

    card: Card
    source: Citation | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model declined. `text` is what it said, and may be empty."""

    text: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, cumulative. `input` includes those that were read from or written to a cache; `output` includes
    reasoning. `measured` is False where they are our own estimate."""

    input: int = 0
    output: int = 0
    measured: bool = True
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    region_served: str = ""


Stop = Literal["end", "length", "tool", "refusal", "filter", "context", "paused"]
"""Why a stream is over. `tool` whenever tools were called, whatever the vendor calls it."""


@dataclass(frozen=True, slots=True)
class Done:
    """The answer, or this round of it, is complete. Exactly one, always the last event."""

    stop: Stop
    usage: Usage = field(default_factory=Usage)
    replay: Opaque | None = None


Event = Started | Reasoning | Level | Text | Citation | Shown | ToolCall | Refusal | Done
"""What a provider's stream gives."""

ErrorKind = Literal[
    "rate_limit", "overloaded", "server", "timeout", "connection", "truncated", "malformed", "auth", "quota", "model",
    "invalid", "context_length", "residency", "cancelled",
]  # fmt: skip


class ProviderError(OmniOpsError):
    """A provider failed.

    `retry`: `same` (once more there, if no byte came back), `other` deployments may be asked, or `never` (the request
    itself is at fault). `scope` is what is broken: this `request`, the `deployment`, or the `account` behind the key.
    `retry_after` in seconds. `code` and `request_id` are the vendor's, for the member who looks into it.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind,
        retry: Literal["same", "other", "never"],
        retry_after: float | None = None,
        status: int | None = None,
        scope: Literal["request", "deployment", "account"] = "deployment",
        code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry = retry
        self.retry_after = retry_after
        self.status = status
        self.scope = scope
        self.code = code
        self.request_id = request_id


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
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Opens the answer, in one attempt. Leaving the context closes the upstream at once, whatever state it is in.

        `connection` is the business's own key (the plugin's `Connection`), or None for the operator's. The iterator
        yields exactly one `Done`, last, or raises `ProviderError`; a stream that ends without `Done` is taken as
        truncated.
        """

    async def count_tokens(self, request: Request, deployment: Deployment) -> int | None:
        """The request's size in tokens, or None where the vendor has no free count: core estimates then."""
        return None

    async def warm(self) -> None:
        """Imports the SDK and opens what can be opened, so that the first visitor does not wait. Called after start-up
        where the plugin is used; an error is logged and nothing else."""

    async def aclose(self) -> None:
        """Lets go of clients."""
