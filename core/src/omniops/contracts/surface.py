"""What a plugin shows to the people of a business: panels beside a conversation, and pages in the dashboard.

A plugin gives words, facts, tables, links and forms, and core draws them: no HTML, no style and no script of a plugin
reaches a member's browser, and whatever a stranger wrote stays text. Each part has a deadline; one that fails or hangs
is an error card, and the page around it stands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel

from omniops.contracts.scope import Actor, Scope
from omniops.errors import Rejected

MOST_ROWS = 200
"""Of a table. More belong on further pages, which a plugin links by `Page.show`'s `query`."""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """`caption` says what is counted or listed, `empty` what stands there without rows. Each row has as many cells as
    there are columns; at most `MOST_ROWS` rows."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing yet."

    def __post_init__(self) -> None:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise Rejected(f"Each row of {self.caption!r} needs {len(self.columns)} cells.", code="bad_block")
        if len(self.rows) > MOST_ROWS:
            raise Rejected(f"{self.caption!r} has {len(self.rows)} rows, above {MOST_ROWS}.", code="bad_block")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A link to another system, which opens beside the dashboard and learns nothing of it. HTTPS only."""

    text: str
    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise Rejected(f"{self.url!r} is no https address.", code="bad_block")


@dataclass(frozen=True, slots=True)
class Form:
    """Fields to fill in, made from a pydantic model: text, several lines (`max_length` above 200), whole and decimal
    numbers, yes or no, one of several (`Literal`), secrets (`SecretStr`, never shown again). Titles and descriptions
    are the model's. `values` are what stands in them at first."""

    name: str
    title: str
    model: type[BaseModel]
    button: str = "Save"
    values: Mapping[str, Any] = field(default_factory=dict)


Block = Words | Facts | Table | Elsewhere | Form


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and at which website. The scope is the one that sessions, the gate and the vault take."""

    scope: Scope
    actor: Actor


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation beside which a panel stands."""

    conversation_id: UUID
    channel: str
    language: str


class Panel(ABC):
    """A part of what a member sees beside a conversation. Shown to whoever may read conversations."""

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    async def show(self, viewer: Viewer, talk: Talk) -> Sequence[Block]:
        """What it says of this conversation, within two seconds; nothing leaves the panel out. Forms are not drawn in
        panels. An error or a hang shows a card that says so."""


class Page(ABC):
    """A page of its own in the dashboard, at `/app/{domain}/plugins/{plugin}/{name}`.

    `may` is the permission that shows it, and `manages` the one that its forms need: of core's, as routes name them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    may: ClassVar[str] = "domain.read"
    manages: ClassVar[str] = "domain.manage"

    @abstractmethod
    async def show(self, viewer: Viewer, query: Mapping[str, str]) -> Sequence[Block]:
        """What stands on it, within two seconds. `query` are the address's own parameters, to be trusted no more than
        any input."""

    async def submit(self, viewer: Viewer, form: str, values: BaseModel) -> str:
        """Takes a form that was filled in rightly, and says in a sentence what came of it. Raises `Rejected` for what
        may not be: its sentence stands above the form, and nothing that was typed is lost."""
        raise Rejected(f"This page has no form {form!r}.", code="no_such_form")
