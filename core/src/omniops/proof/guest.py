"""Two test providers that probes can stop and look into. They join the runner's own process and send nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from omniops import Info, Plugin, hookimpl
from omniops.contracts.plugin import PluginSettings
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
)

NAME = "canary"


class TestProvider(Provider):
    """Answers with its own name. `down` makes it fail as a vendor does; `requests` keeps what it was asked."""

    def __init__(self) -> None:
        self.down = False
        self.requests: list[Request] = []

    def deployments(self) -> Sequence[Deployment]:
        return [Deployment(f"{self.name}/one", self.name, "one", "local", None)]

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        self.requests.append(request)
        if self.down:
            raise ProviderError(f"{self.name} was stopped.", kind="server", retry="other")
        yield self._events()

    def stream(
        self,
        request: Request,
        deployment: Deployment,
        *,
        limits: Timeouts,
        connection: PluginSettings | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._stream(request)

    async def _events(self) -> AsyncIterator[Event]:
        for event in (Started(self.name), Level("answer"), Text(f"This is {self.name}."), Done("end")):
            yield event


class First(TestProvider):
    name = "canary-first"


class Second(TestProvider):
    name = "canary-second"


class GuestPlugin(Plugin):
    """Test providers for probes."""

    info = Info(title="Test providers for probes", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self) -> None:
        self.test_providers = (First(), Second())

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return self.test_providers
