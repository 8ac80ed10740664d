"""Root and epochs as secrets of Vault: `root`, `last` and one for each living epoch.

Vault wraps what it stores by keys of its own, which its operator rotates; so nothing is wrapped here once more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from omniops.contracts.root_keys import RootProvider
from omniops.errors import ConfigError, Refused

from omniops_hashicorp.api import KeyValue

_EPOCH = re.compile(r"epoch-(\d{8})")
_ROOT, _LAST = "root", "last"
KEPT = 60.0
"""Seconds for which a key that Vault gave is kept: the longest that the contract allows."""


class VaultKeys(RootProvider):
    """Over one path of Vault. Keys that were read are kept for a minute, so that an opening asks nobody."""

    def __init__(self, store: KeyValue, *, create: bool) -> None:
        self._store = store
        self._kept: dict[int, tuple[float, bytes]] = {}
        self._lock = threading.Lock()
        found = store.read(_ROOT)
        if found is None:
            if not create:
                raise ConfigError(
                    f"Vault has no root key at {store.path}.",
                    do="Check hashicorp.mount and hashicorp.path. None is made: it would lock the data for ever.",
                )
            store.write(_ROOT, {"key": secrets.token_hex(32)}, over=0)  # whoever was quicker made it
            found = store.read(_ROOT)
        self._root = _key(found.data if found is not None else None, store.path, _ROOT)
        if create and not self._numbers() and store.read(_LAST) is None:  # or a killed start left it half done
            self._make(1)

    @property
    def fingerprint(self) -> str:
        return _derived(self._root, "fingerprint")[:16]

    def epochs(self) -> Sequence[int]:
        found = self._numbers()
        if not found:
            raise ConfigError(f"Vault has a root key at {self._store.path}, but no epoch key.")
        return found

    def epoch_key(self, number: int) -> bytes:
        with self._lock:
            at, key = self._kept.get(number, (0.0, b""))
        if key and time.monotonic() - at < KEPT:
            return key
        asked = time.monotonic()
        found = self._store.read(_name(number))
        if found is None or found.data is None:
            with self._lock:
                self._kept.pop(number, None)
            raise ConfigError(f"Epoch key {number} was destroyed or is not at {self._store.path}.")
        key = _key(found.data, self._store.path, _name(number))
        with self._lock:
            self._kept[number] = (asked, key)
        return key

    def make_epoch(self) -> int:
        last = self._store.read(_LAST)
        number = max([int(last.data["number"]) if last is not None and last.data else 0, *self._numbers()]) + 1
        while not self._make(number):  # another process took it
            number += 1
        return number

    def destroy_epoch(self, number: int) -> None:
        with self._lock:
            self._kept.pop(number, None)
        self._store.destroy(_name(number))

    def secret(self, use: str) -> str:
        return _derived(self._root, f"secret {use}")

    def prepare_rotation(self) -> str:
        raise Refused(
            "Vault rotates the keys that it seals by itself.",
            reason="rotated_by_provider",
            do="Run `vault operator rotate`, or `vault operator rekey` for the keys that unseal it.",
        )

    def rotate(self) -> int:
        return 0

    def mirror(self, folder: Path) -> None:
        """Vault's own storage is what is kept in several places."""

    def _make(self, number: int) -> bool:
        """The key first, then that its number is taken: a number whose key is there counts as taken as well."""
        if not self._store.write(_name(number), {"key": secrets.token_hex(32)}, over=0):
            return False
        while True:
            last = self._store.read(_LAST)
            if last is not None and last.data and int(last.data["number"]) >= number:
                return True
            if self._store.write(_LAST, {"number": number}, over=last.version if last is not None else 0):
                return True

    def _numbers(self) -> list[int]:
        return sorted(int(m[1]) for name in self._store.names() if (m := _EPOCH.fullmatch(name)))


def _name(number: int) -> str:
    return f"epoch-{number:08d}"


def _derived(root: bytes, use: str) -> str:
    return hmac.new(root, f"omniops hashicorp {use}".encode(), hashlib.sha256).hexdigest()


def _key(data: dict[str, object] | None, path: str, name: str) -> bytes:
    try:
        key = bytes.fromhex(str((data or {})["key"]))
    except (KeyError, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigError(f"{path}/{name} in Vault holds no key of OmniOps: 64 hexadecimal digits are missing.")
    return key
