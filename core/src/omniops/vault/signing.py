"""Signed statements of this deployment that anybody can check without it: receipts of answers and of consent.

A statement is a JWS in compact form (RFC 7515), signed with Ed25519 (RFC 9864). The public keys stand at
`/.well-known/omniops-receipts.json` as a JWK set (RFC 7517).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import OKPKey


class Signer:
    """Signs with the one key that every process of the deployment makes from the same secret of its root."""

    def __init__(self, secret: str, issuer: str) -> None:
        self.issuer = issuer
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes.fromhex(secret)).digest())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = OKPKey.import_key(pem)

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._key.thumbprint(), "use": "sig", "alg": "Ed25519"}]}

    def sign(self, kind: str, said: Mapping[str, Any]) -> str:
        """A signed statement; `kind` is its media type (`typ`), so that none passes for another."""
        header = {"alg": "Ed25519", "typ": kind, "kid": self._key.thumbprint()}
        return jws.serialize_compact(header, json.dumps(said, ensure_ascii=False), self._key, algorithms=["Ed25519"])
