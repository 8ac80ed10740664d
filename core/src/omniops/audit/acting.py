"""Who acts in this request, job or command: for the entries of what is written without naming an actor.

A context variable, for the record only. No decision reads it; who may do what is an argument everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from omniops.contracts.scope import Actor


@dataclass(slots=True)
class Act:
    """What one caller does. `changes` counts the entries meanwhile that tell of more than a reading."""

    actor: Actor
    account_id: UUID | None = None
    changes: int = 0


_current: ContextVar[Act | None] = ContextVar("omniops_act", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[Act]:
    """Everything inside is done by `actor`; whoever finds out who it really is may set it on the act."""
    act = Act(actor)
    token = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(token)


def current() -> Act | None:
    return _current.get()
