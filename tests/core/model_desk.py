"""A provider that stands for a model outside: it sees requests as a vendor would, and answers what a test says.

Beside it tools that read, write and move money, which keep what they did.
"""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

from omniops import Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.provider import Cap, Deployment, Done, Provider, Started, Text, ToolCall
from omniops.contracts.tools import Tool, ToolAnswer
from omniops.contracts.tools import ToolUse as Use
from omniops.errors import NotFound
from pydantic import Field


class ModelProvider(Provider):
    """`answer(request)` gives the events of a round; text may be given as plain strings."""

    name = "model"

    def __init__(self) -> None:
        self.begin("Hello.")

    def begin(self, *rounds) -> None:
        """What it says in each round: a list of events and strings, a string, or a function of the request. The last
        stands for all further ones. A function in a list is awaited."""
        self.rounds, self.requests = list(rounds), []

    def deployments(self):
        return [Deployment("model/one", self.name, "one", "eu", "vendor", caps=Cap.TOOLS)]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.requests.append(request)
        said = self.rounds[min(len(self.requests), len(self.rounds)) - 1]
        yield self._events(said(request) if callable(said) else said)

    async def _events(self, said):
        yield Started("one")
        called = False
        for step in [said] if isinstance(said, str) else said:
            called = called or isinstance(step, ToolCall)
            if isinstance(step, BaseException):
                raise step
            if callable(step):
                await step()
                continue
            yield Text(step) if isinstance(step, str) else step
        yield Done("tool" if called else "end")


class ModelPlugin(Plugin):
    """A model outside, with tools."""

    info = Info(title="Model", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self, context) -> None:
        super().__init__(context)
        self.provider = ModelProvider()
        self.begin()

    def begin(self) -> None:
        self.ran, self.visitors = [], []
        self.effects = None
        """A file that gets a line for each change, for tests whose process does not live to tell."""
        self.go, self.reached = asyncio.Event(), asyncio.Event()
        self.result = "Order 1042 left on Monday with the post."

    @hookimpl
    def declares(self):
        vendor = Processor(
            key="vendor",
            name="Vendor",
            role="ai",
            hosts=("api.vendor.example",),
            countries=("DE",),
            purposes=("chat.respond",),
            categories=("user.content.chat",),
        )
        return Declaration(processors=[vendor])

    @hookimpl
    def providers(self):
        return [self.provider]

    @hookimpl
    def tools(self):
        return [
            Tool(self.order_status, risk="read", timeout=0.3, title="Orders"),
            Tool(self.my_orders, risk="read", identity=True),
            Tool(self.change_address, risk="write"),
            Tool(self.refund, risk="significant"),
        ]

    async def order_status(
        self, use: Use, *, number: Annotated[str, Field(pattern=r"^\d{4}$", description="The order's number.")]
    ) -> ToolAnswer:
        """Tells where an order is."""
        self.ran.append(("order_status", number))
        self.visitors.append(use.subject_id)
        if isinstance(self.result, BaseException):
            raise self.result
        if self.result is None:
            raise NotFound(f"There is no order {number}.")
        if self.result == "hang":
            await asyncio.Event().wait()
        return ToolAnswer(self.result, title=f"Order {number}", url="https://elsewhere.example/orders")

    async def my_orders(self, use: Use) -> ToolAnswer:
        """Lists the customer's own orders."""
        self.ran.append(("my_orders", use.customer.external_id))
        return ToolAnswer(f"Orders of {use.customer.external_id}: 1042.")

    async def change_address(self, use: Use, *, number: str, street: str) -> ToolAnswer:
        """Changes where an order goes."""
        self.ran.append(("change_address", number, street, use.key))
        self.reached.set()
        if self.effects is not None:
            with self.effects.open("a") as file:
                print(use.turn_id, file=file, flush=True)
        if self.result == "wait":
            await self.go.wait()
        return ToolAnswer(f"Order {number} goes to {street}.")

    async def refund(self, use: Use, *, number: str, amount: Annotated[int, Field(ge=1)]) -> ToolAnswer:
        """Pays money back."""
        self.ran.append(("refund", number, amount, use.key))
        self.visitors.append(use.subject_id)
        return ToolAnswer(f"{amount} were paid back for order {number}.")
