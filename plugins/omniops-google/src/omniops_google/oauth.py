"""Access to a Google account: OAuth 2 with PKCE and offline access, and whose account it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omniops.contracts.ids import Clock
from omniops.contracts.oauth import Endpoints, OAuth, Tokens
from omniops.errors import Rejected

from omniops_google.settings import ACCOUNTS, GoogleSettings

WHO = ("openid", "https://www.googleapis.com/auth/userinfo.email")
"""Whose account was connected: by it mail notices find the connection, and nobody connects another one by mistake."""
ISSUERS = (ACCOUNTS, "accounts.google.com")


@dataclass(frozen=True, slots=True)
class GoogleOAuth(OAuth):
    """The flow of a web application.

    `include_granted_scopes` is left out on purpose: it would give this connection whatever another website of the
    deployment was granted for the same account.
    """

    def read(self, said: Mapping[str, Any]) -> Tokens:
        tokens = OAuth.read(self, said)
        given = said.get("id_token")
        if given is None:
            return tokens  # a refresh may leave it out; what was read before stays
        return tokens.model_copy(update={"extra": self._account(given)})

    def _account(self, token: Any) -> dict[str, str]:
        """Number and address of the account. The token came from Google itself, over TLS, so that its signature says
        nothing more (OpenID Connect Core 1.0, 3.1.3.7, number 6)."""
        try:
            part = str(token).split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
            known = claims["iss"] in ISSUERS and claims["aud"] == self.client_id and claims["email_verified"] is True
            subject, address = claims["sub"], claims["email"]
        except (IndexError, ValueError, KeyError, TypeError) as error:
            raise Rejected(
                "Google does not say whose account this is.", code="no_account", do="Connect again."
            ) from error
        if not known or not isinstance(subject, str) or not isinstance(address, str) or "@" not in address:
            raise Rejected("Google does not vouch for this account.", code="no_account", do="Connect again.")
        return {"sub": subject, "email": address.casefold()}


def oauth(settings: GoogleSettings, clock: Clock) -> GoogleOAuth:
    """The flow with the operator's app. Without `prompt` there is no refresh token when somebody connects again."""
    tokens = settings.at("tokens")
    return GoogleOAuth(
        Endpoints(settings.authorize, f"{tokens}/token", f"{tokens}/revoke"),
        settings.client_id,
        settings.client_secret,
        scopes=WHO,
        parameters={"access_type": "offline", "prompt": "consent"},
        clock=clock,
    )
