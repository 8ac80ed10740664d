"""What every provider that asks a vendor needs: one table of errors, the way out, the account behind a key, the check
of a business's own key, and the warning before a model ends.

The words of an error are ours. What a vendor wrote is never repeated: it may hold what the visitor wrote.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from omniops.contracts.integration import Integration
from omniops.contracts.limits import retry_after
from omniops.contracts.plugin import GateDoor, Health
from omniops.contracts.provider import (
    Deployment,
    ErrorKind,
    Event,
    ProviderError,
    Reasoning,
    Request,
    Started,
    Timeouts,
    Usage,
)
from omniops.errors import NotReady, Reconnect

if TYPE_CHECKING:
    import httpx2

Scope = Literal["request", "deployment", "account"]
RESPOND = "chat.respond"
"""The purpose for which a vendor gets a question."""
CONNECT = "connection.use"
"""The purpose of trying a key; nothing about anybody goes along."""
CATEGORY = "user.content.chat"
"""The category of what a vendor gets."""
WARN = timedelta(days=60)
"""So long before a model ends, the operator is warned."""

STATUS_KINDS: Mapping[int, ErrorKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "model",
    408: "server",
    409: "server",
    413: "context_length",
    429: "rate_limit",
    503: "overloaded",
    529: "overloaded",
}
"""What statuses mean where the vendor's own code says nothing."""
_SAID: Mapping[ErrorKind, str] = {
    "rate_limit": "takes no more requests for a while",
    "overloaded": "is overloaded",
    "server": "had an error of its own",
    "timeout": "did not answer in time",
    "connection": "could not be reached, or broke off",
    "truncated": "ended its answer before the end",
    "malformed": "answered what cannot be read",
    "auth": "refused the key",
    "quota": "says that the account's quota is spent",
    "model": "does not know the model, or no longer",
    "invalid": "refused the request",
    "context_length": "finds the request too long for the model",
    "residency": "may not be asked from here",
}
_NEVER: frozenset[ErrorKind] = frozenset({"invalid", "residency"})
_SCOPES: Mapping[ErrorKind, Scope] = {
    "auth": "account",
    "quota": "account",
    "invalid": "request",
    "context_length": "request",
    "residency": "request",
}
_LOST: frozenset[ErrorKind] = frozenset({"timeout", "connection"})
_SOON = 1.0
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def kind_of(status: int) -> ErrorKind:
    """What a status means where no code of the vendor's says more."""
    return STATUS_KINDS.get(status) or ("invalid" if 400 <= status < 500 else "server")


def failure(
    vendor: str,
    kind: ErrorKind,
    *,
    code: str | None = None,
    status: int | None = None,
    retry_after: float | None = None,
    request_id: str | None = None,
    begun: bool = True,
    scope: Scope | None = None,
) -> ProviderError:
    """The error of a kind, with whether and where it may be tried again.

    `vendor` is its name for people. `code` is repeated only where it is one plain word. `begun` False says that no byte
    of an answer came: what was lost then may be tried once more at the same place. `scope` is given where it is not
    what the kind breaks as a rule.
    """
    plain = code if code and _PLAIN.fullmatch(code) else ""
    soon = kind == "rate_limit" and retry_after is not None and retry_after <= _SOON
    again = soon or (kind in _LOST and not begun)
    return ProviderError(
        f"{vendor} {_SAID[kind]}{f' ({plain or status})' if plain or status else ''}.",
        kind=kind,
        retry="never" if kind in _NEVER else "same" if again else "other",
        retry_after=retry_after,
        status=status,
        scope=scope or _SCOPES.get(kind, "deployment"),
        code=plain,
        request_id=request_id or "",
    )


def seconds(header: str | None) -> float | None:
    """Retry-After in seconds, whether it is a number or a date. Nonsense says nothing."""
    return retry_after({"retry-after": header or ""}, datetime.now(UTC))


def account(key: str) -> str:
    """Tells accounts apart without telling their keys: opaque state goes back to the account that it came from."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def guessed(read: int, written: int) -> Usage:
    """Usage from lengths in characters, at four a token, where nobody counted."""
    return Usage(input=read // 4 + 1, output=written // 4 + 1, measured=False)


def way_out(gate: GateDoor, processor: str, request: Request) -> httpx2.AsyncClient:
    """The client for one question: the ledger has for whom and about whom it is."""
    return gate.http(
        processor,
        purpose=RESPOND,
        categories=(CATEGORY,),
        subjects=(request.subject,) if request.subject is not None else (),
        scope=request.scope,
    )


async def timely(events: AsyncGenerator[Event], limits: Timeouts) -> AsyncGenerator[Event]:
    """The events, the first that shows something within its time: signs of life are no answer. Later gaps are the
    transport's to watch. Raises `TimeoutError`."""
    deadline = asyncio.get_running_loop().time() + limits.connect + limits.first
    while True:
        async with asyncio.timeout_at(deadline):
            event = await anext(events, None)
        if event is None:
            return
        yield event
        if not isinstance(event, Started | Reasoning):
            break
    async for event in events:
        yield event


def endings(deployments: Sequence[Deployment], today: date, setting: str) -> Health | None:
    """A warning where models end soon, a failure where one has; None where none does. `setting` is where to name
    another."""
    ends = {one.model: one.retires for one in deployments if one.retires and one.retires - today <= WARN}
    if not ends:
        return None
    told = [f"{model} {'ended' if day <= today else 'ends'} on {day}" for model, day in ends.items()]
    return Health(min(ends.values()) > today, f"{', '.join(told)}: take another in `{setting}`.")


class KeyIntegration(Integration):
    """A business's own key for a vendor, tried before it is saved by listing its models, which costs nothing."""

    def __init__(self, models: Sequence[str]) -> None:
        """`models` are those that the operator names."""
        self._models = models

    @abstractmethod
    async def listed(self, connection: BaseModel) -> Collection[str]:
        """The models that the key of a connection may use. Raises `ProviderError`."""

    async def check(self, connection: BaseModel) -> Health:
        try:
            found = await self.listed(connection)
        except ProviderError as error:
            if error.kind in ("auth", "quota"):
                raise Reconnect(str(error)) from error
            raise NotReady(str(error), retry_after=error.retry_after) from error
        usable = [model for model in self._models if model in found]
        if not usable:
            return Health(False, f"The key works, but may use none of these models: {', '.join(self._models)}.")
        return Health(True, f"The key is good for {', '.join(usable)}.")
