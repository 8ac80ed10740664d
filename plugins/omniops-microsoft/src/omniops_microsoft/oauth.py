"""Access to an account: OAuth 2 as the Microsoft identity platform speaks it, version 2.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops.contracts.ids import Clock
from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.errors import NotReady, Reconnect, Rejected

from omniops_microsoft.client import text
from omniops_microsoft.settings import MicrosoftSettings

if TYPE_CHECKING:
    import httpx2

RESOURCE = "https://graph.microsoft.com/"
USER, OFFLINE = f"{RESOURCE}User.Read", "offline_access"
SCOPES = {
    name.casefold(): f"{RESOURCE}{name}"
    for name in (
        "User.Read",
        "Mail.Read",
        "Mail.Send",
        "Team.ReadBasic.All",
        "Channel.ReadBasic.All",
        "ChannelMessage.Send",
        "ChannelMessage.Read.All",
        "ChannelMessage.ReadWrite",
        "Calendars.ReadBasic",
        "Calendars.ReadWrite",
    )
}
"""Everything that a feature asks for. Answers name scopes with or without the resource, and in any case of letters."""
GRANTS = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
"""What only a person can mend: the grant ended, or a rule of the tenant wants them to sign in again."""


@dataclass(frozen=True, slots=True)
class MicrosoftOAuth(OAuth):
    """Delegated access of one account. A refresh token is good once; each answer brings the next."""

    graph: str = RESOURCE.rstrip("/")

    async def exchange(
        self, http: httpx2.AsyncClient, code: str, *, connection: Any, redirect_uri: str, verifier: str | None
    ) -> Tokens:
        tokens = await OAuth.exchange(
            self, http, code, connection=connection, redirect_uri=redirect_uri, verifier=verifier
        )
        bearer = {"authorization": f"Bearer {tokens.access.get_secret_value()}", "accept": "application/json"}
        query = {"$select": "id,mail,userPrincipalName"}
        said = await _said(http, "GET", f"{self.graph}/v1.0/me", headers=bearer, params=query)
        if "error" in said:
            raise NotReady("Microsoft did not say whose account this is.")
        user, address = text(said, "id"), text(said, "mail") or text(said, "userPrincipalName")
        if not user or "@" not in address:
            raise Rejected("This account has no address.", code="no_address", do="Connect one with a mailbox.")
        return tokens.model_copy(update={"extra": {"user": user, "address": address.strip().casefold()}})

    async def ask(self, http: httpx2.AsyncClient, connection: Any, form: Mapping[str, str]) -> Tokens:
        secret = {"client_secret": self.client_secret.get_secret_value()} if self.client_secret is not None else {}
        said = await _said(http, "POST", self.endpoints.token, data={**form, "client_id": self.client_id, **secret})
        error = text(said, "error")
        if error in GRANTS:
            raise Reconnect(f"Microsoft does not take this grant any more ({error}).")
        if error or not text(said, "access_token"):
            known = error if error.isidentifier() and len(error) <= 60 else "no token"
            raise NotReady(f"Microsoft gave no access ({known}).")
        return self.read(said)

    def read(self, said: Mapping[str, Any]) -> Tokens:
        tokens = OAuth.read(self, said)
        if tokens.scopes is None:
            return tokens
        bare = (scope.removeprefix(RESOURCE) for scope in tokens.scopes)
        granted = frozenset(SCOPES.get(scope.casefold(), scope) for scope in bare)
        # offline_access is never among them: the refresh token is what shows it
        return tokens.model_copy(update={"scopes": granted | ({OFFLINE} if tokens.refresh is not None else set())})


def oauth(settings: MicrosoftSettings, clock: Clock) -> MicrosoftOAuth:
    """The flow with the operator's app."""
    base = f"{settings.login_url}/{settings.tenant}/oauth2/v2.0"
    return MicrosoftOAuth(
        Endpoints(f"{base}/authorize", f"{base}/token"),
        settings.client_id,
        settings.client_secret,
        scopes=(OFFLINE, USER),
        parameters={"response_mode": "query", "prompt": "select_account"},
        clock=clock,
        graph=settings.graph_url,
    )


async def _said(http: httpx2.AsyncClient, method: str, url: str, **options: Any) -> dict[str, Any]:
    """The JSON of an answer, which is there with errors as well."""
    import httpx2

    try:
        answer = await http.request(method, url, follow_redirects=False, **options)
        said = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise NotReady(f"Microsoft did not answer as it should ({type(error).__name__}).") from error
    if answer.status_code >= 500 or not isinstance(said, dict):
        raise NotReady(f"Microsoft answered {answer.status_code}.")
    return said
