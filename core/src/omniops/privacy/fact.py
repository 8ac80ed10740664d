"""What a fact of law is here: a statement with its source, how well that was read, and when it is read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Grade = Literal["seen", "secondary", "unverified", "house"]
"""`seen`: the text of the law itself was read. `secondary`: only what others write about it. `unverified`: neither.
`house`: no law, but our own promise."""
Area = Literal["age", "transfer", "term", "breach", "text", "sensitive"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement. `law` is the law with its article, `url` an address where anybody can read of it, empty for our own
    promises. After `review_by` somebody must have looked again. `note` says what limits it or may change it."""

    area: Area
    key: str
    says: str
    law: str
    url: str
    grade: Grade
    read: date
    review_by: date
    note: str = ""
