"""Asks a shop. The only place that sends GraphQL, and where Shopify's answers become errors of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from omniops.contracts.limits import Limits
from omniops.errors import NotReady, Permanent, Reconnect, Refused

from omniops_shopify.access import api_of, host_of
from omniops_shopify.queries import VERSION
from omniops_shopify.settings import Shop, ShopifySettings

if TYPE_CHECKING:
    from omniops import PluginContext
    from omniops.contracts.scope import Scope

PROCESSOR = "shopify"
RESERVE = 100.0
"""Points that are left alone: what a call costs at least is known only when it is over."""


class Client:
    """GraphQL calls to all shops, each at its own pace: Shopify counts the points of a call for each shop and app."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._limits = Limits("Shopify", context.clock)

    @property
    def _settings(self) -> ShopifySettings:
        settings: ShopifySettings = self._context.settings
        return settings

    async def ask(
        self,
        shop: Shop,
        text: str,
        variables: Mapping[str, Any] | None = None,
        *,
        purpose: str = "connection.use",
        categories: Sequence[str] = (),
        subjects: Sequence[UUID] = (),
        scope: Scope | None = None,
    ) -> dict[str, Any]:
        """What stands in `data`. Raises `NotReady` (with the time, where points are missing), `Reconnect`, `Refused`
        where a scope or Shopify's own approval is missing, `Permanent` for a text that it does not take."""
        key = host_of(self._settings, shop)
        client = self._context.gate.http(
            PROCESSOR, purpose=purpose, categories=categories, subjects=subjects, scope=scope
        )
        async with client:
            answer = await self._limits.send(
                client,
                "POST",
                api_of(self._settings, shop),
                key=key,
                takes=(402, 403, 429),
                json={"query": text, "variables": dict(variables or {})},
                headers={"X-Shopify-Access-Token": shop.access_token, "Accept": "application/json"},
                follow_redirects=False,
            )
        if answer.status_code in (402, 403):
            raise NotReady(f"The shop is closed to apps at the moment ({answer.status_code}).")
        if answer.status_code == 429 and "retry-after" in answer.headers:
            raise self._limits.failure(answer)
        said = self._limits.json(answer)
        if not isinstance(said, dict):
            raise NotReady("Shopify answered what cannot be read.")
        if (version := answer.headers.get("x-shopify-api-version", VERSION)) != VERSION:
            self._context.log.warning("shopify.other_version", asked=VERSION, answered=version[:10])
        self._learn(key, said)
        self._refuse(said)
        data = said.get("data")
        if not isinstance(data, dict):
            raise NotReady("Shopify answered without data.")
        return data

    def _learn(self, key: str, said: Mapping[str, Any]) -> None:
        """Waits until there are points again, so that the next call is not refused."""
        if (wait := _wait(said, RESERVE)) > 0:
            self._limits.pause(key, wait)

    def _refuse(self, said: Mapping[str, Any]) -> None:
        errors = said.get("errors")
        if not errors:
            return
        if not isinstance(errors, list):
            raise NotReady("Shopify answered with an error that cannot be read.")
        codes = {str((one.get("extensions") or {}).get("code", "")) for one in errors if isinstance(one, dict)}
        if "THROTTLED" in codes:
            asked = ((said.get("extensions") or {}).get("cost") or {}).get("requestedQueryCost")
            raise NotReady("Shopify takes no more calls for a while.", retry_after=_wait(said, _number(asked)) or 1.0)
        if "ACCESS_DENIED" in codes:
            raise Refused(
                "The shop did not give this app access to that.",
                reason="access_denied",
                do="Switch the feature off, or connect again and agree to it.",
            )
        if "SHOP_INACTIVE" in codes or "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
            raise NotReady("The shop cannot answer at the moment.")
        if "UNAUTHORIZED" in codes:
            raise Reconnect("Shopify refused the credentials.")
        raise Permanent("Shopify does not take this call.")


def _wait(said: Mapping[str, Any], needed: float) -> float:
    """Seconds until so many points are there, by what the answer says of them."""
    status = ((said.get("extensions") or {}).get("cost") or {}).get("throttleStatus") or {}
    left, rate = _number(status.get("currentlyAvailable")), _number(status.get("restoreRate"))
    most = _number(status.get("maximumAvailable"))
    return max(0.0, (min(needed, most) - left) / rate) if rate > 0 else 0.0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
