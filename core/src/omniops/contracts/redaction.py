"""Finding personal data in text before it is sent to a provider: what a plugin's redactor must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data in a text, at `text[start:end]`. `kind` is two to eight capital letters, such as `NAME`: it stands
    in the placeholder that a provider reads in its place."""

    start: int
    end: int
    kind: str


class Redactor(ABC):
    """Finds kinds of personal data that core's own recognisers do not know, such as names of people.

    Core replaces what is found and restores it in the answer. Where findings overlap, core's own stay.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def find(self, text: str, language: str) -> Sequence[Finding]:
        """What must not be sent. `language` is the conversation's, as ISO 639-1, and may be empty.

        Called in a thread, for several texts of one turn: it must not need an event loop, and must load no model from
        the network. An error, or a finding outside the text, stops the turn: nothing is sent, a person answers.
        """
