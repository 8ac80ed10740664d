"""The primitives, all from `cryptography`: AES-256-GCM for fields, RFC 3394 for keys, AES-SIV for look-up, HKDF.

A sealed field is `algorithm (1 byte) | key version (4) | nonce (12) | ciphertext and tag`. Its associated data is
`home|table|column|id|subject`, so that a ciphertext moved to any other place does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import struct
import unicodedata
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from omniops.errors import Refused

AES_256_GCM = 0x01
_HEADER = struct.Struct(">BI")
_NONCE = 12
_TEXT, _BYTES, _JSON = b"t", b"b", b"j"


def new_key() -> bytes:
    """256 random bits from the operating system."""
    return os.urandom(32)


def derive(key: bytes, use: str, length: int = 32) -> bytes:
    """A sub-key for one use (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"omniops {use}".encode()).derive(key)


def wrap(key: bytes, under: bytes) -> bytes:
    return aes_key_wrap(under, key)


def unwrap(wrapped: bytes, under: bytes) -> bytes:
    """Raises `Refused` when the wrapping key is not the right one."""
    try:
        return aes_key_unwrap(under, wrapped)
    except InvalidUnwrap:
        raise Refused("A key does not open with the key above it.", reason="wrong_key") from None


def associated(home: UUID, table: str, column: str, row: UUID, subject: UUID) -> bytes:
    return f"{home}|{table}|{column}|{row}|{subject}".encode()


def encrypt(value: Any, key: bytes, version: int, place: bytes) -> bytes:
    """Seals text, bytes or JSON at one place. The kind of value is inside, under the seal."""
    if isinstance(value, str):
        clear = _TEXT + value.encode()
    elif isinstance(value, bytes):
        clear = _BYTES + value
    else:
        clear = _JSON + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    nonce = os.urandom(_NONCE)
    header = _HEADER.pack(AES_256_GCM, version)
    return header + nonce + AESGCM(key).encrypt(nonce, clear, header + place)


def key_version(raw: bytes) -> int:
    """Which version of the subject's key sealed a field. Raises `Refused` for anything that is no sealed field."""
    if len(raw) < _HEADER.size + _NONCE + 16 or raw[0] != AES_256_GCM:
        raise Refused("A stored value is not a sealed field.", reason="not_sealed")
    return int(_HEADER.unpack_from(raw)[1])


def decrypt(raw: bytes, key: bytes, place: bytes) -> Any:
    """Opens a field at its place. Raises `Refused` when the bytes were changed or moved."""
    header, nonce = raw[: _HEADER.size], raw[_HEADER.size : _HEADER.size + _NONCE]
    try:
        clear = AESGCM(key).decrypt(nonce, raw[_HEADER.size + _NONCE :], header + place)
    except InvalidTag:
        raise Refused("A sealed value was changed, or moved from another row.", reason="tampered") from None
    kind, body = clear[:1], clear[1:]
    if kind == _TEXT:
        return body.decode()
    return body if kind == _BYTES else json.loads(body)


def lookup_hash(value: str, kind: str, home: UUID | None, key: bytes) -> bytes:
    """Deterministic and reversible under `key` only: re-wrapped when the key changes, worthless when it dies."""
    place = f"{home or ''}|{kind}".encode()
    return AESSIV(derive(key, "look-up", 64)).encrypt(normalise(value, kind).encode(), [place])


Under = tuple[UUID | None, bytes]
"""What a look-up hash stands under: its home, and the key."""


def rehash(found: bytes, kind: str, old: Under, new: Under) -> bytes:
    """The same look-up hash under another key or home. Raises `Refused` where it does not stand under `old`."""
    try:
        clear = AESSIV(derive(old[1], "look-up", 64)).decrypt(found, [f"{old[0] or ''}|{kind}".encode()])
    except InvalidTag:
        raise Refused("A look-up hash does not stand under its key.", reason="wrong_key") from None
    return AESSIV(derive(new[1], "look-up", 64)).encrypt(clear, [f"{new[0] or ''}|{kind}".encode()])


def normalise(value: str, kind: str) -> str:
    """One spelling per identifier: NFKC, no outer space, lower case for addresses, digits only for phones."""
    text = unicodedata.normalize("NFKC", value).strip()
    if kind == "phone":
        return "".join(c for c in text if c.isdigit())
    return text.casefold()


def pseudonym(pepper: bytes, subject: UUID) -> str:
    """How a person appears in the audit. Shredding the pepper unlinks the entries without touching the chain."""
    return hmac.new(pepper, subject.bytes, hashlib.sha256).hexdigest()[:32]
