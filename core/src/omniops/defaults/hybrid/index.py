"""The index over all domains: opened when asked, kept while memory lasts, rebuilt when the rows changed."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from omniops.contracts.knowledge import Encoder, Found, Hit, IndexParts, KnowledgeIndex
from omniops.contracts.scope import Scope
from omniops.defaults.hybrid.opened import FOREIGN, OpenedDomain, folder_name

PATIENCE = 0.5
"""Seconds that a question waits for a rebuild before it is answered from the state before."""
WITHOUT_VECTORS = 0.0


class HybridIndex(KnowledgeIndex):
    """Exact hybrid search, a domain at a time."""

    name: ClassVar[str] = "hybrid"

    def __init__(self, parts: IndexParts) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # one question must not take every core
        self._parts = parts
        self._open: OrderedDict[UUID, OpenedDomain] = OrderedDict()
        self._building: dict[UUID, asyncio.Task[OpenedDomain]] = {}
        self._pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="index")

    async def search(self, scope: Scope, question: str, *, limit: int = 10, weight: float | None = None) -> Found:
        domain = await self._domain(scope)
        encoder = self._parts.encoder() if domain.has_vectors else None
        asked, ranked = await self._run(_ask, domain, encoder, question, weight, limit * 2)
        passages = await self._parts.store.fetch(scope, [row.id for row in ranked])
        hits = [Hit(passages[row.id], row.score, row.cosine, row.lexical) for row in ranked if row.id in passages][
            :limit
        ]
        texts = [f"{hit.passage.context} {hit.passage.text}" for hit in hits[:5]]
        cover, rarity = await self._run(domain.cover, asked, texts)
        return Found(tuple(hits), cover, rarity)

    async def changed(self, scope: Scope) -> None:
        """Begins the rebuild of an opened domain, so that the next question finds it done."""
        if scope.domain_id in self._open:
            self._rebuild(scope)

    async def close(self) -> None:
        for task in self._building.values():
            task.cancel()
        await asyncio.gather(*self._building.values(), return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _domain(self, scope: Scope) -> OpenedDomain:
        """The domain's arrays at the current generation; a little older ones where a rebuild takes longer than
        PATIENCE. A passage that was deleted meanwhile is not among the rows and so never in an answer."""
        assert scope.domain_id is not None
        generation = await self._parts.store.generation(scope)
        opened = self._open.get(scope.domain_id)
        if opened is not None and opened.generation == generation:
            self._open.move_to_end(scope.domain_id)
            return opened
        task = self._rebuild(scope)
        if opened is None:
            return await asyncio.shield(task)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        return task.result() if done else opened

    def _rebuild(self, scope: Scope) -> asyncio.Task[OpenedDomain]:
        """One build per domain at a time; who asks meanwhile waits for the same."""
        assert scope.domain_id is not None
        task = self._building.get(scope.domain_id)
        if task is None:
            task = self._building[scope.domain_id] = asyncio.create_task(self._build(scope, scope.domain_id))
        return task

    async def _build(self, scope: Scope, domain_id: UUID) -> OpenedDomain:
        try:
            encoder = self._parts.encoder()
            generation = await self._parts.store.generation(scope)
            home = self._parts.folder / domain_id.hex
            folder = home / folder_name(generation, encoder)
            opened = await self._run(_load, folder)
            if opened is None:
                rows = await self._parts.store.passages(scope, encoder.id if encoder else None)
                folder = home / folder_name(rows.generation, encoder)
                scale = encoder.scale if encoder else 1.0
                opened = await self._run(OpenedDomain.build, rows, scale, folder)
                del rows
                await self._run(_give_back)
            assert isinstance(opened, OpenedDomain)
            await self._run(_tidy, home, folder)
            self._open[domain_id] = opened
            self._open.move_to_end(domain_id)
            self._shrink()
            return opened
        finally:
            del self._building[domain_id]

    def _shrink(self) -> None:
        """Closes what was not asked for longest while all together take more than their share of memory."""
        while len(self._open) > 1 and sum(domain.bytes for domain in self._open.values()) > self._parts.memory:
            self._open.popitem(last=False)

    async def _run(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


def _give_back() -> None:
    """Building takes many times what stays, and glibc would keep it for this process."""
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _ask(domain: OpenedDomain, encoder: Encoder | None, question: str, weight: float | None, limit: int) -> Any:
    asked = domain.ask(question)
    vector = encoder.encode([question])[0] if encoder is not None else None
    if weight is None:
        weight = WITHOUT_VECTORS
        if encoder is not None:
            weight = encoder.weight if encoder.knows(asked.language) else min(FOREIGN, encoder.weight)
    return asked, domain.rank(asked, vector, weight, limit)


def _load(folder: Path) -> OpenedDomain | None:
    """An earlier build, or None where there is none or its files are not whole."""
    try:
        return OpenedDomain.load(folder)
    except (OSError, ValueError, KeyError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _tidy(home: Path, keep: Path) -> None:
    """Removes the files of other generations. A process that still maps them keeps what it has mapped."""
    for path in home.iterdir():
        if path != keep and not path.name.startswith("."):
            shutil.rmtree(path, ignore_errors=True)
