"""The suite over shops with one fault each. Run by `test_commerce.py` in a process of its own; every class fails."""

from dataclasses import replace

from cornered import Cornered
from omniops.contracts.commerce import Acted, Offers
from omniops.errors import NotFound, NotReady, Reconnect, Rejected
from omniops.testing import CommerceSuite
from shop import ShopCommerce, _order, _product


class Prefixer(ShopCommerce):
    """Takes what the vendor's search finds first."""

    async def order(self, use, number):
        found = await self._get(use, "orders", {"number": number.removeprefix("#")})
        if number and found:
            return _order(found[0])
        raise NotFound("There is no such order.")


class Teller(ShopCommerce):
    """Says what it was asked for."""

    async def order(self, use, number):
        try:
            return await super().order(use, number)
        except NotFound:
            raise NotFound(f"There is no order {number}.") from None


class Doubler(ShopCommerce):
    """Does not pass the key on."""

    async def act(self, use, order, wish, *, key):
        return await super().act(use, order, wish, key=str(id(object())) + key + str(len(self.gate.requests)))


class Looper(ShopCommerce):
    """Always has another page."""

    async def search(self, use, text, *, cursor=None, limit=10):
        found = await super().search(use, text, cursor=cursor, limit=limit)
        return replace(found, cursor=found.cursor or "0")


class Gossip(ShopCommerce):
    """Passes on what the vendor said."""

    async def _ask(self, use, method, path, **more):
        try:
            return await super()._ask(use, method, path, **more)
        except NotReady as error:
            raise NotReady("The shop said: words of the vendor.") from error


class Everybodys(ShopCommerce):
    """Lists what it has."""

    async def orders(self, use, customer, *, limit=10):
        found = [_order(row) for row in await self._get(use, "orders", {"number": ""})]
        return sorted(found, key=lambda one: one.placed_at, reverse=True)[:limit]


class Oldest(ShopCommerce):
    """Lists the oldest first."""

    async def orders(self, use, customer, *, limit=10):
        return [*reversed(await super().orders(use, customer, limit=50))][:limit]


class Forgiving(ShopCommerce):
    """Shows something in any case."""

    async def product(self, use, product_id):
        try:
            return await super().product(use, product_id)
        except NotFound:
            return _product(use, (await self._get(use, "products"))["items"][0])


class Believer(ShopCommerce):
    """Begins anew with a cursor that is none."""

    async def search(self, use, text, *, cursor=None, limit=10):
        try:
            return await super().search(use, text, cursor=cursor, limit=limit)
        except Rejected:
            return await super().search(use, text, limit=limit)


class Blind(ShopCommerce):
    """Says that it did what it did not."""

    async def act(self, use, order, wish, *, key):
        try:
            return await super().act(use, order, wish, key=key)
        except Rejected:
            return Acted("Done.", order)


class Moody(ShopCommerce):
    """Offers another thing each time."""

    turn = False

    def offers(self, use):
        self.turn = not self.turn
        return (
            replace(super().offers(use), products=self.turn)
            if self.turn
            else Offers(orders=True, actions=super().offers(use).actions)
        )


class Tireless(ShopCommerce):
    """Tries a refused key for ever."""

    async def _ask(self, use, method, path, **more):
        try:
            return await super()._ask(use, method, path, **more)
        except Reconnect as error:
            raise NotReady("Later.") from error


for _fault in (
    *(Prefixer, Teller, Doubler, Looper, Gossip, Everybodys),
    *(Oldest, Forgiving, Believer, Blind, Moody, Tireless),
):
    _name = f"Test{_fault.__name__}"
    globals()[_name] = type(_name, (Cornered, CommerceSuite), {"commerce": _fault, "__module__": __name__})
