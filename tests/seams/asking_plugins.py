"""A provider that asks a small made-up vendor, and some that each break one promise about it.

`test_asking.py` sees that the first passes `UpstreamSuite`, and that the suite notices the others.
"""

import asyncio
import json
import math
from contextlib import aclosing, asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx2
from omniops import Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.provider import (
    Cap,
    Citation,
    Deployment,
    Done,
    Opaque,
    Provider,
    ProviderError,
    Refusal,
    Started,
    Text,
    ToolCall,
    Usage,
)
from omniops.errors import EgressRefused
from pydantic import Field

PURPOSE, CHAT = "chat.respond", "user.content.chat"
CAPS = Cap.TOOLS | Cap.CITATIONS
MEANINGS = {
    "invalid": ("never", "request"),
    "auth": ("other", "account"),
    "quota": ("other", "account"),
    "model": ("other", "deployment"),
    "rate_limit": ("other", "deployment"),
    "server": ("other", "deployment"),
    "overloaded": ("other", "deployment"),
}
STATUSES = {401: "auth", 402: "quota", 403: "auth", 404: "model", 408: "server", 409: "server", 429: "rate_limit"}
ALL = {}


class Settings(PluginSettings):
    key: str = Field(default="", description="The key.")
    base_url: str = Field(default="https://api.vendor.example", description="Where the vendor is.")


class Asker(Provider):
    """Lines of JSON: `start`, `text`, `call` and its `args`, `cite`, `refuse`, `error`, `end`."""

    name = "asker"

    def __init__(self, context):
        self.context = context

    def deployments(self):
        return [Deployment("asker", "asker", "m", "eu", "vendor", caps=CAPS)]

    def subjects(self, request):
        return [request.subject]

    def timeout(self, limits):
        return httpx2.Timeout(max(limits.first, limits.gap), connect=limits.connect)

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        async with aclosing(self.events(request, limits)) as events:
            yield events

    async def events(self, request, limits):
        try:
            async with self.opened(request, limits) as response:
                await self.judge(response)
                lines = response.aiter_lines()
                async for event in self.read(lines, request):
                    if isinstance(event, Done):
                        try:
                            yield event
                        finally:
                            await self.finish(lines)
                        return
                    yield event
        except (httpx2.HTTPError, EgressRefused, ValueError) as error:
            raise self.meaning(error) from error
        raise ProviderError("It ended without its end.", kind="truncated", retry="other")

    @asynccontextmanager
    async def opened(self, request, limits):
        async with self.context.gate.http(
            "vendor", purpose=PURPOSE, categories=[CHAT], subjects=self.subjects(request), scope=request.scope
        ) as client:
            url = self.context.settings.base_url + "/ask"
            async with client.stream("POST", url, json=self.body(request), timeout=self.timeout(limits)) as response:
                yield response

    def body(self, request):
        return {
            "messages": [message.text for message in request.messages],
            "rounds": [
                {
                    "calls": [[call.name, dict(call.args)] for call in done.calls],
                    "results": [result.text for result in done.results],
                    "replay": self.replayed(done.replay),
                }
                for done in request.rounds
            ],
        }

    def replayed(self, replay):
        return replay.value if replay is not None and replay.provider == self.name else None

    async def finish(self, lines):
        with suppress(Exception):
            async with asyncio.timeout(0.05):
                async for _ in lines:
                    pass

    async def judge(self, response):
        status = response.status_code
        if status == 200:
            return
        text = (await response.aread()).decode()
        kind = STATUSES.get(status, "invalid" if status < 500 else "overloaded" if status > 500 else "server")
        raise self.told(kind, text, status, response.headers.get("retry-after"))

    def told(self, kind, text, status=None, retry_after=None):
        retry, scope = MEANINGS[kind]
        return ProviderError(
            f"The vendor says {kind}.",
            kind=kind,
            retry=retry,
            scope=scope,
            status=status,
            retry_after=self.seconds(retry_after),
        )

    def seconds(self, value):
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            return None
        return seconds if seconds >= 0 and math.isfinite(seconds) else None

    def meaning(self, error):
        if isinstance(error, EgressRefused):
            return ProviderError("The gate says no.", kind="residency", retry="never")
        if isinstance(error, ValueError):
            return ProviderError("That is no JSON.", kind="malformed", retry="other")
        kind = "timeout" if isinstance(error, httpx2.TimeoutException) else "connection"
        return ProviderError("The connection broke.", kind=kind, retry="other")

    async def read(self, lines, request):
        call, pieces, called = None, [], False
        async for line in lines:
            told = json.loads(line)
            match told.pop("is"):
                case "start":
                    yield Started("m")
                case "text":
                    yield Text(told["text"])
                case "refuse":
                    yield Refusal(told["text"])
                case "cite":
                    for event in self.cited(told, request.passages):
                        yield event
                case "call":
                    call, pieces, called = told, [], True
                case "args":
                    pieces.append(told["args"])
                case "called":
                    yield self.tool(call, "".join(pieces))
                case "error":
                    raise self.told(told["kind"], "")
                case "end":
                    replay = Opaque(self.name, "kept") if called else None
                    yield Done("tool" if called else told["stop"], self.usage(told), replay)

    def tool(self, call, text):
        try:
            return ToolCall(call["id"], call["name"], json.loads(text))
        except ValueError as error:
            return ToolCall(call["id"], call["name"], {}, str(error))

    def cited(self, told, passages):
        number, quote = told["number"], told["quote"]
        if number < len(passages) and quote in passages[number].passage.text:
            yield Citation(passages[number].passage.id, quote)

    def usage(self, told):
        return Usage(
            told["fresh"] + told["read"] + told["wrote"],
            told["out"],
            cache_read=told["read"],
            cache_write=told["wrote"],
        )


