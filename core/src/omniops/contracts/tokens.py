"""Random tokens: shown once to their owner, kept here as a hash only."""

from __future__ import annotations

import hashlib
import secrets


def new_token(prefix: str) -> str:
    """256 random bits, with a prefix that tells people and secret scanners what it is: `oo_key_…`."""
    return f"{prefix}{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> bytes:
    """SHA-256 is enough for 256 random bits: there is nothing to guess and no need to be slow."""
    return hashlib.sha256(token.encode()).digest()
