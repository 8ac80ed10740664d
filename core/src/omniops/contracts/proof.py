"""What proves a promise: a probe that tries to break it, and the sabotage under which that probe must turn red.

A probe acts as a visitor, a member or a machine would, against the real runtime, in a domain that exists for proving.
It returns what it saw, in a sentence, or raises `Falsified`. It never knows whether it runs against the product as it
is or against a sabotaged one: a probe that could know could also pretend.
"""

from __future__ import annotations

import hashlib
import inspect
import ssl
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from omniops.contracts.declaration import Origin, Processor

if TYPE_CHECKING:
    import httpx2


class Falsified(AssertionError):
    """A promise was found to be untrue. The message says what was seen, in a sentence, without personal data."""


class Waits(Exception):
    """The probe cannot tell, here and now. The message says what it waits for. The claim stays UNPROVEN."""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One named object of the production runtime, and what is put in its place while the runner tests the probe.

    `object` is `runtime:attribute.attribute` for a part of the runtime that the runner built, or
    `package.module:attribute.attribute`. `replace` gets the original and gives the replacement; `how` says in a few
    words what is switched off. The replacing happens in the runner's own process and is undone at once.
    """

    object: str
    how: str
    replace: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`permission` is None for what is public, and for what a visitor's session opens."""

    method: str
    path: str
    permission: str | None


class Abroad(Protocol):
    """An entry of the register in a register of its own, in which nothing is signed, and a test person whose data is
    offered to it. What is done to it counts nowhere else."""

    company: Processor

    def become(self, **parts: Any) -> None:
        """Changes parts of the entry, such as `countries`."""

    def sign(self, kind: str = "contract", *origins: Origin, days: int = 30, measures: Sequence[str] = ()) -> None:
        """Signs the contract or a mechanism of transfer, for some days."""

    def revoke(self, kind: str = "contract") -> None:
        """Takes back what was signed of a kind."""

    async def lives(self, origin: Origin) -> None:
        """A test person who declared where they live."""

    async def refusal(self) -> str | None:
        """The stable code with which the way out refuses the person's data, or None."""

    async def must(self, code: str | None, when: str) -> None:
        """Raises `Falsified` unless the way out refuses with that code, or lets through for None. `when` begins the
        sentence of what was seen: `Without a contract`."""


class Beside(Protocol):
    """A deployment of its own, from nothing: a database, root keys, a key mirror, and a clock that can be put forward.
    It is gone afterwards."""

    @property
    def stage(self) -> Stage:
        """Where probes act in it."""

    def ahead(self, days: int) -> None:
        """Puts the clock forward, and nothing else happens."""

    async def sleep(self, days: int = 1) -> None:
        """So many days go by, each with its night of the keys."""

    async def daily(self) -> Sequence[Path]:
        """Runs the tasks that a worker has for the backups of a day. All daily backups that are there, by name."""

    async def back_up(self) -> Path:
        """A backup, made and tried out as `omniops backup` does."""

    async def try_out(self, file: Path) -> None:
        """A drill with a backup. Raises `Refused` where it is not whole."""

    def elsewhere(self, file: Path) -> AbstractAsyncContextManager[Stage]:
        """That backup as `omniops restore` puts it on a new machine, which has the key mirror and nothing else."""


class Stage(Protocol):
    """Where a probe acts. Its people are synthetic, and are erased when the run is over."""

    runtime: Any
    """The runtime of core, as it serves. Core's own probes use it; a plugin's probe needs no more than the rest."""
    app: Any
    """The ASGI application over it."""
    domain: Any
    """The domain in which probes act, with `id`, `scope`, `origins` and `widget_key`."""
    other: Any
    """A domain of another account."""

    def token(self, field: str) -> str:
        """A word that exists nowhere else, and names the field that it was planted in."""

    def http(self, address: str = "", **headers: str) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        """A client at a network address of its own."""

    def page(self, **headers: str) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        """The canary person on the website: a client with a session of the chat, and its `Origin`."""

    def office(self, role: str = "admin", domain: Any = None) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        """A member's machine: a client with an API key of that role."""

    def models(self) -> AbstractAsyncContextManager[Sequence[Any]]:
        """Two test providers that alone answer in the stage's domain meanwhile, in this order. `down` stops one,
        `calls` names a significant tool that it asks for, `requests` is what it was asked, `done` which tools ran. They
        send nothing to anybody. A test system, `canary`, can be connected as long as they are there."""

    def abroad(self, key: str) -> Abroad:
        """The entry of that key, to be changed and signed for. Raises `KeyError` where there is none."""

    def outside(self) -> AbstractAsyncContextManager[Any]:
        """Another system that the stage's domain can be connected to meanwhile: its integration. `asked` is what it was
        asked for. It sends nothing to anybody, and whatever was connected to it is disconnected at the end."""

    def routes(self) -> Sequence[Route]:
        """Every route of the application, with the permission that it asks for."""

    def scripts(self) -> Sequence[str]:
        """The paths of all scripts that a visitor's browser can be given."""

    def listener(self, certificate: Path, key: Path) -> ssl.SSLContext:
        """The TLS context with which the web server would listen with this certificate."""

    def beside(self) -> AbstractAsyncContextManager[Beside]:
        """A deployment of its own, for what cannot be tried on this one. Raises `Waits` where none can be made."""

    async def rows(self, statement: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """Reads the database as its administrator, past every door."""

    async def scan(self, words: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Where each word lies in clear: tables (as text, and as the raw bytes' hexadecimal) and this process's log.
        Words that lie nowhere are left out."""


class Probe(ABC):
    """Tries to break the claims that it names. The first line of the docstring is its name in reports.

    How it is tried, in words for readers, stands with the claim. `rests_on` names further objects, beside those of its
    own sabotages, that it stands on: under a sabotage of one of them it turns red as well.
    """

    claims: ClassVar[tuple[str, ...]]
    sabotages: ClassVar[tuple[Sabotage, ...]]
    rests_on: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def run(self, stage: Stage) -> str:
        """Returns the evidence: what was done and seen, in a sentence. Raises `Falsified`, or `Waits`.

        Any other error counts as falsified too: a promise whose test breaks is not shown.
        """

    @classmethod
    def version(cls) -> str:
        """Changes with the source file that the probe stands in, so that an older verdict does not speak for a newer
        test or for newer helpers of it."""
        return hashlib.sha256(f"{_source(cls.__module__)} {cls.__qualname__}".encode()).hexdigest()[:12]

    @classmethod
    def objects(cls) -> frozenset[str]:
        """All named objects under whose sabotage this probe turns red."""
        return frozenset(sabotage.object for sabotage in cls.sabotages) | frozenset(cls.rests_on)


@cache
def _source(module: str) -> str:
    """The hash of a module's source."""
    return hashlib.sha256(inspect.getsource(sys.modules[module]).encode()).hexdigest()


def hold(true: object, otherwise: str) -> None:
    """Raises `Falsified` with what was seen, unless `true`."""
    if not true:
        raise Falsified(otherwise)
