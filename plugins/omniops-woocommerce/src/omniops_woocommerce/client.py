"""The only file that talks to a shop: calls of wc/v3, and what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from omniops.contracts.integration import Link
from omniops.contracts.limits import Limits
from omniops.contracts.plugin import PluginContext
from omniops.contracts.scope import Scope
from omniops.errors import NotFound, NotReady, Reconnect, Rejected

from omniops_woocommerce.settings import Store

if TYPE_CHECKING:
    import httpx2

PROCESSOR = "woocommerce"
MOST = 100
"""Entries of one page: the shop refuses more."""
MOST_PAGES = 100
_OURS = frozenset({301, 302, 303, 307, 308, 400, 401, 403, 404})
"""Statuses whose meaning this file finds itself."""
NO_KEY = "The shop did not see the key."
HEADER_HINT = (
    "Its server drops the Authorization header: ask the shop's host to pass it on (Apache: `CGIPassAuth On`), and see "
    "that Settings > Permalinks is not on Plain."
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Which shop is asked, for what, and about whom."""

    store: Store
    purpose: str = "connection.use"
    scope: Scope | None = None
    categories: Sequence[str] = ()
    subjects: Sequence[UUID] = ()

    @classmethod
    def over(cls, link: Link) -> Asking:
        return cls(link.connection, scope=link.scope)

    def about(self, *categories: str) -> Asking:
        """The same, with data of these kinds in it."""
        return replace(self, categories=categories)


@dataclass(frozen=True, slots=True)
class Failed:
    """What a shop said with a status that is an error: its own stable code, never its words."""

    status: int
    code: str


