"""The business's own address book at an outside system, asked for one person at a time.

Core asks for a person whose address was proved, shows the answer to the people of the business, and keeps it sealed
with that person's data; no address book is copied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

if TYPE_CHECKING:
    from omniops.contracts.integration import Link

LONGEST_NAME, LONGEST_NOTE = 200, 2000


@dataclass(frozen=True, slots=True)
class Contact:
    """What the business noted of a person. Nothing else of an entry is taken; what is empty was not noted."""

    name: str = ""
    company: str = ""
    note: str = ""


class Contacts(ABC):
    """An address book."""

    feature: ClassVar[str]
    """The feature that it is for: where it is off, nothing is asked and nothing kept is shown."""

    @abstractmethod
    async def find(self, link: Link, email: str, *, subjects: Sequence[UUID]) -> Contact | None:
        """The entry with exactly this address, in whatever case; None where there is none, or more than one that say
        different things. `subjects` is whom it is about, for the gate. Raises `NotReady` and `Reconnect`."""
