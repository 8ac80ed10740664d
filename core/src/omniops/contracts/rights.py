"""What a plugin keeps of people outside OmniOps' own database, and how it answers when a person uses a right.

Data in our database needs none of this: its marks are enough.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from omniops.contracts.scope import Scope


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a request is about: all subjects that were found to be this person, and the identifiers known of them.

    `identifiers` maps a kind (`email`, `phone`, `external_id` …) to the values, for a system that knows no ids of ours.
    """

    scope: Scope
    subjects: Sequence[UUID]
    identifiers: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How a store answered. A case closes only when every store's task is `done`, `nothing_held` or `refused`.

    `evidence` says in a sentence what shows it: the query that found nothing, the other side's receipt. `code` names
    the reason of a refusal or failure in a word that stays the same, for example `tax_record`. `data` is the copy that
    `export` found, as JSON can hold it. A store that raises, hangs or returns None has `failed`, and is asked again.
    """

    state: Literal["done", "nothing_held", "refused", "failed"]
    evidence: str
    code: str = ""
    data: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.evidence.strip():
            raise ValueError("A fulfilment without evidence shows nothing.")
        if self.state in ("refused", "failed") and not self.code:
            raise ValueError(f"A fulfilment that {self.state} needs a code.")


class ExternalStore(ABC):
    """A place outside our database where a plugin keeps data about people. Named in `Declaration.stores`.

    Each method is safe to repeat: a run that was cut is done again from the start. `processor` is the key of the
    register entry that receives the calls; they leave through the gate like all others.
    """

    key: str
    processor: str
    title: str

    @abstractmethod
    async def export(self, person: Person) -> Fulfilment:
        """A copy of all that is held about the person, in `data` (Art. 15, 20 GDPR)."""

    @abstractmethod
    async def erase(self, person: Person) -> Fulfilment:
        """Deletes all that is held about the person (Art. 17). `refused` where a law demands to keep it: says which."""

    @abstractmethod
    async def rectify(self, person: Person, category: str, value: str) -> Fulfilment:
        """Corrects what is held of a category, for example `contact.email` (Art. 16)."""

    @abstractmethod
    async def restrict(self, person: Person, restricted: bool) -> Fulfilment:
        """Stops all use of what is held, or allows it again (Art. 18)."""
