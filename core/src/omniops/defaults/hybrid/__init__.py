"""The built-in index: stemmed BM25 and sentence vectors, exact, in memory, one per domain."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Info, Plugin, hookimpl
from omniops.contracts.knowledge import IndexOffer, IndexParts, KnowledgeIndex


class HybridPlugin(Plugin):
    """Finds passages by their words and by their meaning, in memory."""

    info = Info(title="Hybrid search", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def knowledge_indexes(self) -> Sequence[IndexOffer]:
        return [IndexOffer("hybrid", "Words and meaning, in memory", _open)]


def _open(parts: IndexParts) -> KnowledgeIndex:
    from omniops.defaults.hybrid.index import HybridIndex

    return HybridIndex(parts)
