"""Stores outside that each break one promise."""

import asyncio

from broken_base import broken
from omniops import ExternalStore, Fulfilment, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.errors import OmniOpsError

# Stores outside: a customer file that is asked by e-mail


def store(cls):
    """Makes a plugin of a store."""

    def declares(self):
        outside = Processor("outside", "Outside Ltd", "processor", ("api.outside.example",), ("DE",), ("chat.respond",))
        kept = cls()
        kept.context = self.context
        return Declaration(processors=[outside], stores=[kept])

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "declares": hookimpl(declares)}))
    return cls


class CustomerFile(ExternalStore):
    key, processor, title = "customers", "outside", "Customer file"

    async def call(self, method, email, **content):
        async with self.context.gate.http("outside", purpose="chat.respond") as client:
            answer = await client.request(method, f"https://api.outside.example/{email}", **content)
        return None if answer.status_code == 404 else answer.json()

    async def each(self, method, person, **content):
        found = [(email, await self.call(method, email, **content)) for email in person.identifiers["email"]]
        return {email: answer for email, answer in found if answer is not None}

    async def export(self, person):
        found = await self.each("GET", person)
        return Fulfilment("done", "200.", data=found) if found else Fulfilment("nothing_held", "404.")

    async def erase(self, person):
        return Fulfilment("done", "204.") if await self.each("DELETE", person) else Fulfilment("nothing_held", "404.")

    async def rectify(self, person, category, value):
        found = await self.each("PATCH", person, json={"email": value})
        return Fulfilment("done" if found else "nothing_held", "200.")

    async def restrict(self, person, restricted):
        found = await self.each("PATCH", person, json={"locked": restricted})
        return Fulfilment("done" if found else "nothing_held", "200.")


@store
class Keeper(CustomerFile):
    """Keeps all promises."""


@store
class Pretender(CustomerFile):
    async def erase(self, person):
        found = await self.each("GET", person)
        return Fulfilment("done" if found else "nothing_held", "204.")


@store
class Stalled(CustomerFile):
    async def restrict(self, person, restricted):
        await asyncio.sleep(3600)


@store
class Thrower(CustomerFile):
    async def rectify(self, person, category, value):
        raise KeyError(category)


@store
class Speechless(CustomerFile):
    async def restrict(self, person, restricted):
        await super().restrict(person, restricted)


@store
class Namer(CustomerFile):
    async def erase(self, person):
        answer = await super().erase(person)
        return Fulfilment(answer.state, f"Deleted {person.identifiers['email'][0]}.")


@store
class Reaper(CustomerFile):
    async def erase(self, person):
        answer = await super().erase(person)
        await self.call("DELETE", "bob@omniops.example")
        return answer


@store
class Blithe(CustomerFile):
    async def erase(self, person):
        try:
            return await super().erase(person)
        except OmniOpsError:
            return Fulfilment("nothing_held", "The company did not answer.")


@store
class Unwilling(CustomerFile):
    """Keeps what a law demands, and says which."""

    async def erase(self, person):
        if not await self.each("GET", person):
            return Fulfilment("nothing_held", "404.")
        return Fulfilment("refused", "Invoices are kept for ten years.", "tax_record")


@store
class Unregistered(CustomerFile):
    processor = "elsewhere"
