"""Replacing one named object of the runtime, in this process, for as long as a probe is tested.

There is no other way in: the runner calls this with a sabotage that a probe's class holds in code. Nothing here reads a
setting, a variable, a file or a request.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omniops.contracts.proof import Sabotage

_ABSENT = object()


@contextmanager
def sabotaged(sabotage: Sabotage, runtime: Any) -> Iterator[None]:
    """The object is replaced inside, and what was there before stands again afterwards.

    Raises `AttributeError` or `ImportError` for a name that does not exist: a sabotage of nothing would prove nothing.
    """
    owner, name = _place(sabotage.object, runtime)
    own = vars(owner).get(name, _ABSENT) if hasattr(owner, "__dict__") else _ABSENT
    original = getattr(owner, name)
    _set(owner, name, sabotage.replace(original))
    try:
        yield
    finally:
        if own is not _ABSENT:
            _set(owner, name, own)
        elif hasattr(owner, "__dict__") and not _slotted(owner, name):
            delattr(owner, name)
        else:
            _set(owner, name, original)


def _place(named: str, runtime: Any) -> tuple[Any, str]:
    root, _, path = named.partition(":")
    owner: Any = runtime if root == "runtime" else importlib.import_module(root)
    *steps, name = path.split(".")
    for step in steps:
        owner = getattr(owner, step)
    getattr(owner, name)
    return owner, name


def _slotted(owner: Any, name: str) -> bool:
    return any(name in getattr(kind, "__slots__", ()) for kind in type(owner).__mro__)


def _set(owner: Any, name: str, value: Any) -> None:
    """Also of a frozen value: it is this process's own copy."""
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:
        object.__setattr__(owner, name, value)
