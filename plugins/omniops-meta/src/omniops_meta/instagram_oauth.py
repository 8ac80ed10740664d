"""Access to an Instagram account by Instagram Login, without a page on Facebook.

A token is good for 60 days and is exchanged for the next one while it still is; one that has lapsed needs a person.
See https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-instagram-login/business-login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops.contracts.ids import Clock
from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.errors import NotReady, Reconnect, Rejected
from pydantic import SecretStr

from omniops_meta.oauth import EARLY, put_off
from omniops_meta.settings import VERSION, MetaSettings

if TYPE_CHECKING:
    import httpx2
_LATER = (1, 2, 4, 17, 32, 613)


@dataclass(frozen=True, slots=True)
class InstagramOAuth(OAuth):
    """A code gives a token of an hour, that one a token of 60 days. `graph` is Instagram's own Graph API."""

    graph: str = ""

    async def exchange(
        self, http: httpx2.AsyncClient, code: str, *, connection: Any, redirect_uri: str, verifier: str | None
    ) -> Tokens:
        form = {**self._client(), "grant_type": "authorization_code", "redirect_uri": redirect_uri, "code": code}
        try:
            said = await self._asked(http, "POST", self.endpoints.token, data=form)
        except Reconnect as error:
            raise Rejected(str(error), code="code_refused", do="Connect again.") from error
        rows = said.get("data")
        given = rows[0] if isinstance(rows, list) and rows else said
        long = {
            "grant_type": "ig_exchange_token",
            "client_secret": self._client().get("client_secret", ""),
            "access_token": str(given.get("access_token", "")),
        }
        tokens = self._tokens(await self._asked(http, "GET", f"{self.graph}/access_token", params=long))
        seen = await self._asked(
            http,
            "GET",
            f"{self.graph}/{VERSION}/me",
            params={"fields": "user_id,username"},
            headers={"authorization": f"Bearer {tokens.access.get_secret_value()}"},
        )
        permissions = given.get("permissions") or ()
        named = permissions.split(",") if isinstance(permissions, str) else permissions
        extra = {"account": str(seen.get("user_id", "")), "user": str(given.get("user_id", ""))}
        return tokens.model_copy(update={"scopes": frozenset(str(one).strip() for one in named), "extra": extra})

    async def refresh(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> Tokens:
        token = tokens.refresh or tokens.access
        params = {"grant_type": "ig_refresh_token", "access_token": token.get_secret_value()}
        try:
            return self._tokens(await self._asked(http, "GET", f"{self.graph}/refresh_access_token", params=params))
        except NotReady:
            return put_off(tokens, self.clock)

    async def revoke(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> bool:
        """There is no way to: the account's owner removes the app in Instagram's settings."""
        return False

    def _tokens(self, said: Mapping[str, Any]) -> Tokens:
        """The token is its own refresh token. It is exchanged well before its end, so that there is time to mend it."""
        if not isinstance(said.get("access_token"), str):
            raise NotReady("Instagram gave no token.")
        token, seconds = SecretStr(said["access_token"]), said.get("expires_in")
        if not isinstance(seconds, int | float) or seconds <= 0:
            raise NotReady("Instagram gave a token without an end.")
        return Tokens(
            access=token,
            refresh=token,
            expires_at=self.after(max(seconds - EARLY, 1)),
            refresh_expires_at=self.after(seconds),
        )

    async def _asked(self, http: httpx2.AsyncClient, method: str, url: str, **options: Any) -> Mapping[str, Any]:
        """The JSON of an answer. Never repeats what was answered: it may hold a secret."""
        import httpx2

        try:
            answer = await http.request(method, url, follow_redirects=False, **options)
            said = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise NotReady(f"Instagram did not answer as it should ({type(error).__name__}).") from error
        if answer.status_code == 200 and isinstance(said, dict):
            return said
        if answer.status_code in (400, 401, 403) and isinstance(said, dict) and not _passes(said):
            raise Reconnect(f"Instagram does not take this grant ({answer.status_code}).")
        raise NotReady(f"Instagram answered {answer.status_code} when access was asked for.")


def oauth(settings: MetaSettings, clock: Clock) -> InstagramOAuth:
    """The flow with the operator's app."""
    return InstagramOAuth(
        Endpoints(settings.instagram_dialog, settings.instagram_login),
        settings.instagram_app_id,
        settings.instagram_app_secret,
        separator=",",
        pkce=False,
        clock=clock,
        graph=settings.instagram,
    )


def _passes(said: Mapping[str, Any]) -> bool:
    """Whether an error is none of the grant: a limit, or trouble at the other side."""
    error = said.get("error")
    return isinstance(error, dict) and (error.get("is_transient") is True or error.get("code") in _LATER)
