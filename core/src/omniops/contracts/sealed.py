"""Sealed values: what a loaded row holds in place of personal data and secrets.

A `Sealed[T]` carries ciphertext only and offers no way to the text: no `str`, no equality, no ordering, no dump, no
formatting. Only `vault.open(rows, purpose=…, actor=…)` returns a function that turns it into `T`, after the decision
about purpose, consent, objection, restriction and role, and after the audit entry is on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")


class SealedMisuse(TypeError):
    """Somebody tried to read, compare, print or dump a sealed value without the vault."""

    def __init__(self, act: str) -> None:
        super().__init__(
            f"A sealed value cannot be {act}. Open its row with vault.open(rows, purpose=…, actor=…) instead."
        )


class Sealed(Generic[T]):
    """Ciphertext of one value. Made by loading a row, or by `seal(value)` for a value still to be written."""

    __slots__ = ("_pending", "_raw")
    __hash__ = None  # type: ignore[assignment]  # equality is refused, so there is nothing to hash by

    def __init__(self, raw: bytes | None = None) -> None:
        self._raw = raw
        self._pending: Any = None

    def __repr__(self) -> str:
        return "<sealed>"

    def __str__(self) -> NoReturn:
        raise SealedMisuse("turned into text")

    def __format__(self, spec: str) -> NoReturn:
        raise SealedMisuse("formatted")

    def __eq__(self, other: object) -> NoReturn:
        raise SealedMisuse("compared")

    def __ne__(self, other: object) -> NoReturn:
        raise SealedMisuse("compared")

    def __bool__(self) -> NoReturn:
        raise SealedMisuse("tested for truth (use `is None`)")

    if not TYPE_CHECKING:  # a type checker must not believe that these exist; callers without one get the reason

        def __lt__(self, other: object) -> NoReturn:
            raise SealedMisuse("ordered")

        __le__ = __gt__ = __ge__ = __lt__

        def __len__(self) -> NoReturn:
            raise SealedMisuse("measured")

        def __iter__(self) -> NoReturn:
            raise SealedMisuse("iterated")

        def __bytes__(self) -> NoReturn:
            raise SealedMisuse("turned into bytes")

    def __reduce__(self) -> NoReturn:
        raise SealedMisuse("pickled")

    def __copy__(self) -> Sealed[T]:
        return self

    def __deepcopy__(self, memo: object) -> Sealed[T]:
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def refuse(value: object) -> NoReturn:
            raise SealedMisuse("dumped")

        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(refuse)
        )


def seal(value: T) -> Sealed[T]:
    """Marks `value` for sealing: assign the result to a personal or secret column; the flush encrypts it.

    `value` may be text, bytes or anything that JSON can hold. Until the flush it lives in memory inside the returned
    object and is as unreadable there as any other sealed value.
    """
    sealed: Sealed[T] = Sealed()
    sealed._pending = (value,)
    return sealed


def pending(sealed: Sealed[Any]) -> tuple[Any] | None:
    """The value that waits to be sealed, in a tuple, or None. For the vault only."""
    return cast("tuple[Any] | None", sealed._pending)


def ciphertext(sealed: Sealed[Any]) -> bytes | None:
    """The stored bytes, or None when the value was never written. For the vault and the column type only."""
    return sealed._raw


def settle(sealed: Sealed[Any], raw: bytes) -> None:
    """Replaces the waiting value by its ciphertext. For the vault only."""
    sealed._raw = raw
    sealed._pending = None
