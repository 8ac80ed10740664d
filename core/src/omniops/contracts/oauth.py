"""Access on a business's behalf: the code flow of OAuth 2 (RFC 6749, PKCE of RFC 7636) as plugins see it.

Core runs the flow, keeps the tokens sealed, refreshes them before they end and marks the connection when that cannot
work any more. A plugin names the addresses and, where its vendor departs from the standard, overrides one method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from omniops.contracts.ids import Clock, SystemClock
from omniops.contracts.plugin import PluginSettings
from omniops.errors import NotReady, Reconnect, Rejected

if TYPE_CHECKING:
    import httpx2


class Tokens(BaseModel):
    """What the other side gave. `scopes` are those that were granted, or None where it does not say: then those that
    were asked for count. `extra` holds what else its answer names and the plugin needs, such as a team's id.

    Without `expires_at` the access token is good until it is refused; without `refresh` a person has to connect again
    when it ends. `refresh_expires_at` is when the refresh token itself ends, where the other side says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    access: SecretStr
    refresh: SecretStr | None = None
    expires_at: AwareDatetime | None = None
    refresh_expires_at: AwareDatetime | None = None
    scopes: frozenset[str] | None = None
    extra: Mapping[str, str] = {}


class OAuthConnection(PluginSettings):
    """Base of a `Connection` whose tokens core fills. Its own fields are what a person enters before they are sent to
    the other side, such as a shop's name; `tokens` is in no form and in no answer of the API.

    Core hands such a connection out with an access token that is good for the next minutes. A plugin never refreshes:
    where the token is refused nevertheless it raises `Reconnect`, and core tries once with a new one.
    """

    tokens: Tokens | None = Field(default=None, description="Filled when the business agrees at the other side.")

    @property
    def access_token(self) -> str:
        """The access token. Raises `Reconnect` where there is none."""
        if self.tokens is None:
            raise Reconnect("This connection has no access token.", do="Connect it again.")
        return self.tokens.access.get_secret_value()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the other side is asked. All are https addresses of hosts of the integration's processor, except
    `authorize`, which the member's browser opens. `revoke` is None where there is no such thing; `issuer` is set
    where the other side names itself in the redirect (RFC 9207), and what `iss` must be there."""

    authorize: str
    token: str
    revoke: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class OAuth:
    """The other side's code flow. Use it as it is, or override what is different there.

    `client_id` and `client_secret` are the operator's, from the plugin's `Settings`; empty means that the operator has
    not set them, and connecting says so. `scopes` are asked for whatever features are on. `parameters` are added to the
    authorize address. `clock` is that of the plugin's context. Secrets of the client go in the body of a request
    (`client_secret_post`).
    """

    endpoints: Endpoints
    client_id: str
    client_secret: SecretStr | None = None
    scopes: Sequence[str] = ()
    separator: str = " "
    pkce: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def at(self, connection: Any) -> Endpoints:
        """The addresses for one connection. Override it where they depend on its values, such as a shop's host; check
        such a value in the `Connection` model."""
        return self.endpoints

    def extra(self, connection: Any, scopes: Sequence[str]) -> Mapping[str, str]:
        """Parameters of the authorize address besides those of the standard, `parameters` by default."""
        return self.parameters

    def check_callback(self, query: Mapping[str, str], connection: Any) -> None:
        """Looks at the redirect's parameters before the code is used. Core has checked `state` by then, and that no
        parameter comes twice. Override it where the other side signs the redirect. Raises `Rejected`."""
        issuer = self.at(connection).issuer
        if issuer is not None and query.get("iss") != issuer:
            raise Rejected("The answer comes from another issuer than the one asked.", code="wrong_issuer")

    async def exchange(
        self, http: httpx2.AsyncClient, code: str, *, connection: Any, redirect_uri: str, verifier: str | None
    ) -> Tokens:
        """The tokens for a code. `verifier` is that of PKCE, None without it. Raises `Rejected` where the code is
        refused, `NotReady` where the other side is away."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if verifier is not None:
            form["code_verifier"] = verifier
        try:
            return await self.ask(http, connection, form)
        except Reconnect as error:
            raise Rejected(str(error), code="code_refused", do="Connect again.") from error

    async def refresh(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> Tokens:
        """New tokens for old. The result's `refresh` and `scopes` may be None: then those before stay. Raises
        `Reconnect` where the refresh token is refused for good (`invalid_grant`), `NotReady` for all that may pass."""
        if tokens.refresh is None:
            raise Reconnect("The access token has ended, and there is none to refresh it by.")
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh.get_secret_value()}
        return await self.ask(http, connection, form)

    async def revoke(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> bool:
        """Ends the grant at the other side (RFC 7009). False where it has no way to. A token that it does not know any
        more is revoked as well. Raises `NotReady` where it is away."""
        address = self.at(connection).revoke
        if address is None:
            return False
        token = tokens.refresh or tokens.access
        answer = await _posted(http, address, {"token": token.get_secret_value(), **self._client()})
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise NotReady(f"The other side answered {answer.status_code} when access was to be revoked.")
        return True

    async def ask(self, http: httpx2.AsyncClient, connection: Any, form: Mapping[str, str]) -> Tokens:
        """Sends a form with the client's credentials to the token address and reads the tokens. Raises `Reconnect` for
        a grant that is refused, `NotReady` for everything else that is no token. Neither repeats what was answered:
        it may hold a secret."""
        answer = await _posted(http, self.at(connection).token, {**form, **self._client()})
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise NotReady(f"The token address answered {answer.status_code} without JSON.")
        error = said.get("error")
        if error in ("invalid_grant", "bad_verification_code", "invalid_code"):
            raise Reconnect("The other side does not take this grant any more (invalid_grant).")
        if answer.status_code >= 400 or error or not said.get("access_token"):
            known = error if isinstance(error, str) and error.isidentifier() and len(error) <= 40 else "no token"
            raise NotReady(f"The token address answered {answer.status_code} ({known}).")
        return self.read(said)

    def read(self, said: Mapping[str, Any]) -> Tokens:
        """The tokens in an answer (RFC 6749, 5.1). Override it to keep more of it in `extra`."""
        scope = said.get("scope")
        refresh = said.get("refresh_token")
        return Tokens(
            access=SecretStr(str(said["access_token"])),
            refresh=SecretStr(str(refresh)) if refresh else None,
            expires_at=self.after(said.get("expires_in")),
            refresh_expires_at=self.after(said.get("refresh_token_expires_in")),
            scopes=frozenset(scope.replace(",", " ").split()) if isinstance(scope, str) else None,
        )

    def after(self, seconds: Any) -> datetime | None:
        """The time so many seconds from now. None for what is no number above 0: then it does not end."""
        try:
            found = float(seconds)
        except (TypeError, ValueError):
            return None
        return self.clock.now() + timedelta(seconds=found) if 0 < found < 1e10 else None

    def _client(self) -> dict[str, str]:
        secret = {"client_secret": self.client_secret.get_secret_value()} if self.client_secret else {}
        return {"client_id": self.client_id, **secret}


async def _posted(http: httpx2.AsyncClient, address: str, form: Mapping[str, str]) -> httpx2.Response:
    """A form's answer; redirects are not followed, since they would carry the secret along."""
    import httpx2

    try:
        return await http.post(address, data=form, headers={"accept": "application/json"}, follow_redirects=False)
    except httpx2.HTTPError as error:
        raise NotReady(f"The other side did not answer ({type(error).__name__}).") from error


@dataclass(frozen=True, slots=True)
class Handed:
    """What another system handed over: the `state` that came with its address, and values of the `Connection`."""

    state: str
    values: Mapping[str, Any]


class Handover:
    """A flow that is no OAuth: a member agrees at the other side, which then posts credentials to an address of ours.
    The fields of the `Connection` that it fills have a default, since a member begins without them.

    The post is unsigned as a rule, so the state is the only link: core makes it single-use and short-lived, bound to
    the member, the account, the domain and the values entered, and checks the connection before it is saved.
    """

    def address(self, connection: Any, *, state: str, callback_url: str, return_url: str, scopes: Sequence[str]) -> str:
        """Where the member is sent. The other side posts to `callback_url` and sends the browser to `return_url`."""
        raise NotImplementedError

    def read(self, body: bytes) -> Handed:
        """What was posted, at most 64 KB. Raises `Rejected` for what is not well-formed."""
        raise NotImplementedError
