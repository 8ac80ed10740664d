"""Two test providers that probes can stop and look into, acts of weight that a provider can ask for, and another
system. All join the runner's own process and send nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from omniops import Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration, Link, Step, Sync
from omniops.contracts.plugin import Health, PluginSettings
from omniops.contracts.provider import (
    Deployment,
    Done,
    Event,
    Level,
    Provider,
    ProviderError,
    Request,
    Started,
    Text,
    Timeouts,
    ToolCall,
)
from omniops.contracts.tools import Tool, ToolAnswer, ToolUse
from omniops.contracts.webhook import Arrived, Received, Webhook, check_signature
from omniops.contracts.webhook import Event as Happened
from omniops.errors import Rejected

NAME = "canary"
OUTSIDE = "canary-outside"
SYNC = "canary-things"


class TestProvider(Provider):
    """Answers with its own name. `down` makes it fail as a vendor does, `calls` names a tool that it wants to use
    first; `requests` keeps what it was asked, and `done` what was carried out for both."""

    def __init__(self, done: list[str]) -> None:
        self.down = False
        self.calls = ""
        self.requests: list[Request] = []
        self.done = done

    def deployments(self) -> Sequence[Deployment]:
        return [Deployment(f"{self.name}/one", self.name, "one", "local", None)]

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        self.requests.append(request)
        if self.down:
            raise ProviderError(f"{self.name} was stopped.", kind="server", retry="other")
        yield self._events(asks=bool(self.calls) and not request.rounds)

    def stream(
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._stream(request)

    async def _events(self, *, asks: bool) -> AsyncIterator[Event]:
        yield Started(self.name)
        if asks:
            yield ToolCall("one", self.calls, {})
            yield Done("tool")
            return
        for event in (Level("answer"), Text(f"This is {self.name}."), Done("end")):
            yield event


class First(TestProvider):
    name = "canary-first"


class Second(TestProvider):
    name = "canary-second"


class Acts:
    """Decisions with an effect on a person that is legal or as significant."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def refuse_credit(self, use: ToolUse) -> ToolAnswer:
        """Refuses the customer a credit."""
        return self._carried_out("refuse_credit")

    async def close_account(self, use: ToolUse) -> ToolAnswer:
        """Closes the customer's account."""
        return self._carried_out("close_account")

    async def reject_refund(self, use: ToolUse) -> ToolAnswer:
        """Rejects the customer's refund."""
        return self._carried_out("reject_refund")

    def _carried_out(self, act: str) -> ToolAnswer:
        self.done.append(act)
        return ToolAnswer(f"Done: {act}.")


class GuestPlugin(Plugin):
    """Test providers for probes."""

    info = Info(title="Test providers for probes", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self) -> None:
        self.acts = Acts()
        self.test_providers = (First(self.acts.done), Second(self.acts.done))

    @hookimpl
    def tools(self) -> Sequence[Tool]:
        acts = (self.acts.refuse_credit, self.acts.close_account, self.acts.reject_refund)
        return [Tool(act, risk="significant") for act in acts]

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return self.test_providers


class OutsideConnection(PluginSettings):
    secret: SecretStr = Field(description="Signs deliveries.")


class OutsideSystem(Integration):
    """Another system: `asked` is what it was asked for, in order. It calls nobody."""

    name, title, processor = OUTSIDE, "Test system for probes", OUTSIDE
    events: ClassVar[Mapping[str, Sequence[str]]] = {"changed": ("number",)}
    syncs = (Sync(SYNC, "Things", timedelta(hours=1)),)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def delivery(self, number: str, secret: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a delivery, signed as this system signs."""
        body = json.dumps({"number": number}).encode()
        return body, {"x-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}

    async def check(self, connection: Any) -> Health:
        self.asked.append("check")
        return Health(True, "The test system answered.")

    async def disconnect(self, link: Link) -> None:
        self.asked.append("disconnect")

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        check_signature([link.connection.secret if link else None], webhook.body, webhook.header("x-signature"))
        try:
            number = str(json.loads(webhook.body)["number"])
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This is no delivery of the test system.", code="no_delivery") from error
        return Received([Arrived(Happened(number, "changed", {"number": number}))])

    async def handle(self, event: Happened, link: Link) -> Sequence[Arrived]:
        self.asked.append("handle")
        return ()

    async def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        self.asked.append(name)
        yield Step(str(int(cursor or 0) + 1), done=1, total=1)


class OutsidePlugin(Plugin):
    """Another system for probes."""

    info = Info(title="Test system for probes", version="1.0", omniops=">=0.1,<0.2")
    Connection = OutsideConnection

    def __init__(self) -> None:
        self.system = OutsideSystem()

    @hookimpl
    def declares(self) -> Declaration:
        return Declaration(
            processors=[
                Processor(
                    key=OUTSIDE,
                    name=self.info.title,
                    role="customer_chosen",
                    hosts=("outside.proof.invalid",),
                    countries=("DE",),
                    purposes=("connection.use",),
                )
            ]
        )

    @hookimpl
    def integrations(self) -> Sequence[Integration]:
        return [self.system]
