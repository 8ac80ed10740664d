"""Pages, passages, encoders, indexes and sources: the seams of what a business knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

from omniops.contracts.scope import Scope

PassageKind = Literal["text", "faq", "product", "contact", "event", "curated", "tool"]
"""`curated` is an answer that a member of the business wrote: where its question is asked, it wins. `tool` is what a
tool of this turn gave back; it is in no index."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A citable piece of a page.

    `text` is exactly what stands on the page. `heading` is the path of headings above it, joined by ` › `. `question`
    is set for an entry of questions and answers, whose `text` is then the answer. `read_at` is when the page was read.
    `url` is empty where a citation leads nowhere: an uploaded file is cited by its name.
    `facts` are values that the page states for machines, in the shape that `contracts.facts` has for the kind.
    """

    id: UUID
    page_id: UUID
    url: str
    title: str
    heading: str
    text: str
    kind: PassageKind
    read_at: datetime
    language: str = "en"
    question: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """`title › heading`, which stands in front of the text for search and vectors."""
        return " › ".join(part for part in (self.title, self.heading, self.question) if part)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question.

    `score` orders (higher is better, 0 to about 1). `cosine` is the similarity of the vectors in −1 … 1, or None
    where no encoder ran. `lexical` is the BM25 score divided by the best of this question, 0 … 1.
    """

    passage: Passage
    score: float
    cosine: float | None
    lexical: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of an index: hits, best first, and how much of the question the site's words cover at all."""

    hits: tuple[Hit, ...]
    cover: float
    """Share of the question's words, weighted by rarity, that occur anywhere in the best hits: 0 … 1."""
    rarity: Mapping[str, float] = field(default_factory=dict)
    """Inverse document frequency of each word of the question, in lower case as it was written."""


class Encoder(ABC):
    """Turns text into sentence vectors. Synchronous and CPU-bound: core calls it off the event loop.

    `id` names the model file exactly (name and hash); vectors of different ids never mix. `weight` is the share of the
    cosine in the weighted sum with BM25 that suits this encoder. `scale` turns a component into an int8 (multiply,
    round, clip to ±127); it is fixed, so that rows encoded on different days can share a matrix. `languages` are the
    ISO 639-1 codes it was trained on, empty for all: in others its cosines say little, so search leans on words and an
    answer's level is told by them.
    """

    id: str
    dimensions: int
    weight: float
    scale: float
    languages: frozenset[str] = frozenset()

    def knows(self, language: str) -> bool:
        """Whether its cosines can be trusted in a language."""
        return not self.languages or language in self.languages

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, `(len(texts), dimensions)`, each of length 1. Never empty input."""

    def settings(self) -> Mapping[str, Any]:
        """What a process of its own needs to build the same encoder for many texts (see `load`)."""
        return {}

    @classmethod
    def load(cls, settings: Mapping[str, Any]) -> Encoder:
        """Builds the encoder in a child process from `settings()`."""
        return cls(**settings)


@dataclass(frozen=True, slots=True)
class EncoderOffer:
    """An encoder that a plugin could provide.

    `open` builds it (slow: loads the model). `missing` says in a sentence what is not there yet, or is None when the
    encoder can be opened now. `languages` are the encoder's own (see `Encoder`). `rank`: the available offer with the
    highest rank is used unless the setting `encoder` names another.
    """

    name: str
    title: str
    rank: int
    open: Callable[[], Encoder]
    missing: str | None = None
    languages: frozenset[str] = frozenset()


class Model(ABC):
    """A model file that can be installed once per machine: `omniops models install NAME`."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def installed(self) -> Path | None:
        """Where it lies, or None."""

    @abstractmethod
    def local_source(self) -> str | None:
        """A source on this machine from which it could be made without any download, in words, or None."""

    @abstractmethod
    def install(
        self, *, source: str | None, progress: Callable[[str, float], None], download: Callable[[str], bytes] | None
    ) -> Path:
        """Makes the file, checks it against known hashes or similarities, and returns where it lies.

        `source` is a path, `package`, `hub` or None (the first that works without a download). `progress(what, share)`
        is called with a share of 0 … 1. `download` fetches a URL through the gate; None means no download is allowed.
        Raises `Rejected` when a check fails and `NotReady` when there is no source.
        """


class PassageStore(ABC):
    """What an index reads: the rows of a domain's passages, always current."""

    @abstractmethod
    async def generation(self, scope: Scope) -> str:
        """Names the state of the domain's passages: another word after every committed change, never one again."""

    @abstractmethod
    async def passages(self, scope: Scope, encoder_id: str | None) -> StoredPassages:
        """All live passages of the domain with their vectors of that encoder, in one consistent read."""

    @abstractmethod
    async def fetch(self, scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Passage]:
        """The passages with these ids that still exist."""


