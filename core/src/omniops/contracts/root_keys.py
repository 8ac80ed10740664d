"""Where the root key and the epoch keys live: a folder, a machine's environment, a key service of a cloud.

The keys of all people hang from an account's key, that from the key of a night (an *epoch*), and that exists only at
the provider. Destroying it makes every copy of the database from before it unreadable, wherever the copy lies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class RootProvider(ABC):
    """Holds the root and the living epoch keys of one deployment. All calls are synchronous, from any thread.

    Every process of the deployment has its own provider over the same keys: an epoch that one makes or destroys, the
    others see at their next call. Every method raises `ConfigError` where the keys are not there, or `NotReachable`.
    """

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Names the root without giving it away. Another root, another name."""

    @abstractmethod
    def epochs(self) -> Sequence[int]:
        """Numbers of the living epochs, the oldest first. Never empty."""

    @abstractmethod
    def epoch_key(self, number: int) -> bytes:
        """The 32 bytes of a living epoch's key. Asked at every opening: a provider over a network keeps what it got,
        for a minute at most. Raises `ConfigError` when the epoch was destroyed or never existed."""

    @abstractmethod
    def make_epoch(self) -> int:
        """A new epoch with a random key, which nothing else can bring back. Its number is above all before it,
        destroyed ones too, and the key is durable when this returns."""

    @abstractmethod
    def destroy_epoch(self, number: int) -> None:
        """Destroys an epoch's key for ever, at the provider and in its own copies. Safe to repeat. Nothing of the
        living data hangs from it any more; the newest epoch is never asked for."""

    @abstractmethod
    def secret(self, use: str) -> str:
        """A password for one use, in hex: the same in every process and on every machine that holds this root, and
        the same after `rotate`."""

    @abstractmethod
    def prepare_rotation(self) -> str:
        """Makes the next root beside this one, or takes up the one that a killed rotation left. Its fingerprint.
        Raises `Refused` where the provider changes its root by itself, or needs something done first: says what."""

    @abstractmethod
    def rotate(self) -> int:
        """Wraps every living epoch key under the prepared root, then drops the old root. Other processes go on reading
        meanwhile. Returns how many keys were wrapped anew. Safe to repeat after a kill."""

    @abstractmethod
    def mirror(self, folder: Path) -> None:
        """Brings the keys in a second place up to date: adds what is missing, deletes destroyed epochs there too. A
        provider that is itself kept in several places writes nothing."""

    def epoch(self) -> int:
        """The newest living epoch."""
        return self.epochs()[-1]


@dataclass(frozen=True, slots=True)
class RootPlace:
    """What a provider is opened with: `folder` is the setting `keys_dir`, which is the deployment's alone and in no
    dump of the database. With `create`, the first root and epoch may be made where there are none."""

    folder: Path
    create: bool


@dataclass(frozen=True, slots=True)
class RootKeysOffer:
    """A place for root keys; the setting `root_keys` names the one that is used. `open` raises `ConfigError` where
    there is no root and none may be made, and never makes a second root for a place that has one."""

    name: str
    title: str
    open: Callable[[RootPlace], RootProvider]
