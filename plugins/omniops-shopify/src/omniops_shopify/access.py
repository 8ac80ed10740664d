"""How a shop gives access: Shopify's own kind of OAuth, with tokens that end after an hour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.contracts.webhook import check_signature
from omniops.errors import NotReady, Reconnect, Rejected

from omniops_shopify.queries import UNINSTALL, VERSION
from omniops_shopify.settings import Shop, ShopifySettings

if TYPE_CHECKING:
    import httpx2
    from omniops.contracts.ids import Clock

_UNRESERVED = "-_.!~*'()"
"""What `encodeURIComponent` leaves as it is beside letters and digits: Shopify signs the redirect in that form."""


def host_of(settings: ShopifySettings, connection: Shop) -> str:
    """The shop's own host, the only one that its token is sent to."""
    return f"{connection.shop}.{settings.domain}"


def api_of(settings: ShopifySettings, connection: Shop) -> str:
    """Where the shop takes GraphQL."""
    return f"{_place(settings, connection)}/admin/api/{VERSION}/graphql.json"


def _place(settings: ShopifySettings, connection: Shop) -> str:
    port = "" if settings.port == 443 else f":{settings.port}"
    return f"https://{host_of(settings, connection)}{port}"


@dataclass(frozen=True)
class ShopifyOAuth(OAuth):
    """The code flow of the operator's app. Scopes are joined by commas, the redirect is signed, there is no PKCE."""

    settings: ShopifySettings = field(default_factory=ShopifySettings)

    @classmethod
    def of(cls, settings: ShopifySettings, clock: Clock) -> ShopifyOAuth:
        return cls(
            Endpoints("", ""),  # each shop has its own
            settings.client_id,
            settings.client_secret,
            separator=",",
            pkce=False,
            clock=clock,
            settings=settings,
        )

    def at(self, connection: Any) -> Endpoints:
        place = _place(self.settings, connection)
        return Endpoints(f"{place}/admin/oauth/authorize", f"{place}/admin/oauth/access_token")

    def check_callback(self, query: Mapping[str, str], connection: Any) -> None:
        """The redirect is signed with the client secret, and is of the shop that was asked."""
        signed = "&".join(
            f"{quote(name, safe=_UNRESERVED)}={quote(query[name], safe=_UNRESERVED)}"
            for name in sorted(query)
            if name != "hmac"
        )
        check_signature(self._secrets, signed.encode(), query.get("hmac", ""))
        shop = query.get("shop", "")
        pattern = rf"[a-zA-Z0-9][a-zA-Z0-9-]*\.{re.escape(self.settings.domain)}"
        if not re.fullmatch(pattern, shop) or shop.lower() != host_of(self.settings, connection):
            raise Rejected("The answer comes from another shop than the one asked.", code="wrong_issuer")

    @property
    def _secrets(self) -> tuple[Any, ...]:
        return (self.settings.client_secret, self.settings.previous_secret)

    async def exchange(
        self, http: httpx2.AsyncClient, code: str, *, connection: Any, redirect_uri: str, verifier: str | None
    ) -> Tokens:
        """Asks for a token that ends after an hour, with one to refresh it by."""
        try:
            return await self.ask(http, connection, {"code": code, "expiring": "1"})
        except Reconnect as error:
            raise Rejected("The shop does not take this code.", code="code_refused", do="Connect again.") from error

    async def ask(self, http: httpx2.AsyncClient, connection: Any, form: Mapping[str, str]) -> Tokens:
        """As the standard has it, but for the refusal: Shopify answers 400 or 401 with a code of its own, such as
        `invalid_request` for a refresh token that is not good any more."""
        import httpx2

        client = {"client_id": self.client_id}
        if self.client_secret is not None:
            client["client_secret"] = self.client_secret.get_secret_value()
        try:
            answer = await http.post(
                self.at(connection).token,
                data={**form, **client},
                headers={"accept": "application/json"},
                follow_redirects=False,
            )
        except httpx2.HTTPError as error:
            raise NotReady(f"The shop did not answer ({type(error).__name__}).") from error
        said = _read(answer)
        refused = said.get("error")
        if answer.status_code in (400, 401) and refused in ("invalid_grant", "invalid_request", "invalid_token"):
            raise Reconnect("Shopify does not take this grant any more.")
        if not answer.is_success or refused or not said.get("access_token"):
            raise NotReady(f"Shopify gave no token ({answer.status_code}).")
        return self.read(said)

    def read(self, said: Mapping[str, Any]) -> Tokens:
        """Shopify names `write_orders` alone where both it and `read_orders` were granted: writing implies reading."""
        tokens = super().read(said)
        if tokens.scopes is None:
            return tokens
        implied = {f"read_{one.removeprefix('write_')}" for one in tokens.scopes if one.startswith("write_")}
        return tokens.model_copy(update={"scopes": tokens.scopes | implied})

    async def revoke(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> bool:
        """Uninstalls the app from the shop: all its tokens and webhooks end there. A token that the shop does not know
        any more is one of an app that is gone already."""
        import httpx2

        try:
            answer = await http.post(
                api_of(self.settings, connection),
                json={"query": UNINSTALL},
                headers={"X-Shopify-Access-Token": tokens.access.get_secret_value()},
                follow_redirects=False,
            )
        except httpx2.HTTPError as error:
            raise NotReady(f"The shop did not answer ({type(error).__name__}).") from error
        if answer.status_code == 401:
            return True
        done = (_read(answer).get("data") or {}).get("appUninstall") or {}
        if not answer.is_success or not done.get("app") or done.get("userErrors"):
            raise NotReady(f"Shopify did not uninstall the app ({answer.status_code}).")
        return True


def _read(answer: httpx2.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise NotReady(f"Shopify answered {answer.status_code} without JSON.")
    return said
