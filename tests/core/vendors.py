"""Vendors by script on a clock that leaps: waiting costs no time, so that minutes of faults run in milliseconds."""

import asyncio
import selectors
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

from omniops.accounts.service import DomainSettings, DomainView
from omniops.contracts.provider import ChatMessage, Deployment, Done, Price, Provider, Request, Usage
from omniops.contracts.scope import Scope
from omniops.conversation.routing.attempt import Parts
from omniops.conversation.routing.health import Health
from omniops.conversation.routing.route import Router
from omniops.conversation.routing.spending import Spent

PRICE = Price(Decimal(2), Decimal(10), "test", date(2026, 11, 1))


class _Leaping(selectors.DefaultSelector):
    """Where the loop would wait for a timer, the clock leaps there."""

    loop = None

    def select(self, timeout=None):
        if timeout:
            self.loop.leapt += timeout
        return super().select(0)


class LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.leapt = 0.0
        selector = _Leaping()
        selector.loop = self
        super().__init__(selector)

    def time(self):
        return self.leapt


def leaping(coroutine):
    """Runs a coroutine to its end on a clock that leaps."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(coroutine)


@dataclass(frozen=True)
class Wait:
    """A step: the vendor says nothing for so many seconds."""

    seconds: float


END = object()
"""A step: the stream ends without `Done`."""


class Vendor(Provider):
    """Each call takes the next of its scripts, or `default`. Steps are events, `Wait`, `END` or errors."""

    name = "vendor"

    def __init__(self, *deployments, name="vendor", default=()):
        self.name = name
        self.offered = deployments
        self.default = default
        self.scripts = []
        self.asked = []
        """Deployment, request, limits and key of each call."""
        self.open = 0

    def deployments(self):
        return self.offered

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.asked.append((deployment.name, request, limits, connection))
        steps = self.scripts.pop(0) if self.scripts else self.default
        self.open += 1
        try:
            yield self._events(steps(deployment, request) if callable(steps) else steps)
        finally:
            self.open -= 1

    async def _events(self, steps):
        for step in steps:
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
            elif step is END:
                return
            elif isinstance(step, BaseException):
                raise step
            else:
                yield step

    @property
    def names(self):
        return [name for name, *_ in self.asked]


class Purse:
    """Sums in memory, in the place of `Spending`."""

    def __init__(self):
        self.spent = Spent()

    def book(self, scope, spent):
        self.spent += spent

    async def today(self, scope):
        return self.spent


class Keyring:
    """Keys of a business, by plugin."""

    def __init__(self, **own):
        self.keys = own
        self.marked = []
        self.trouble = None

    async def own(self, scope):
        return dict(self.keys)

    async def open(self, scope, connection_id):
        if self.trouble is not None:
            raise self.trouble
        return SimpleNamespace(key=f"key of {connection_id}")

    async def refused(self, scope, connection_id):
        self.marked.append(connection_id)
        self.keys = {plugin: one for plugin, one in self.keys.items() if one != connection_id}


@dataclass
class Journal:
    """A log that keeps what it is told."""

    told: list = field(default_factory=list)

    def __getattr__(self, level):
        return lambda event, **values: self.told.append((level, event, values))

    def events(self, level):
        return [event for at, event, _ in self.told if at == level]


class Office:
    """A router with everything that it needs, on the running loop's clock."""

    def __init__(self, *, forbids=lambda deployment: None, order=(), keys=None, uniform=lambda low, high: 1.0):
        self.log, self.purse, self.keys = Journal(), Purse(), keys or Keyring()
        self.now = asyncio.get_running_loop().time
        self.health = Health(self.log, self.now, uniform)
        parts = Parts(self.health, self.purse, self.keys, self.log)

        async def asked(domain, subject):
            return forbids

        self.router = Router(parts, asked, order)


def deployment(name, *, provider="vendor", processor="vendor", region="eu", price=PRICE, **more):
    return Deployment(name, provider, name, region, processor, price=price, **more)


def domain(**settings):
    identity = uuid4()
    return DomainView(Scope(uuid4(), identity), identity, "Shop", (), "pk_test", settings=DomainSettings(**settings))


def request(text="How long?", **more):
    return Request(
        question=text,
        messages=(ChatMessage("visitor", text),),
        passages=(),
        language="en",
        cover=1.0,
        answer_cut=0.6,
        closest_cut=0.4,
        idempotency_key="turn",
        **more,
    )


def done(stop="end", tokens=(100, 10)):
    return Done(stop, Usage(*tokens))
