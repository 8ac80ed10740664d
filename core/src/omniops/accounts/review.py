"""A business's rules about which answers of the AI a person must see first, or write."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["automatic", "draft", "off"]
"""The AI answers by itself; it writes a draft, and nothing leaves before a person approved it; it does not answer."""
Word = Annotated[str, Field(min_length=1, max_length=60, pattern=r"\w")]


class ReviewRule(BaseModel):
    """A rule and what holds where it fits. What is not named fits anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode = Field(description="`automatic`; `draft`: a person approves each answer first; `off`: people answer.")
    channel: str | None = Field(default=None, max_length=60, description="Only this channel, such as `website`.")
    topics: list[Word] = Field(
        default_factory=list,
        max_length=50,
        description="Only questions with a word that begins with one of these, in capitals or not.",
    )
    levels: list[Literal["answer", "closest", "none"]] = Field(
        default_factory=list, max_length=3, description="Only answers of these levels."
    )
    below: float | None = Field(
        default=None, ge=0, le=1, description="Only answers less certain than this; an unmeasured one is."
    )

    @property
    def needs_answer(self) -> bool:
        """Whether it can only be said of a finished answer if this rule fits."""
        return bool(self.levels) or self.below is not None

    def about(self, channel: str, question: str) -> bool:
        """Whether it fits the channel and the question."""
        if self.channel not in (None, channel):
            return False
        return not self.topics or self._pattern.search(_plain(question)) is not None

    def doubts(self, level: str, strength: float | None) -> bool:
        """Whether it fits a finished answer."""
        if self.levels and level not in self.levels:
            return False
        return self.below is None or strength is None or strength < self.below

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(_plain(word)) for word in self.topics) + ")")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
