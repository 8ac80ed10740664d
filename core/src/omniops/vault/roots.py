"""Where the root key and the epoch keys live by default: a folder outside the data folder, which no dump of the
database holds. The root itself lies in the folder too, or in the environment.

Losing these keys loses everything personal for ever; that is their purpose, and why nothing here ever makes a second
root for a database that already has one.
"""

from __future__ import annotations

import os
import re
import secrets
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from omniops.contracts.root_keys import RootProvider
from omniops.errors import ConfigError, Refused
from omniops.vault.crypto import derive, new_key, unwrap, wrap

_ROOT, _NEXT, _SEED = "root.key", "root.next", "secrets.key"
_EPOCH = re.compile(r"epoch-(\d{8})\.key")
_LAST = "epoch.last"


class EpochFolder(RootProvider):
    """Epoch keys in files of mode 0600 in a folder of mode 0700, each wrapped under a root.

    While a root is rotated there are two, and each file opens under one of them. A root that was replaced by another
    process is read again as soon as a file does not open.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._roots = self._read_roots()

    @abstractmethod
    def _read_roots(self) -> list[bytes]:
        """The root, and behind it the next one while there is one. Raises `ConfigError`."""

    @abstractmethod
    def _drop_old_root(self) -> None:
        """After everything is wrapped under the next root."""

    def _begin(self) -> None:
        """The first epoch, where there is none: finishes what a killed start left half done."""
        if not self._numbers() and not (self._folder / _LAST).exists():
            _write_once(self._path(1), wrap(new_key(), _wrapping(self._roots[0])))

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self._opened(self._path(self.epoch()))[1])

    def epochs(self) -> Sequence[int]:
        found = self._numbers()
        if not found:
            raise ConfigError(f"The keys folder {self._folder} holds a root but no epoch key.")
        return found

    def epoch_key(self, number: int) -> bytes:
        try:
            return self._opened(self._path(number))[0]
        except FileNotFoundError:
            raise ConfigError(f"Epoch key {number} was destroyed or is not in {self._folder}.") from None

    def make_epoch(self) -> int:
        last = self._folder / _LAST
        number = max([int(last.read_text()) if last.exists() else 0, *self._numbers()]) + 1
        # Under the root that the newest one stands under: a rotation moves that one last, and this one with it.
        _, under = self._opened(self._path(self.epoch()))
        _write_once(self._path(number), wrap(new_key(), _wrapping(under)))
        _replace(last, str(number).encode())
        return number

    def destroy_epoch(self, number: int) -> None:
        path = self._path(number)
        if not path.exists():
            return
        # Written over first: a file system that writes in place then keeps nothing, one that does not loses the name.
        descriptor = os.open(path, os.O_WRONLY)
        try:
            os.write(descriptor, bytes(path.stat().st_size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()
        _sync(self._folder)

    def secret(self, use: str) -> str:
        path = self._folder / _SEED
        seed = self._opened(path)[0] if path.exists() else self._roots[0]
        return derive(seed, f"secret {use}").hex()

    def rotate(self) -> int:
        self._roots = self._read_roots()
        if len(self._roots) < 2:
            return 0
        old, new = self._roots
        # Passwords that were derived from the first root stay what they are, so it lives on under the new one.
        _write_once(self._folder / _SEED, wrap(old, _wrapping(new)))
        paths = [self._folder / _SEED, *map(self._path, self._numbers())]
        moved = 0
        for path in paths:
            key, under = self._opened(path)
            if under != new:
                _replace(path, wrap(key, _wrapping(new)))
                moved += 1
        left = sum(self._opened(path)[1] != new for path in paths)
        if left:
            raise Refused(f"{left} keys are still wrapped under the old root.", reason="keys_left")
        self._drop_old_root()
        self._roots = self._read_roots()
        return moved

    def mirror(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        here = {path.name: path for path in self._folder.iterdir() if self._mirrored(path.name)}
        for name, path in here.items():
            content = path.read_bytes()
            target = folder / name
            if not target.exists() or target.read_bytes() != content:
                _replace(target, content)
        for path in folder.iterdir():
            if self._mirrored(path.name) and path.name not in here:
                path.unlink()
        _sync(folder)

    def _mirrored(self, name: str) -> bool:
        return bool(_EPOCH.fullmatch(name)) or name in (_SEED, _LAST)

    def _numbers(self) -> list[int]:
        return sorted(int(m[1]) for p in self._folder.iterdir() if (m := _EPOCH.fullmatch(p.name)))

    def _path(self, number: int) -> Path:
        return self._folder / f"epoch-{number:08d}.key"

    def _opened(self, path: Path) -> tuple[bytes, bytes]:
        """A key and the root that it is wrapped under."""
        for fresh in (False, True):
            if fresh:
                self._roots = self._read_roots()
            content = path.read_bytes()
            for root in self._roots:
                try:
                    return unwrap(content, _wrapping(root)), root
                except Refused:
                    continue
        raise ConfigError(
            f"The key {path} does not open under the root key.", do="Put the root key back that belongs to this folder."
        )


class FolderRoot(EpochFolder):
    """The default provider, `file`: the root lies in the folder, beside the epochs."""

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return (folder / _ROOT).exists()

    @classmethod
    def create(cls, folder: Path) -> FolderRoot:
        """Makes root and first epoch, each by one atomic step; finishes what a killed start left half done."""
        _make(folder)
        _write_once(folder / _ROOT, new_key())
        root = cls(folder)
        root._begin()
        return root

    def _read_roots(self) -> list[bytes]:
        path = self._folder / _ROOT
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
        coming = self._folder / _NEXT
        try:
            return [key, coming.read_bytes()]
        except FileNotFoundError:
            return [key]

    def prepare_rotation(self) -> str:
        _write_once(self._folder / _NEXT, new_key())
        return _fingerprint((self._folder / _NEXT).read_bytes())

    def _drop_old_root(self) -> None:
        os.replace(self._folder / _NEXT, self._folder / _ROOT)
        _sync(self._folder)

    def _mirrored(self, name: str) -> bool:
        return super()._mirrored(name) or name in (_ROOT, _NEXT)


class EnvironmentRoot(EpochFolder):
    """The provider `environment`: the root is given by the machine's environment (a service's credentials, a secret of
    an orchestrator), and the folder alone opens nothing. A rotation is begun by giving the old root as `previous`."""

    def __init__(self, folder: Path, root: str, previous: str | None = None) -> None:
        self._given = [_parsed("OMNIOPS_ROOT_KEY", root)]
        if previous is not None:
            self._given.insert(0, _parsed("OMNIOPS_ROOT_KEY_PREVIOUS", previous))
        super().__init__(folder)

    @classmethod
    def create(cls, folder: Path, root: str, previous: str | None = None) -> EnvironmentRoot:
        """Over a folder that may be empty; its first epoch is made."""
        _make(folder)
        found = cls(folder, root, previous)
        found._begin()
        return found

    @classmethod
    def exists(cls, folder: Path) -> bool:
        return folder.is_dir() and any(_EPOCH.fullmatch(path.name) for path in folder.iterdir())

    def _read_roots(self) -> list[bytes]:
        return list(self._given)

    def prepare_rotation(self) -> str:
        if len(self._given) < 2:
            raise Refused(
                "There is no next root in the environment.",
                reason="no_next_root",
                do="Set OMNIOPS_ROOT_KEY_PREVIOUS to the root of now and OMNIOPS_ROOT_KEY to a new one, in every "
                "process; start again, then rotate.",
            )
        return _fingerprint(self._given[-1])

    def _drop_old_root(self) -> None:
        """The operator takes the previous root out of the environment."""


def _parsed(name: str, value: str) -> bytes:
    try:
        key = bytes.fromhex(value)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigError(f"{name} is no root key.", do="Give 64 hexadecimal digits: `openssl rand -hex 32`.")
    return key


def _fingerprint(root: bytes) -> str:
    return derive(root, "fingerprint", 8).hex()


def _wrapping(root: bytes) -> bytes:
    return derive(root, "epochs")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"The keys folder {folder} cannot be made: {error.strerror}.") from error


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all, on disk before it is visible, and never over an existing file (O_EXCL by `link`)."""
    if path.exists():
        return
    temporary = _temporary(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    _sync(path.parent)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, in place of what is there."""
    os.replace(_temporary(path, content), path)
    _sync(path.parent)


def _temporary(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return temporary


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
