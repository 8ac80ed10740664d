"""What the deployment says and others check without it: receipts, heads of the audit, reports.

A statement is a JWS in compact form (RFC 7515), signed with Ed25519 (RFC 9864). Each use has a key of its own, made
from the root: the same in every process, and gone with the root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from omniops.errors import Refused, Rejected

ALGORITHM = "Ed25519"


class Signer:
    """Signs the statements of one use."""

    def __init__(self, secret: str, issuer: str = "") -> None:
        """`secret` is `RootProvider.secret(use)`; `issuer` is the deployment's public address, where statements name
        it."""
        self.issuer = issuer
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes.fromhex(secret)).digest())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = OKPKey.import_key(pem)

    @property
    def public(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self._key.thumbprint(), "use": "sig", "alg": ALGORITHM}

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        return {"keys": [self.public]}

    def sign(self, kind: str, said: Mapping[str, Any]) -> str:
        """A signed statement; `kind` is its media type (`typ`), so that none passes for another."""
        header = {"alg": ALGORITHM, "typ": kind, "kid": self._key.thumbprint()}
        return jws.serialize_compact(header, json.dumps(said, ensure_ascii=False), self._key, algorithms=[ALGORITHM])


def verified(statement: str, public: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What a statement says, checked with nothing but the public key (a JWK). Raises `Refused` where the signature, the
    key or the kind does not fit, `Rejected` where `public` is no Ed25519 key."""
    try:
        key = OKPKey.import_key({name: public[name] for name in ("kty", "crv", "x")})
    except (KeyError, ValueError, JoseError):
        raise Rejected("This is no public Ed25519 key.", code="bad_key") from None
    try:
        signed = jws.deserialize_compact(statement, key, algorithms=[ALGORITHM])
        said = json.loads(signed.payload)
    except (ValueError, JoseError):
        raise Refused("The signature does not fit the statement and the key.", reason="bad_signature") from None
    if signed.headers().get("typ") != kind or not isinstance(said, dict):
        raise Refused(f"This is no statement of the kind {kind}.", reason="bad_signature")
    return said
