"""The key mirror: a second place with the living keys, a copy of the vault and the shred list, pruned on the same
nights. With it and any backup the deployment can be built again when its machine is lost.

The shred list is signed (HMAC under a secret of the root): a list that somebody shortened would bring erased people
back.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from omniops.contracts.ids import Clock
from omniops.contracts.plugin import Log
from omniops.contracts.root_keys import RootProvider
from omniops.contracts.scope import Scope
from omniops.errors import Refused
from omniops.vault.copies import VaultCopy

_LIST = "shreds.jsonl"
_VAULT = "vault.copy"


@dataclass(frozen=True, slots=True)
class Shredded:
    """One line of the shred list. Ids only."""

    account_id: str
    home_id: str
    subject_id: str


class Mirror:
    """One folder, on other storage than the keys and the database."""

    def __init__(self, folder: Path, root: RootProvider, clock: Clock, log: Log) -> None:
        self._folder = folder
        self._root = root
        self._clock = clock
        self._log = log
        self._key = bytes.fromhex(root.secret("shred list"))

    @property
    def vault(self) -> Path:
        """The copy of the vault's tables."""
        return self._folder / _VAULT

    def night(self, copy: VaultCopy, shreds: Iterable[Shredded]) -> None:
        """Keys, vault and shred list as they are now. Raises `OSError`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root.mirror(self._folder)
        copy.save(self.vault, at=self._clock.now())
        with self._alone():
            self._write({*shreds, *(self._read() if (self._folder / _LIST).exists() else [])})

    def keys(self) -> None:
        """The keys alone, after the root changed."""
        self._root.mirror(self._folder)

    def shredded(self, scope: Scope, subject_ids: Sequence[UUID]) -> None:
        """Adds people at once. An erasure does not wait for a mirror that is away: the next night writes it."""
        account, home = str(scope.account_id), str(scope.domain_id or scope.account_id)
        lines = {Shredded(account, home, str(subject_id)) for subject_id in subject_ids}
        try:
            with self._alone():
                self._write({*lines, *(self._read() if (self._folder / _LIST).exists() else [])})
        except (OSError, Refused) as error:
            self._log.error("mirror.failed", said=str(error))

    def shreds(self) -> list[Shredded]:
        """Everybody on the list; none where there is no list. Raises `Refused` for a list that was changed."""
        return self._read() if (self._folder / _LIST).exists() else []

    def written_at(self) -> datetime | None:
        """When the last night reached it."""
        return VaultCopy.made_at(self.vault)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> list[Shredded]:
        first, _, body = (self._folder / _LIST).read_bytes().partition(b"\n")
        if not hmac.compare_digest(first, self._signature(body)):
            raise Refused(
                f"The shred list {self._folder / _LIST} was changed, or belongs to another root.",
                reason="bad_signature",
                do="Take the list from another copy of the mirror. Without it erased people would come back.",
            )
        return [Shredded(**json.loads(line)) for line in body.splitlines()]

    def _write(self, shreds: Iterable[Shredded]) -> None:
        ordered = sorted(shreds, key=lambda one: one.subject_id)
        body = b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in ordered)
        target, temporary = self._folder / _LIST, self._folder / f".{_LIST}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._signature(body) + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest().encode()
