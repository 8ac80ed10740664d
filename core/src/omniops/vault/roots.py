"""Where the root key and the epoch keys live: a folder outside the data folder, which no dump of the database holds.

Losing this folder loses everything personal for ever; that is its purpose, and why nothing here ever makes a second
root for a database that already has one.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Protocol

from omniops.errors import ConfigError
from omniops.vault.crypto import derive, new_key, unwrap, wrap

_ROOT = "root.key"
_EPOCH = re.compile(r"epoch-(\d{8})\.key")


class RootProvider(Protocol):
    """Holds the root and the living epoch keys."""

    @property
    def fingerprint(self) -> str:
        """Names the root without giving it away."""

    def epoch(self) -> int:
        """The number of the newest living epoch."""

    def epoch_key(self, number: int) -> bytes:
        """The key of an epoch. Raises `ConfigError` when it was destroyed or never existed."""

    def secret(self, use: str) -> str:
        """A password for one use, the same in every process and on every machine that holds this root."""


class FolderRoot:
    """The default provider: files of mode 0600 in a folder of mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / _ROOT
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            raise ConfigError(
                f"The root key {path} is missing.",
                do="Put the keys folder back from its mirror; without it nothing personal can be read.",
            ) from None
        except OSError as error:
            raise ConfigError(f"The root key {path} cannot be read: {error.strerror}.") from error
        if len(key) != 32:
            raise ConfigError(f"The root key {path} is {len(key)} bytes long, not 32: it is not an OmniOps root key.")
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"The root key {path} can be read by others.", do=f"Run `chmod 600 {path}`.")
        self._key = key

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return (folder / _ROOT).exists()

    @classmethod
    def create(cls, folder: Path) -> FolderRoot:
        """Makes root and first epoch, each by one atomic step; finishes what a killed start left half done."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The keys folder {folder} cannot be made: {error.strerror}.") from error
        _write_once(folder / _ROOT, new_key())
        root = cls(folder)
        if not root._epochs():
            _write_once(folder / "epoch-00000001.key", wrap(new_key(), root._wrapping))
        return root

    @property
    def fingerprint(self) -> str:
        return derive(self._key, "fingerprint", 8).hex()

    @property
    def _wrapping(self) -> bytes:
        return derive(self._key, "epochs")

    def _epochs(self) -> list[int]:
        return sorted(int(m[1]) for p in self._folder.iterdir() if (m := _EPOCH.fullmatch(p.name)))

    def epoch(self) -> int:
        epochs = self._epochs()
        if not epochs:
            raise ConfigError(f"The keys folder {self._folder} holds a root but no epoch key.")
        return epochs[-1]

    def epoch_key(self, number: int) -> bytes:
        path = self._folder / f"epoch-{number:08d}.key"
        try:
            return unwrap(path.read_bytes(), self._wrapping)
        except FileNotFoundError:
            raise ConfigError(f"Epoch key {number} was destroyed or is not in {self._folder}.") from None

    def secret(self, use: str) -> str:
        return derive(self._key, f"secret {use}").hex()


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all, on disk before it is visible, and never over an existing file (O_EXCL by `link`)."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
