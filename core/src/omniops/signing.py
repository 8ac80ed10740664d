"""What the deployment says and others check without it: receipts, heads of the audit, reports.

A statement is a JWS in compact form (RFC 7515), signed with Ed25519 (RFC 9864); a document that people read keeps its
own form, and a bare Ed25519 signature (RFC 8032) stands beside it. Each use has a key of its own, made from the root:
the same in every process, and gone with the root.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
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
        self._private = private
        self._key = OKPKey.import_key(pem)

    @property
    def public(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 7517)."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self._key.thumbprint(), "use": "sig", "alg": ALGORITHM}

    @property
    def public_bytes(self) -> bytes:
        """The same key as its 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def keys(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        return {"keys": [self.public]}

    def sign(self, kind: str, said: Mapping[str, Any]) -> str:
        """A signed statement; `kind` is its media type (`typ`), so that none passes for another."""
        header = {"alg": ALGORITHM, "typ": kind, "kid": self._key.thumbprint()}
        return jws.serialize_compact(header, json.dumps(said, ensure_ascii=False), self._key, algorithms=[ALGORITHM])

    def sign_bytes(self, data: bytes) -> bytes:
        """The 64 bytes of a signature that stands beside a document."""
        return self._private.sign(data)


def holds(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether `signature` is that of `data` under the public key. Needs nothing but its arguments."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


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
