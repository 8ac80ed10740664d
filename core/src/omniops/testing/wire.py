"""How one vendor's protocol writes, in bytes: what the author of a provider gives to `UpstreamSuite`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from omniops.contracts.provider import ErrorKind


@dataclass(frozen=True, slots=True)
class Written:
    """A whole answer. `opening` shows nothing and may be empty; `ending` is what makes the answer complete: without it
    everything before is a truncated stream. `body` has one entry for each piece."""

    opening: bytes
    body: tuple[bytes, ...]
    ending: bytes

    @property
    def whole(self) -> tuple[bytes, ...]:
        return (self.opening, *self.body, self.ending)


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens of the answers that a wire writes. `fresh`, `cache_read` and `cache_write` are counted apart here; the
    wire writes them as the vendor does. `reasoning` is a part of `output`."""

    fresh: int = 100
    cache_read: int = 40
    cache_write: int = 10
    output: int = 7
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as the vendor tells it, and the `ProviderError` that it has to become.

    With `status` 200 it is told within the stream: `body` is the event, after the opening.
    """

    what: str
    kind: ErrorKind
    retry: Literal["same", "other", "never"]
    scope: Literal["request", "deployment", "account"]
    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """A tool that the model calls. `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


class Wire(ABC):
    """One vendor's protocol. Where a method may give None, the vendor has no such thing, and its tests are skipped."""

    path: ClassVar[str] = ""
    """What follows the host in `base_url`, for example `/v1`."""
    content_type: ClassVar[str] = "text/event-stream"
    spent: ClassVar[Spent] = Spent()

    @abstractmethod
    def text(self, *pieces: str, stop: Literal["end", "length"] = "end") -> Written:
        """An answer of these pieces, which cost `spent`."""

    @abstractmethod
    def calls(self, *calls: Called) -> Written:
        """An answer that calls these tools and says nothing. What is streamed in parts has more than one for each
        call's arguments."""

    @abstractmethod
    def refused(self, text: str) -> Written:
        """The model declines."""

    @abstractmethod
    def error(self, status: int, message: str) -> bytes:
        """The body of an answer with this status, in the vendor's words for it. `message` stands in it."""

    @abstractmethod
    def in_band(self) -> Sequence[Fault]:
        """Errors that come within the stream, after status 200."""

    def faults(self) -> Sequence[Fault]:
        """Errors with a status that mean more than the status says, for example a spent quota inside a 429."""
        return ()

    def broken(self) -> bytes:
        """An event whose data is no JSON."""
        return b'event: message\ndata: {"half": \n\n'

    def broken_call(self) -> Written | None:
        """A call of a tool whose arguments are no JSON."""
        return self.calls(Called("call_1", "order_status", '{"number": "A-1'))

    def cited(self, text: str, number: int, quote: str) -> Written | None:
        """An answer with one piece of text and one citation of passage `number` (from 0), with these words."""
        return None
