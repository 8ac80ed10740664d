"""Signatures of Standard Webhooks (specification 1.0): HMAC-SHA256 over `id.timestamp.body`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as random
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """256 random bits as `whsec_…`; what follows the prefix is base64 of the key."""
    return PREFIX + base64.b64encode(random.token_bytes(32)).decode()


def signed(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. There is one signature for each secret that is good now, so that a receiver may change over
    whenever it likes while a secret is rotated."""
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signatures = [
        base64.b64encode(hmac.digest(base64.b64decode(one.removeprefix(PREFIX)), content, hashlib.sha256)).decode()
        for one in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
