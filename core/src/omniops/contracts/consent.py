"""Consent as plugins see it: where it may come from, who may say no to it, and who is told.

The ledger is core's. A source says what a consent manager of the website recorded, a veto can only take away, and who
is told comes after it all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope

Event = Literal["given", "refused", "withdrawn", "expired", "renewed"]


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One entry of the ledger: what a person answered to one purpose, or is about to.

    `before` is the state until then (`given`, `refused`, `withdrawn`, `expired`), None where nothing was asked.
    `notice` and `version` name the words that were shown; `version` is their SHA-256, or that of the statement where
    another consent manager showed its own. Holds no personal data: `subject_id` leads to a person by the vault alone.
    """

    scope: Scope
    subject_id: UUID
    purpose: str
    event: Event
    before: str | None
    notice: str
    version: str
    locale: str
    method: str
    signal: str
    jurisdiction: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a plugin lets a yes stand. `reason` is a stable word that is kept in the ledger beside the answer."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a consent manager recorded: yes or no by purpose of ours.

    `facts` are kept in the ledger as evidence: numbers and versions of the statement, nothing personal, at most 20.
    """

    answers: Mapping[str, bool]
    facts: Mapping[str, str | int] = field(default_factory=dict)


class ConsentSource(ABC):
    """A consent manager that a website has already, as a way into the ledger.

    A page says what the manager recorded (`script`), core checks the website's origin, reads the statement by `read`
    and writes the ledger: with vetoes, signals and ages as for every other answer. What `read` says yes to counts as
    no more than a person's yes, and only for the purposes of `answers`.
    """

    name: ClassVar[str]
    """Lower-case letters, digits and dashes. Stands in the ledger as the method, and in addresses."""
    title: ClassVar[str]
    longest: ClassVar[int] = 8192
    """Longest statement that is taken, in characters."""
    script: ClassVar[str]
    """A JavaScript module for the website's pages. Its default export `watch(tell, settings)` calls `tell(statement)`
    whenever the manager records something; `settings` are the data attributes of the script tag. It runs under the
    page's own policy: no inline script, no HTML from strings (Trusted Types), and it stores nothing."""

    @abstractmethod
    def read(self, statement: str, settings: PluginSettings, now: datetime) -> Statement:
        """What a statement says, with the domain's settings of the plugin.

        Raises `Rejected` for one that is not well-formed, not of its time, or says nothing about our purposes: then
        nothing is recorded. A purpose that the statement does not mention is left out, never guessed.
        """
