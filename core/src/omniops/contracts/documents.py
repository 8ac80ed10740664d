"""Documents of an outside system that a business chose, one by one, as knowledge.

A plugin reads and tells what changed. Core knows which were chosen and for whom, reads them again when they changed,
keeps, finds and cites what stands in them, and forgets it when one is no longer chosen or no longer there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from omniops.contracts.integration import Link

Audience = Literal["everybody", "members"]
"""For whom a document was chosen: visitors too, or the people of the business alone."""
Format = Literal["pdf", "docx", "markdown", "html", "text", "csv"]
"""What can be read. `csv` is a table of questions and answers."""
DOCUMENTS_CHANGED = "documents.changed"
"""An event of this kind (`Integration.events`, no data) has core ask for what changed within a minute."""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document that may be chosen. `id` is the other side's, at most 200 characters without spaces."""

    id: str
    title: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class DocumentContent:
    """What stands in a document. `version` names this state of it, title and permissions included.

    `link` is where a person of the business opens it. `open` says that anybody who has the link may: only then is it
    shown to visitors, who are else told the title.
    """

    title: str
    data: bytes
    format: Format
    version: str
    link: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class DocumentChanges:
    """Documents that changed, were deleted, or may no longer be read, whether chosen or not. `place` is where to go on,
    at most 1,500 characters; `more` says that there is more to be had now."""

    ids: frozenset[str]
    place: str
    more: bool = False


class DocumentStore(ABC):
    """Where an integration's documents lie. All methods run within a minute's deadline.

    They raise `NotReady` and `Reconnect` as an integration's do.
    """

    feature: ClassVar[str]
    """The feature that it is for: where it is off, nothing is read, and nothing that was read is found or cited."""

    def picker(self, connection: object) -> Mapping[str, str]:
        """What a page needs to open the other side's own window for choosing files: public values, never a token of the
        connection. Empty where there is none."""
        return {}

    @abstractmethod
    async def offered(self, link: Link) -> Sequence[DocumentInfo]:
        """What may be chosen with this access; of many, those that were changed last."""

    @abstractmethod
    async def read(self, link: Link, document_id: str, known: str) -> DocumentContent | None:
        """A document as it is now; None where its version is still `known`.

        Raises `NotFound` for one that is gone, in the bin, or not to be read with this access: all of it is forgotten
        at once. Raises `Rejected` with a stable code for one that cannot be used: too large, of no readable format, not
        to be downloaded; that is shown, and what was read before is forgotten as well.
        """

    @abstractmethod
    async def begin(self, link: Link) -> str:
        """The place from which changes are told that happen from now on."""

    @abstractmethod
    async def changes(self, link: Link, place: str) -> DocumentChanges:
        """What changed since a place. Raises `Rejected` with the code `bad_cursor` for one that is too old: then all
        that is chosen is looked at anew."""
