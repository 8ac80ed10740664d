"""A market with accounts of its own, and the plugin for it: a whole code flow on the other side, with its faults."""

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
from omniops import Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.ids import Clock
from omniops.contracts.integration import Choice, Feature, Integration
from omniops.contracts.oauth import Endpoints, Handed, Handover, OAuth, OAuthConnection
from omniops.contracts.plugin import Health, PluginSettings
from omniops.errors import NotReady, Reconnect, Rejected
from omniops.testing.fakes import AnsweringGate
from pydantic import Field, SecretStr

CLIENT, CLIENT_SECRET = "omniops-client", "cs-of-the-operator"
ISSUER = "https://trade.example"


class Market:
    """The other side: gives codes to browsers, tokens for codes, rotates refresh tokens, and counts what it is asked.

    `grants` is what a person ticks there (None: all that is asked for), `lifetime` that of an access token in seconds.
    `away` answers 503; `slow` is awaited before each token, so that two can be under way at once, and `late` after it.
    `closed` are shelves that a check is not content with.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.codes, self.living, self.refreshing = {}, {}, {}
        self.asked, self.revoked, self.set_up, self.left = [], [], [], []
        self.grants, self.lifetime, self.shop = None, 3600, "shop-1"
        self.away, self.slow, self.late, self.ill, self.closed = False, None, None, False, set()

    def browse(self, url, *, issuer=ISSUER, **more):
        """A person opens the address and agrees. Gives the parameters of the redirect."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        code = f"code-{uuid4().hex}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": issuer, **more}

    def refuse_all(self):
        """The business took the access back there."""
        self.living.clear()
        self.refreshing.clear()

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.away:
            return httpx2.Response(503, text="<html>busy</html>")
        form = dict(parse_qsl(request.content.decode()))
        self.asked.append((request.url.path, form))
        if request.url.path == "/shop":
            token = request.headers["authorization"].removeprefix("Bearer ")
            if self.ill or request.url.params.get("shelf") in self.closed:
                return httpx2.Response(200, json={"ok": False})
            known = token in self.living
            return httpx2.Response(200 if known else 401, json={"ok": True, "id": self.living.get(token)})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return httpx2.Response(401, json={"error": "invalid_client"})
        if request.url.path == "/revoke":
            self.revoked.append(form["token"])
            self.refuse_all()
            return httpx2.Response(200)
        if self.slow is not None:
            await self.slow()
        if form["grant_type"] == "authorization_code":
            said = self._exchanged(form)
        else:
            scopes = self.refreshing.pop(form["refresh_token"], None)
            said = self._given(scopes) if scopes is not None else _no_grant()
        if self.late is not None:
            await self.late()
        return said

    def _exchanged(self, form):
        asked = self.codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return _no_grant()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked.get("code_challenge"):
            return _no_grant()
        return self._given(sorted(set(asked["scope"].split()) & set(self.grants or asked["scope"].split())))

    def _given(self, scopes):
        access, refresh = f"access-{uuid4().hex}", f"refresh-{uuid4().hex}"
        self.living = {access: self.shop}
        self.refreshing[refresh] = scopes
        return httpx2.Response(
            200,
            json={
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": self.lifetime,
                "scope": " ".join(scopes),
                "token_type": "Bearer",
                "shop_id": self.shop,
            },
        )

    def count(self, grant_type):
        return sum(form.get("grant_type") == grant_type for _, form in self.asked)


def _no_grant():
    return httpx2.Response(400, json={"error": "invalid_grant", "error_description": "Unknown token refresh-abc"})


class TradeConnection(OAuthConnection):
    shop: str = Field(default="shop-1", pattern=r"^[a-z0-9-]{1,40}$", description="Name of the shop there.")
    shelf: str = Field(default="all", max_length=40, description="Which shelf.")


class TradeOAuth(OAuth):
    """Keeps which shop a token is for."""

    def read(self, said):
        return super().read(said).model_copy(update={"extra": {"shop": str(said.get("shop_id"))}})