def plugin(cls):
    @hookimpl
    def declares(self):
        parts = urlsplit(self.context.settings.base_url)
        ports = (parts.port or 443,)
        return Declaration(
            processors=[Processor("vendor", "Vendor Ltd", "ai", (parts.hostname,), ("DE",), (PURPOSE,), (CHAT,), ports)]
        )

    @hookimpl
    def providers(self):
        return [cls(self.context)]

    members = {"__doc__": "A sample.", "Settings": Settings, "declares": declares, "providers": providers}
    made = type(cls.__name__, (Plugin,), members)
    made.info = Info(title="Sample", version="1.0", omniops=">=0.1,<0.2")
    ALL[cls.__name__.lower()] = made
    return cls


plugin(Asker)


@plugin
class Lenient(Asker):
    """Takes whatever came for the whole answer."""

    async def read(self, lines, request):
        async for event in super().read(lines, request):
            yield event
            if isinstance(event, Done):
                return
        yield Done("end")


@plugin
class Stubborn(Asker):
    """Tries again by itself."""

    async def judge(self, response):
        if response.status_code >= 500:
            async with self.context.gate.http("vendor", purpose=PURPOSE) as client:
                await client.post(self.context.settings.base_url + "/ask")
        await super().judge(response)


@plugin
class Leaky(Asker):
    """Lets the library's own errors out."""

    def meaning(self, error):
        return error


@plugin
class Open(Asker):
    """A bare generator, which nobody closes."""

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.kept = self.events(request, limits)
        yield self.kept


@plugin
class Gossip(Asker):
    """Repeats what the vendor wrote."""

    def told(self, kind, text, status=None, retry_after=None):
        error = super().told(kind, text, status, retry_after)
        error.message = text
        return error


@plugin
class Eager(Asker):
    """Hands out a call before it is whole."""

    async def read(self, lines, request):
        async def told():
            async for line in lines:
                yield line
                if '"args"' in line:
                    yield '{"is": "called"}'

        async for event in super().read(told(), request):
            yield event


@plugin
class Crosser(Asker):
    """Sends what another provider kept for itself."""

    def replayed(self, replay):
        return replay.value if replay is not None else None


@plugin
class Miscounter(Asker):
    """Leaves the cache out of its input."""

    def usage(self, told):
        return Usage(told["fresh"], told["out"], cache_read=told["read"], cache_write=told["wrote"])


@plugin
class Discreet(Asker):
    """Does not say about whom."""

    def subjects(self, request):
        return []


@plugin
class Hurried(Asker):
    """A limit for the whole of it."""

    async def events(self, request, limits):
        try:
            async with asyncio.timeout(limits.gap):
                async for event in super().events(request, limits):
                    yield event
        except TimeoutError as error:
            raise ProviderError("Too slow.", kind="timeout", retry="other") from error


@plugin
class Wasteful(Asker):
    """Drops each connection."""

    async def finish(self, lines):
        return


@plugin
class Pedant(Asker):
    """Waits for the end of the body before it says that the answer is over."""

    async def read(self, lines, request):
        held = []
        async for event in super().read(lines, request):
            if isinstance(event, Done):
                held.append(event)
            else:
                yield event
        for event in held:
            yield event


@plugin
class Insistent(Asker):
    """Takes the gate's no for a broken connection."""

    def meaning(self, error):
        if isinstance(error, EgressRefused):
            return ProviderError("The connection broke.", kind="connection", retry="other")
        return super().meaning(error)


@plugin
class Credulous(Asker):
    """Believes the model what stands in a passage."""

    def cited(self, told, passages):
        if told["number"] < len(passages):
            yield Citation(passages[told["number"]].passage.id, told["quote"])


@plugin
class Literal(Asker):
    """Gives Retry-After as it came, or raises over it."""

    def seconds(self, value):
        return float(value) if value is not None else None


globals().update({f"Plugin_{name}": made for name, made in ALL.items()})
