"""Every list of `/v1` in pages: `?limit=&after=`, and `{"data": […], "next": …}` as the answer.

A cursor is opaque to who uses it. It names the last thing of its page and no position, so that what comes and goes
meanwhile neither repeats nor hides anything else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from omniops.errors import Rejected

T = TypeVar("T")
LIMIT = 50
MOST = 100


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    data: list[T]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")


class Paging:
    """A dependency: how much is wanted, and after what."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Most things of a page.")] = LIMIT,
        after: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    ) -> None:
        self.limit = limit
        self.after = None if after is None else _opened(after)

    @property
    def more(self) -> int:
        """How many to look up: one more than wanted, which tells whether there is another page."""
        return self.limit + 1

    @property
    def id(self) -> UUID | None:
        """The id to go on after. Raises `Rejected` for a cursor of another list."""
        try:
            return None if self.after is None else UUID(self.after)
        except ValueError:
            raise _bad_cursor() from None

    @property
    def number(self) -> int | None:
        """The number to go on after, of a list whose things are numbered. Raises as `id` does."""
        if self.after is not None and not (self.after.isdecimal() and len(self.after) < 19):
            raise _bad_cursor()
        return None if self.after is None else int(self.after)

    def page(self, found: Sequence[T], by: Callable[[T], Any], shown: Callable[[T], Any] | None = None) -> Any:
        """The answer from at most `more` things that were looked up. `by` gives what a cursor names a thing by."""
        data = list(found[: self.limit])
        following = _closed(str(by(data[-1]))) if len(found) > self.limit else None
        return {"data": [shown(one) for one in data] if shown else data, "next": following}

    def cut(
        self,
        found: Iterable[T],
        by: Callable[[T], Any],
        shown: Callable[[T], Any] | None = None,
        *,
        newest_first: bool = False,
    ) -> Any:
        """The answer from all things of a list that is short by nature, in the order of `by`."""
        ordered = sorted(found, key=lambda one: str(by(one)), reverse=newest_first)
        if (after := self.after) is not None:
            ordered = [one for one in ordered if (str(by(one)) < after if newest_first else str(by(one)) > after)]
        return self.page(ordered[: self.more], by, shown)


Pages = Annotated[Paging, Depends()]


def _closed(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    try:
        found = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise _bad_cursor() from None
    if not found or not found.isprintable():
        raise _bad_cursor()
    return found


def _bad_cursor() -> Rejected:
    return Rejected("This is no cursor of this list.", code="bad_cursor", where="after", do="Give `next` of a page.")