@dataclass(frozen=True, slots=True)
class StoredPassages:
    """The rows of a domain as arrays of equal length; row i of `vectors` belongs to `ids[i]`."""

    generation: str
    ids: Sequence[UUID]
    texts: Sequence[str]
    """What is searched: the passage's own text."""
    contexts: Sequence[str]
    """`title › heading` of each, which counts more than the text."""
    questions: Sequence[str | None]
    vectors: NDArray[np.int8] | None
    """int8 of shape `(n, dimensions)`, zeros for rows that are not encoded yet; None where no row is. The encoder's
    `scale` is what its components were multiplied with."""
    languages: Sequence[str] = ()
    """ISO 639-1 code of each row's page; empty where all are English."""
    question_vectors: Mapping[int, NDArray[np.int8]] = field(default_factory=dict)
    """Vectors of the questions alone, for rows that have one; same scale."""


class KnowledgeIndex(ABC):
    """Finds passages for a question within one domain, and never in another.

    The built-in one is exact, in memory and rebuilt from rows. A plugin can stand in for it (a vector database, a
    search cluster); it must never return a passage that no longer exists, from the moment the deleting request
    returned, and must give the same result in every process.
    """

    name: ClassVar[str]

    @abstractmethod
    async def search(self, scope: Scope, question: str, *, limit: int = 10) -> Found:
        """The best passages of `scope.domain_id`, best first. Empty where the domain has none."""

    async def changed(self, scope: Scope) -> None:
        """The domain's passages changed. Called in every process after the change was committed; may be late or lost,
        so `search` also checks `PassageStore.generation`."""

    async def close(self) -> None:
        """Lets go of memory and files."""


@dataclass(frozen=True, slots=True)
class IndexParts:
    """What an index is built with."""

    store: PassageStore
    encoder: Callable[[], Encoder | None]
    folder: Path
    memory: int
    """Bytes that all opened domains together may take."""


@dataclass(frozen=True, slots=True)
class IndexOffer:
    """An index that a plugin provides; the setting `knowledge_index` names the one in use."""

    name: str
    title: str
    open: Callable[[IndexParts], KnowledgeIndex]
    """Called twice: once for what visitors may read, once for all that members may. Each has a store and a folder of
    its own, and nothing of one may be found in the other."""


@dataclass(frozen=True, slots=True)
class SitemapView:
    """Pages, and further sitemaps to read."""

    pages: tuple[str, ...]
    children: tuple[str, ...]


class Fetch(ABC):
    """How a source looks at the site: through the gate, politely, within the crawl's limits."""

    @abstractmethod
    async def sitemap(self, url: str) -> SitemapView:
        """A sitemap, a sitemap index, a list of URLs or a feed. Raises `NotReachable`, or `Rejected` for what is
        none."""


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as its plugin sees it.

    `include` and `exclude` are patterns of paths, `/blog/*`: `*` stands for anything, `/` too, `?` for one character,
    `[ab]` for one of several. `hints` are the sitemaps that the site's robots.txt names.
    """

    id: UUID
    url: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    def admits(self, url: str) -> bool:
        """Whether the patterns let a page in: it is included where anything is, and not excluded. The path is compared
        with its query, in the case in which it is written."""
        path = url.partition("://")[2].partition("#")[0]
        path = path[path.find("/") :] if "/" in path else "/"
        if self.include and not any(fnmatchcase(path, pattern) for pattern in self.include):
            return False
        return not any(fnmatchcase(path, pattern) for pattern in self.exclude)


class Source(ABC):
    """Where pages come from. The crawler owns fetching, politeness, robots and the frontier; a source says where to
    start and what belongs to it.

    `follows`: whether links on its pages are followed. `complete`: whether `seeds` names all that there is, so that a
    page which it no longer names is forgotten.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    follows: ClassVar[bool] = True
    complete: ClassVar[bool] = False

    @abstractmethod
    def seeds(self, source: SourceView, fetch: Fetch) -> AsyncIterator[str]:
        """URLs to visit first, for example the seed itself and what its sitemaps list.

        Raise `NotReachable` or `Rejected` where nothing can be known of the pages: the crawl ends with it, and what is
        known stays."""

    @abstractmethod
    def accepts(self, source: SourceView, url: str) -> bool:
        """Whether a page belongs to this source: `source.admits(url)`, and what else is to be said. Pure and fast: it
        is called for every seed and link."""


class Rendering(ABC):
    """Pages of one site, read by a browser: what `Fetcher.open` gives."""

    @abstractmethod
    async def page(self, url: str) -> str:
        """The page as HTML, as it stands when its scripts have run. Asked for one page at a time, and cancelled after a
        minute. Raises `NotReachable` for a page that does not come."""


class Fetcher(ABC):
    """Reads pages that are built by scripts, where their HTML as it is sent says next to nothing.

    Core decides which pages those are, and asks nobody else for the others.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def open(self, proxy: str, user_agent: str) -> AbstractAsyncContextManager[Rendering]:
        """Begins to read pages of one site, and ends with the context.

        Everything that the fetcher sends goes through `proxy`, an HTTP proxy on loopback (`http://127.0.0.1:PORT`),
        requests to loopback too. It is the gate's: it leads to the site's own hosts and nowhere else. A program that
        dials by itself must be started so that it cannot pass it. Raises `NotReady` where something is missing.
        """
