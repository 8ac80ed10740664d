"""Reading pages in a child process: what strangers' HTML does to a parser, it does not do to a worker.

The child may take a bounded time and memory for a page, and leaves with all its models when the crawl ends. Beside the
safety this spares the worker's event loop, which would wait for the interpreter's lock after every query.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omniops.errors import Rejected
from omniops.knowledge.cut import Piece
from omniops.knowledge.formats import Format

LONGEST, LONGEST_FILE = 30.0, 60.0
"""Seconds for one page, and for one uploaded file."""
MOST_MEMORY = 4 * 2**30
"""Bytes of address space of the child."""
AT_ONCE = 2
"""Files that one process reads at the same time."""
LARGEST_ANSWER = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands on a page. Links and the canonical address are absolute and in normal form."""

    title: str
    language: str
    canonical: str | None
    noindex: bool
    links: Sequence[str]
    pieces: Sequence[Piece]
    problem: str | None
    scripted: bool = False
    """There is next to no text, and there are scripts: the page is probably made by them."""


class Unreadable(Exception):
    """A page on which the reader gave up. `problem` is a code, the text says it in words."""

    def __init__(self, problem: str, said: str) -> None:
        super().__init__(said)
        self.problem = problem


class PageReader:
    """One child, one page at a time. Started when it is first needed; a child that fails is replaced."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def read(self, body: bytes, url: str, content_type: str | None) -> Reading:
        """Raises `Unreadable` when the page takes too long, too much memory, or the parser down."""
        return await self._read(body, LONGEST, url=url, content_type=content_type)

    async def read_file(self, body: bytes, name: str, kind: Format) -> Reading:
        """Reads an uploaded file. Raises `Unreadable` as `read` does, and with what is wrong with the file."""
        return await self._read(body, LONGEST_FILE, name=name, format=kind)

    async def _read(self, body: bytes, longest: float, **order: str | None) -> Reading:
        head = json.dumps({**order, "bytes": len(body)}).encode()
        async with self._turn:
            child = self._child if self._child and self._child.returncode is None else await self._start()
            assert child.stdin is not None
            assert child.stdout is not None
            done = False
            try:
                child.stdin.write(head + b"\n" + body)
                async with asyncio.timeout(longest):
                    await child.stdin.drain()
                    found = json.loads(await child.stdout.readuntil(b"\n"))
                done = True
            except TimeoutError:
                raise Unreadable("too_slow", f"Reading it took more than {longest:.0f} s.") from None
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                raise Unreadable("unreadable", "It breaks the reader.") from None
            finally:
                if not done:
                    await self._end()
        if "unfit" in found:
            raise Unreadable(found["unfit"], found["said"])
        if "broken" in found:
            raise Unreadable("unreadable", f"It breaks the reader: {found['broken']}.")
        return _reading(found)

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    async def _start(self) -> asyncio.subprocess.Process:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "omniops.knowledge.read_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LARGEST_ANSWER,
            # One page at a time needs no more threads than one; what they reserve counts as memory.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            if child.returncode is None:
                child.kill()
            await child.wait()


class FileReader:
    """Single files, each read by a child of its own, a few at the same time in one process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def read(self, data: bytes, name: str, kind: Format) -> Reading:
        """Raises `Rejected` for a file that cannot be read, with what is wrong with it."""
        async with self._turn:
            reader = PageReader()
            try:
                return await reader.read_file(data, name, kind)
            except Unreadable as error:
                raise Rejected(f"{name!r}: {error}", code=error.problem, where="file") from error
            finally:
                await reader.close()


def _reading(found: Mapping[str, Any]) -> Reading:
    pieces = tuple(Piece(**piece) for piece in found["pieces"])
    return Reading(**{**found, "links": tuple(found["links"]), "pieces": pieces})
