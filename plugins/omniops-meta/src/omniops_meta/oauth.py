"""Access to a business's numbers and pages: Facebook Login for Business.

Its answers name no scopes, so that Meta is asked which were given; where a login configuration is used either all of it
is granted or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from omniops.contracts.ids import Clock
from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.errors import NotReady, Reconnect, Rejected
from pydantic import SecretStr

from omniops_meta.client import proof
from omniops_meta.settings import MetaSettings

if TYPE_CHECKING:
    import httpx2

_SHORT = 2 * 86400
"""Seconds. A user's token that ends sooner is exchanged for one of 60 days; those of businesses do not end."""
EARLY = 10 * 86400
"""Seconds before its end at which a token of 60 days is exchanged for the next one."""
AGAIN = timedelta(hours=1)
"""When it is tried again where Meta is away."""
_SYSTEM_USER = "SYSTEM_USER"
_DEAD = frozenset({100, 102, 190, 463, 467})
"""A code or a token that does not count (any more)."""


@dataclass(frozen=True, slots=True)
class FacebookOAuth(OAuth):
    """`config` is the operator's login configuration; without one the scopes are asked for by themselves. `ends` are
    the permissions that are taken back when the business disconnects: no other connection of its works by them."""

    config: str = ""
    ends: Sequence[str] = ()
    graph: str = ""

    def extra(self, connection: Any, scopes: Sequence[str]) -> Mapping[str, str]:
        return {"config_id": self.config, "override_default_response_type": "true"} if self.config else {}

    async def exchange(
        self, http: httpx2.AsyncClient, code: str, *, connection: Any, redirect_uri: str, verifier: str | None
    ) -> Tokens:
        try:
            said = await self._given(http, {"redirect_uri": redirect_uri, "code": code})
            if 0 < _seconds(said) < _SHORT:
                again = {"grant_type": "fb_exchange_token", "fb_exchange_token": str(said["access_token"])}
                said = await self._given(http, again)
        except Reconnect as error:
            raise Rejected(str(error), code="code_refused", do="Connect again.") from error
        token = str(said["access_token"])
        seen = (await self._asked(http, "debug_token", {"input_token": token}, self._app)).get("data") or {}
        if str(seen.get("app_id")) != self.client_id or seen.get("is_valid") is not True:
            raise Rejected("Meta gave access for another app.", code="other_app", do="Connect again.")
        return self._tokens(said, seen)

    async def refresh(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> Tokens:
        """Another 60 days for a system user's token that ends. One of a person is not prolonged without them.

        See https://developers.facebook.com/docs/business-management-apis/system-users/install-apps-and-generate-tokens.
        """
        if tokens.refresh is None:
            raise Reconnect("The access has ended, and only a person can give it anew.")
        form = {
            "grant_type": "fb_exchange_token",
            "fb_exchange_token": tokens.refresh.get_secret_value(),
            "set_token_expires_in_60_days": "true",
        }
        try:
            return self._tokens(await self._given(http, form), {"type": _SYSTEM_USER})
        except NotReady:
            return put_off(tokens, self.clock)

    def _tokens(self, said: Mapping[str, Any], seen: Mapping[str, Any]) -> Tokens:
        """What was given. A system user's token is exchanged well before its end, so that there is time to mend it."""
        token, seconds = SecretStr(str(said["access_token"])), _seconds(said)
        goes_on = seen.get("type") == _SYSTEM_USER and seconds > 0
        user = seen.get("user_id")
        return Tokens(
            access=token,
            refresh=token if goes_on else None,
            expires_at=self.after(max(seconds - EARLY, 1) if goes_on else seconds),
            refresh_expires_at=self.after(seconds) if goes_on else None,
            scopes=frozenset(str(one) for one in seen["scopes"]) if seen.get("scopes") else None,
            extra={"user": str(user)} if user else {},
        )

    async def revoke(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> bool:
        """Takes back what no other connection needs. A token that is dead already is revoked as well."""
        token = tokens.access.get_secret_value()
        try:
            for permission in self.ends:
                await self._asked(http, f"me/permissions/{permission}", {}, token, method="DELETE")
        except Reconnect:
            return True
        return True

    @property
    def _secret(self) -> str:
        return self.client_secret.get_secret_value() if self.client_secret is not None else ""

    @property
    def _app(self) -> str:
        """The app's own access."""
        return f"{self.client_id}|{self._secret}"

    async def _given(self, http: httpx2.AsyncClient, form: Mapping[str, str]) -> Mapping[str, Any]:
        app = {"client_id": self.client_id, "client_secret": self._secret}
        said = await self._asked(http, "oauth/access_token", {**app, **form}, None)
        if not isinstance(said.get("access_token"), str):
            raise NotReady("Meta gave no token.")
        return said

    async def _asked(
        self,
        http: httpx2.AsyncClient,
        path: str,
        params: Mapping[str, str],
        token: str | None,
        *,
        method: str = "GET",
    ) -> Mapping[str, Any]:
        """The JSON of an answer. Never repeats what was answered: it may hold a secret."""
        import httpx2

        headers = {"accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
            if token != self._app and self.client_secret is not None:
                params = {**params, "appsecret_proof": proof(self.client_secret, token)}
        try:
            url = f"{self.graph}/{path}"
            answer = await http.request(method, url, params=params, headers=headers, follow_redirects=False)
            said = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise NotReady(f"Meta did not answer as it should ({type(error).__name__}).") from error
        failed = said.get("error") if isinstance(said, dict) else None
        if isinstance(failed, dict) and failed.get("code") in _DEAD:
            raise Reconnect(f"Meta does not take this grant ({failed['code']}).")
        if answer.status_code != 200 or not isinstance(said, dict) or failed:
            raise NotReady(f"Meta answered {answer.status_code} when access was asked for.")
        return said


def put_off(tokens: Tokens, clock: Clock) -> Tokens:
    """The same token for another hour, from who must wait for the next one and has days left. Raises `NotReady` near
    its end."""
    until, end = clock.now() + AGAIN, tokens.refresh_expires_at
    if end is None or end <= until:
        raise NotReady("Meta does not prolong the access just now.")
    return tokens.model_copy(update={"expires_at": until})


def oauth(settings: MetaSettings, clock: Clock, config: str, ends: Sequence[str]) -> FacebookOAuth:
    """The flow with the operator's app."""
    endpoints = Endpoints(settings.dialog, f"{settings.graph}/oauth/access_token")
    return FacebookOAuth(
        endpoints,
        settings.app_id,
        settings.app_secret,
        separator=",",
        pkce=False,
        clock=clock,
        config=config,
        ends=ends,
        graph=settings.graph,
    )


def _seconds(said: Mapping[str, Any]) -> float:
    found = said.get("expires_in")
    return float(found) if isinstance(found, int | float) else 0.0
