"""What happens in a conversation, for the people of the business where they work, such as a chat of their team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

NewsKind = Literal["handed_off", "message", "closed"]
"""`handed_off`: a person is needed, `text` is what the visitor last wrote. `message`: the visitor, or a person of the
business, wrote while people answer. `closed`: it is over."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened.

    `id` is the same whenever it is told again; of one conversation `seq` goes up. `subject_id` is whom it is about:
    name it to the gate, and in the rows that you keep. `channel` is where the visitor writes, `language` theirs.
    `author` and `text` are those of the message. `origin` is the `delivery_id` of the `Echo` by which a person's
    message came, empty for all others: by it a plugin knows an `Echo` of its own, which it need not tell.
    """

    id: str
    kind: NewsKind
    conversation_id: UUID
    subject_id: UUID
    seq: int
    channel: str
    language: str
    author: Literal["visitor", "person", "system"]
    text: str
    origin: str
    at: datetime
