"""A zip that is written while it is read: no file, and no more of it in memory than what nobody has taken yet."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_THEN = (1980, 1, 1, 0, 0, 0)
"""Files carry no time of their own: two exports of the same data have the same files."""


class _Sink(io.RawIOBase):
    """What a zip is written into. It cannot seek, so sizes stand behind each file, as zip allows."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class Archive:
    """Files are added one after the other; each method gives the bytes that are ready then."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED)

    async def add(self, name: str, data: bytes) -> bytes:
        """A whole file. It is compressed in a thread: the loop goes on."""
        await asyncio.to_thread(self._zip.writestr, _info(name), data)
        return self._sink.take()

    async def stream(self, name: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A file in pieces."""
        with self._zip.open(_info(name), "w", force_zip64=True) as file:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
                yield self._sink.take()
        yield self._sink.take()

    def close(self) -> bytes:
        """The list of files, which ends a zip."""
        self._zip.close()
        return self._sink.take()


def _info(name: str) -> ZipInfo:
    info = ZipInfo(name, _THEN)
    info.compress_type = ZIP_DEFLATED
    return info
