"""Who signed a push of Pub/Sub: a token of Google's (OpenID Connect), by keys that Google changes every few days.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from omniops import PluginContext
from omniops.contracts.limits import Limits
from omniops.contracts.webhook import Webhook
from omniops.errors import NotReady, Rejected

from omniops_google.client import PROCESSOR
from omniops_google.oauth import ISSUERS
from omniops_google.settings import GoogleSettings

FRESH = timedelta(hours=6)
"""So long keys are believed: one that Google took back is not believed for ever."""
AGAIN = timedelta(minutes=1)
"""Whatever strangers send, Google is asked for its keys no more often."""
LEEWAY = 60
"""Seconds by which clocks may differ."""


class Signers:
    """Google's public keys, as this process knows them."""

    def __init__(self, context: PluginContext) -> None:
        self._gate = context.gate
        self._clock = context.clock
        self._settings: GoogleSettings = context.settings
        self._limits = Limits("Google", context.clock)
        self._keys: list[dict[str, Any]] = []
        self._got_at: datetime | None = None
        self._asked_at: datetime | None = None

    async def prepare(self, webhook: Webhook) -> None:
        """Gets the keys where a delivery names one that is not known, or they are old. Raises `NotReady`."""
        named, now = _named(webhook), self._clock.now()
        if named is None:
            return
        fresh = self._got_at is not None and now - self._got_at < FRESH
        if fresh and any(key.get("kid") == named for key in self._keys):
            return
        if self._asked_at is not None and now - self._asked_at < AGAIN:
            return
        self._asked_at = now
        async with self._gate.http(PROCESSOR, purpose="connection.use") as http:
            response = await self._limits.send(
                http, "GET", f"{self._settings.at('apis')}/oauth2/v3/certs", key="certs", follow_redirects=False
            )
        said = self._limits.json(response)
        if not isinstance(said, dict) or not isinstance(said.get("keys"), list):
            raise NotReady("Google's keys cannot be read.")
        self._keys, self._got_at = said["keys"], now

    def verify(self, webhook: Webhook) -> None:
        """Raises `Rejected` unless the operator's own push subscription sent this."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        account, audience = self._settings.push_account, self._settings.push_audience
        scheme, _, token = webhook.header("authorization").partition(" ")
        now = webhook.received_at
        old = self._got_at is None or now - self._got_at > 2 * FRESH
        if not account or not audience or old or scheme != "Bearer":
            raise _stranger()
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "values": list(ISSUERS)},
            aud={"essential": True, "value": audience},
            email={"essential": True, "value": account},
            email_verified={"essential": True, "value": True},
            exp={"essential": True},
        )
        try:
            keys = KeySet.import_key_set({"keys": self._keys})
            registry.validate(jwt.decode(token, keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _stranger() from error


def _named(webhook: Webhook) -> str | None:
    """The key that a delivery says it is signed by."""
    try:
        head = webhook.header("authorization").removeprefix("Bearer ").split(".")[0]
        named = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))).get("kid")
    except (Rejected, ValueError, AttributeError):
        return None
    return named if isinstance(named, str) else None


def _stranger() -> Rejected:
    return Rejected("This was not sent by the push subscription of this server.", code="bad_signature")