class TradeIntegration(Integration):
    """Asks the market who it is."""

    name, title, processor = "trade", "Trade", "trade"
    Connection = TradeConnection
    changeable = ("shelf",)
    features: ClassVar = (
        Feature("products", "Products", scopes=("read_products",)),
        Feature("stock", "Stock", scopes=("read_stock",)),
        Feature(
            "orders",
            "Orders",
            taken="orders of the last 60 days",
            scopes=("read_orders",),
            categories=("customer.orders",),
            own_consent=True,
        ),
    )

    def __init__(self, plugin) -> None:
        self._plugin = plugin

    @property
    def oauth(self):
        return TradeOAuth(
            Endpoints(f"{ISSUER}/authorize?prompt=consent", f"{ISSUER}/token", f"{ISSUER}/revoke", ISSUER),
            self._plugin.client_id,
            SecretStr(CLIENT_SECRET),
            scopes=("read_shop",),
            clock=self._plugin.clock,
        )

    async def check(self, connection):
        async with self._plugin.context.gate.http("trade", purpose="connection.use") as http:
            token = {"authorization": f"Bearer {connection.access_token}"}
            answer = await http.get(f"{ISSUER}/shop", params={"shelf": connection.shelf}, headers=token)
        if answer.status_code == 401:
            raise Reconnect("The market does not know this token.")
        if answer.status_code != 200:
            raise NotReady("The market is away.")
        return Health(answer.json()["ok"], "The market answered." if answer.json()["ok"] else "The shop is closed.")

    def external_ids(self, connection):
        return [connection.tokens.extra["shop"]]

    async def choices(self, link, field):
        return [Choice("left", "Left shelf"), Choice("right", "Right shelf")] if field == "shelf" else []

    async def connected(self, link):
        if self._plugin.market.away:
            raise NotReady("The market is away.")
        self._plugin.market.set_up.append((link.features, dict(link.memory)))
        await link.remember({"hook": "hook-1"})

    async def disconnect(self, link):
        self._plugin.market.left.append(dict(link.memory))


class KeyConnection(PluginSettings):
    store: str = Field(default="store", pattern=r"^[a-z]{1,40}$", description="Name of the store.")
    key: SecretStr = Field(default=SecretStr(""), description="Key of the store; handed over when it agrees.")


class KeyHandover(Handover):
    """The store posts its key to us, unsigned."""

    def address(self, connection, *, state, callback_url, return_url, scopes):
        return f"{ISSUER}/auth?{urlencode({'user_id': state, 'callback': callback_url, 'return': return_url})}"

    def read(self, body):
        try:
            said = json.loads(body)
            return Handed(str(said["user_id"]), {"key": said["key"]})
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This hands nothing over.", code="bad_handover") from error


class KeyIntegration(Integration):
    """A second integration of the plugin: one key is good."""

    name, title, processor = "trade-keys", "Trade by keys", "trade"
    Connection = KeyConnection

    @property
    def handover(self):
        return KeyHandover()

    async def check(self, connection):
        ok = connection.key.get_secret_value() == "good"
        return Health(ok, "The store knows this key." if ok else "The store does not know this key.")


class TradePlugin(Plugin):
    """A link to the market."""

    info = Info(title="Trade", version="1.0", omniops=">=0.1,<0.2")
    Connection = TradeConnection
    market: ClassVar[Market]
    clock: ClassVar[Clock]
    client_id = CLIENT

    def __init__(self, context) -> None:
        super().__init__(replace(context, gate=AnsweringGate(self.market.answer)))
        self.integration = TradeIntegration(self)

    @classmethod
    def of(cls, market, clock):
        """The plugin over this market: two processes have one market."""
        return type(
            "TradePlugin",
            (cls,),
            {"market": market, "clock": clock, "__module__": cls.__module__, "__doc__": cls.__doc__},
        )

    @hookimpl
    def declares(self):
        return Declaration(
            processors=[
                Processor(
                    key="trade",
                    name="Trade",
                    role="customer_chosen",
                    hosts=("trade.example",),
                    countries=("DE",),
                    purposes=("connection.use",),
                )
            ]
        )

    @hookimpl
    def integrations(self):
        return [self.integration, KeyIntegration()]


async def both(*works):
    """All of them at once."""
    return await asyncio.gather(*works, return_exceptions=True)


def address(parameters):
    """Where the market sends the browser."""
    return f"/oauth/callback?{urlencode(parameters)}"