class Client:
    """Keeps to the shop's pace (at most four calls at a time) and follows nothing."""

    def __init__(self, context: PluginContext) -> None:
        self.gate = context.gate
        self._limits = Limits("The shop", context.clock)

    async def get(self, asking: Asking, path: str, **params: Any) -> Any:
        """What stands at a path. Raises `NotFound`, `NotReady`, `Reconnect`."""
        return self._json(asking, await self._send(asking, "GET", path, params))

    async def page(self, asking: Asking, path: str, **params: Any) -> tuple[list[Mapping[str, Any]], bool]:
        """One page of a list, and whether there is another. Its link is looked at and not followed."""
        response = await self._send(asking, "GET", path, params)
        found = self._json(asking, response)
        if not isinstance(found, list):
            raise NotReady("The shop answered something else than a list.")
        return [one for one in found if isinstance(one, dict)], "next" in response.links

    async def pages(self, asking: Asking, path: str, **params: Any) -> AsyncIterator[Mapping[str, Any]]:
        """All entries of a list. Ends after `MOST_PAGES`: a list that has no end is one of nonsense."""
        for number in range(1, MOST_PAGES + 1):
            found, more = await self.page(asking, path, **params, per_page=MOST, page=number)
            for one in found:
                yield one
            if not more or not found:
                return

    async def settings(self, asking: Asking, group: str) -> Mapping[str, Any] | None:
        """The shop's settings of a group, by id; None where the key's user may not see them."""
        response = await self._send(asking, "GET", f"settings/{group}", {"_fields": "id,value"})
        if response.status_code in (403, 404) and _failed(response).code:
            return None
        found = self._json(asking, response)
        rows = found if isinstance(found, list) else []
        return {str(one.get("id")): one.get("value") for one in rows if isinstance(one, dict)}

    async def change(
        self, asking: Asking, method: str, path: str, body: Mapping[str, Any], *, takes: Sequence[int] = ()
    ) -> Any:
        """What a change gave, or a `Failed` for one of the statuses of `takes`, such as a rule of the shop's that
        forbids it. Raises as `get` does."""
        response = await self._send(asking, method, path, {}, body, takes=takes)
        if response.status_code in takes:
            failed = _failed(response)
            if failed.code:
                return failed
            if response.status_code >= 500:
                raise self._limits.failure(response)
        return self._json(asking, response)

    async def delete(self, asking: Asking, path: str) -> None:
        """Deletes for good; what is gone already is no error."""
        with suppress(NotFound):
            self._json(asking, await self._send(asking, "DELETE", path, {"force": "true"}))

    async def tries_to_write(self, asking: Asking) -> Failed:
        """What the shop says to a change of an order that cannot exist. It changes nothing."""
        return _failed(await self._send(asking, "PUT", "orders/0", {}, {}))

    async def plain_permalinks(self, asking: Asking) -> bool:
        """Whether the API is there under the address that it has without permalinks. Asked without the key."""
        response = await self._send(asking, "GET", "/", {"rest_route": "/"}, bare=True)
        try:
            found = response.json()
        except ValueError:
            return False
        return response.is_success and isinstance(found, dict) and "namespaces" in found

    async def _send(
        self,
        asking: Asking,
        method: str,
        path: str,
        params: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
        *,
        takes: Sequence[int] = (),
        bare: bool = False,
    ) -> httpx2.Response:
        store = asking.store
        url = f"{store.url}{path}" if bare else f"{store.url}/wp-json/wc/v3/{path}"
        auth = (store.consumer_key.get_secret_value(), store.consumer_secret.get_secret_value())
        options: dict[str, Any] = {"params": dict(params), "headers": {"accept": "application/json"}}
        if body is not None:
            options["json"] = dict(body)
        if not bare:
            options["auth"] = auth
        http = self.gate.http(
            PROCESSOR,
            purpose=asking.purpose,
            categories=tuple(asking.categories),
            subjects=tuple(asking.subjects),
            scope=asking.scope,
            host=store.host,
        )
        async with http:
            return await self._limits.send(
                http, method, url, key=(store.url, auth[0]), takes=_OURS | set(takes), **options
            )

    def _json(self, asking: Asking, response: httpx2.Response) -> Any:
        """The answer's JSON, or the error that its status means."""
        status = response.status_code
        if 300 <= status < 400:
            raise NotReady(*_moved(asking.store, response.headers.get("location", "")))
        failed = _failed(response) if status >= 400 else None
        if failed is None:
            try:
                return response.json()
            except ValueError as error:
                raise NotReady(
                    "The shop answered with a page where data was expected.",
                    do="Is it in maintenance or “coming soon” mode, or does a security plugin block /wp-json?",
                ) from error
        if status == 401:
            raise refused(failed)
        if not failed.code:
            raise NotReady(
                f"The shop, or something in front of it, answered {status} with a page.",
                do="Is WooCommerce there, and does a security plugin or firewall block /wp-json?",
            )
        if status == 403:
            raise Reconnect(
                "The user whom the key belongs to may not see this in the shop.",
                do="Make the key for a shop manager or an administrator.",
            )
        if status == 404:
            raise NotFound("There is no such thing in the shop.")
        raise Rejected("The shop does not take this.", code="not_possible")


def refused(failed: Failed) -> Reconnect:
    """What a 401 means: a key that is wrong, one that may not write, or one that never came through."""
    if failed.code == "woocommerce_rest_cannot_view":
        return Reconnect(NO_KEY, do=HEADER_HINT)
    return Reconnect("The shop refused the key.", do="Make a new one: WooCommerce > Settings > Advanced > REST API.")


def _failed(response: httpx2.Response) -> Failed:
    try:
        said = response.json()
    except ValueError:
        said = None
    code = said.get("code") if isinstance(said, dict) else None
    plain = code if isinstance(code, str) and code.isascii() and code.isidentifier() and len(code) <= 80 else ""
    return Failed(response.status_code, plain)


def _moved(store: Store, location: str) -> tuple[str]:
    """Where a shop sends us, named only where it is the same shop with or without www."""
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    if host and host.removeprefix("www.") == store.host.removeprefix("www.") and host != store.host:
        return (f"The shop moves us on to {host}, and a key is not sent after it. Connect it as https://{host}.",)
    return ("The shop sends us elsewhere, and nothing is followed. Enter the address at which it answers itself.",)
