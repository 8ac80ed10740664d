"""Questions that mean the same: by their vectors, or by their words where there are none."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAME_MEANING = 0.5
"""Mean cosine to a group from which on a question belongs to it. 29 wordings of 11 questions of a shop become 13 groups
with MiniLM and 15 with wordllama; the one that mixes two joins delivery to Norway with delivery to Sweden."""
SAME_WORDS = 0.3
"""Shared words over all words of two questions: the same wordings become 16 groups, none of them mixed."""
LOOKED_AT = 30
"""Members of a group that a question is compared with."""
_WORD = re.compile(r"\w{3,}")
_PREFIX = 4
"""Letters by which words are compared: enough to see `ship` in `shipping`, in any language that inflects at the end."""
_ASKING = frozenset(
    "what when where which how who why does did can could would will are the and for you your have has there any with "
    "was wie wann wer warum welche kann können ist sind die der das und ein eine für haben hat ich mein "
    "also auch bitte möglich need please possible too want".split()
)


@dataclass(slots=True)
class Asked:
    """One question with its vector (length 1), or without."""

    id: Hashable
    text: str
    vector: NDArray[np.float32] | None = None


@dataclass(slots=True)
class Group:
    """Questions that mean the same. `id` is None for a new group."""

    id: Hashable | None
    members: list[Asked] = field(default_factory=list)


def grouped(known: Mapping[Hashable, Sequence[Asked]], new: Sequence[Asked]) -> list[Group]:
    """Adds each new question, in order, to the group that it resembles most, or begins another. What is grouped stays
    where it is, so that a gap never changes its meaning under the person who works on it."""
    groups = [Group(key, list(members)) for key, members in known.items()]
    for asked in new:
        best, likeness = None, 0.0
        for group in groups:
            like = _likeness(asked, group.members)
            if like > likeness:
                best, likeness = group, like
        if best is not None and likeness >= 1:
            best.members.append(asked)
        else:
            groups.append(Group(None, [asked]))
    return groups


def middle(members: Sequence[Asked]) -> Asked:
    """The question that resembles the others most: the example wording."""
    looked = members[:LOOKED_AT]
    return max(looked, key=lambda one: sum(_pair(one, other) for other in looked if other is not one))


def _likeness(asked: Asked, members: Sequence[Asked]) -> float:
    """1 and more where a question belongs to a group."""
    likes = [_pair(asked, member) for member in members[:LOOKED_AT]]
    return sum(likes) / len(likes) if likes else 0.0


def _pair(one: Asked, other: Asked) -> float:
    if one.vector is not None and other.vector is not None:
        return float(one.vector @ other.vector) / SAME_MEANING
    mine, theirs = _words(one.text), _words(other.text)
    return len(mine & theirs) / max(1, len(mine | theirs)) / SAME_WORDS


def _words(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    said = [word for word in words if word not in _ASKING] or words
    return frozenset(word[:_PREFIX] for word in said)
