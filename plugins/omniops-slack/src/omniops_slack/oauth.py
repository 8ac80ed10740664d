"""Access to a workspace: OAuth 2 as Slack speaks it, with errors at status 200 and scopes set apart by commas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from omniops.contracts.ids import Clock
from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.errors import NotReady, Reconnect, Rejected

from omniops_slack.client import REFUSED
from omniops_slack.settings import SlackSettings

if TYPE_CHECKING:
    import httpx2

GRANTS = REFUSED | {
    "invalid_grant",
    "invalid_code",
    "code_already_used",
    "code_expired",
    "invalid_refresh_token",
    "bad_redirect_uri",
    "invalid_code_verifier",
}
"""A code or a refresh token that does not count (any more)."""
_NOT_ALLOWED = frozenset({"is_bot", "no_permission", "access_denied", "not_allowed_token_type"})
"""What an app is told that must not take itself out of a workspace."""


@dataclass(frozen=True, slots=True)
class SlackOAuth(OAuth):
    """Bot tokens only: nothing is done in a member's name. With rotation switched on in the app, an access token is
    good for twelve hours and a refresh token for one use."""

    async def ask(self, http: httpx2.AsyncClient, connection: Any, form: Mapping[str, str]) -> Tokens:
        secret = self.client_secret.get_secret_value() if self.client_secret is not None else ""
        said = await _said(http, self.endpoints.token, {**form, "client_id": self.client_id, "client_secret": secret})
        if said.get("ok") is not True:
            code = _code(said)
            if code in GRANTS:
                raise Reconnect(f"Slack does not take this grant ({code}).")
            raise NotReady(f"Slack gave no access ({code}).")
        return self.read(said)

    def read(self, said: Mapping[str, Any]) -> Tokens:
        team = (said.get("team") or {}).get("id")
        if not isinstance(team, str) or not team or said.get("is_enterprise_install"):
            raise Rejected(
                "The app was installed for a whole organisation.",
                code="org_install",
                do="Install it into one workspace.",
            )
        if said.get("token_type") != "bot" or not said.get("access_token"):
            raise Rejected("Slack gave no access for an app's own user.", code="no_bot_token", do="Connect again.")
        tokens = OAuth.read(self, said)
        bot = said.get("bot_user_id")
        return tokens.model_copy(update={"extra": {"team": team, "bot": bot if isinstance(bot, str) else ""}})

    async def revoke(self, http: httpx2.AsyncClient, tokens: Tokens, *, connection: Any) -> bool:
        """Takes the app out of the workspace, which ends all its tokens (https://docs.slack.dev/reference/methods/
        apps.uninstall). Where a workspace does not let it, the token alone is ended."""
        assert self.endpoints.revoke is not None
        secret = self.client_secret.get_secret_value() if self.client_secret is not None else ""
        form, bearer = {"client_id": self.client_id, "client_secret": secret}, tokens.access.get_secret_value()
        said = await _said(http, self.endpoints.revoke, form, bearer=bearer)
        if _code(said) in _NOT_ALLOWED:
            said = await _said(http, urljoin(self.endpoints.revoke, "auth.revoke"), {}, bearer=bearer)
        if said.get("ok") is True or _code(said) in REFUSED - {"token_expired"}:
            return True
        raise NotReady(f"Slack did not revoke the access ({_code(said)}).")


def oauth(settings: SlackSettings, clock: Clock) -> SlackOAuth:
    """The flow with the operator's app."""
    base = settings.base_url
    endpoints = Endpoints(f"{base}/oauth/v2/authorize", f"{base}/api/oauth.v2.access", f"{base}/api/apps.uninstall")
    return SlackOAuth(
        endpoints, settings.client_id, settings.client_secret, separator=",", pkce=settings.pkce, clock=clock
    )


async def _said(
    http: httpx2.AsyncClient, url: str, form: Mapping[str, str], bearer: str | None = None
) -> dict[str, Any]:
    """The JSON of an answer, which is the same with every status."""
    import httpx2

    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        answer = await http.post(url, data=form, headers=headers, follow_redirects=False)
        said = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise NotReady(f"Slack did not answer as it should ({type(error).__name__}).") from error
    if answer.status_code >= 300 or not isinstance(said, dict):
        raise NotReady(f"Slack answered {answer.status_code}.")
    return said


def _code(said: Mapping[str, Any]) -> str:
    code = said.get("error")
    return code if isinstance(code, str) and code.isidentifier() and len(code) <= 60 else "no code"
