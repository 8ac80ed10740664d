"""Signatures of the deployment: Ed25519 (RFC 8032) under a key that every machine with the same root has."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from omniops.vault.roots import RootProvider


class Signer:
    """Signs for one use, such as `proof report`. The private key is derived from the root and stored nowhere."""

    def __init__(self, root: RootProvider, name: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(root.secret(name))[:32])

    @property
    def public(self) -> bytes:
        """The 32 bytes with which anybody checks a signature."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._key.sign(data)


def verified(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether `signature` is that of `data` under the public key. Needs nothing but its arguments."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
