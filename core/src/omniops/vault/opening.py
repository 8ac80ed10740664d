"""Reading: decide, write the audit entry, and only then hand out the function that opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, overload

from sqlmodel import SQLModel

from omniops.contracts.declaration import Mark, SubjectState
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import Sealed, ciphertext
from omniops.errors import Refused
from omniops.vault.crypto import decrypt, key_version, pseudonym
from omniops.vault.keys import Owner, OwnerKeys
from omniops.vault.sealing import Place, place_of, sealed_columns

T = TypeVar("T")
D = TypeVar("D")


class Policy(Protocol):
    """Who may read what. Implemented by `privacy`; the vault only asks."""

    def knows(self, purpose: str) -> bool:
        """Whether the purpose is declared by core or by an enabled plugin."""

    def decide(self, mark: Mark, purpose: str, state: SubjectState, actor: Actor) -> str | None:
        """None to allow, or the reason of the refusal: a stable code such as `no_consent`."""


class _Unset:
    pass


_UNSET: Final = _Unset()


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of an opened row: its place and key, or the reason why it stays shut."""

    sealed: Sealed[Any]
    place: Place
    keys: Mapping[int, bytes]
    refused: str | None


class Opened:
    """Opens the values of the rows that were given to `vault.open`, and nothing else."""

    def __init__(self, values: Iterable[_Value]) -> None:
        # By identity: a sealed value has no equality. The values are held, so that no id is ever reused.
        self._values = {id(value.sealed): value for value in values}

    @overload
    def __call__(self, value: Sealed[T]) -> T: ...
    @overload
    def __call__(self, value: None) -> None: ...
    @overload
    def __call__(self, value: Sealed[T], *, otherwise: D) -> T | D: ...
    @overload
    def __call__(self, value: None, *, otherwise: D) -> None: ...

    def __call__(self, value: Sealed[Any] | None, *, otherwise: Any = _UNSET) -> Any:
        """The clear value. Raises `Refused` with the reason, or returns `otherwise` where it is given."""
        if value is None:
            return None
        try:
            return self._open(value)
        except Refused:
            if otherwise is _UNSET:
                raise
            return otherwise

    def _open(self, sealed: Sealed[Any]) -> Any:
        value = self._values.get(id(sealed))
        if value is None:
            raise Refused("This value is not of a row that was opened.", reason="not_opened")
        if value.refused is not None:
            raise Refused(
                f"{value.place.table}.{value.place.column} stays sealed: {value.refused}.", reason=value.refused
            )
        raw = ciphertext(sealed)
        if raw is None:
            raise Refused("This value is not stored yet.", reason="not_stored")
        key = value.keys.get(key_version(raw))
        if key is None:
            raise Refused("The key of this value was destroyed.", reason="erased")
        return decrypt(raw, key, value.place.associated)

    @property
    def refused(self) -> int:
        """How many values stay shut."""
        return sum(value.refused is not None for value in self._values.values())

    @property
    def owners(self) -> frozenset[Owner]:
        """Of whom something can be opened."""
        return frozenset(value.place.owner for value in self._values.values() if value.refused is None)

    def by_category(self) -> dict[str, int]:
        """How many values can be opened, by category; the account's own secrets count as `secret`."""
        marks = [value.place.mark for value in self._values.values() if value.refused is None]
        return dict(Counter(mark.category or mark.kind for mark in marks))


def places(rows: Sequence[SQLModel], scope: Scope) -> list[tuple[Sealed[Any], Place]]:
    """Every sealed value of the rows with its place."""
    found: list[tuple[Sealed[Any], Place]] = []
    columns: dict[type[SQLModel], dict[str, Mark]] = {}
    for row in rows:
        model = type(row)
        if model not in columns:
            columns[model] = sealed_columns(model)
        for column, mark in columns[model].items():
            value = row.__dict__.get(column)
            if isinstance(value, Sealed):
                found.append((value, place_of(row.__dict__, model, column, mark, scope)))
    return found


def decided(
    found: Sequence[tuple[Sealed[Any], Place]],
    keys: Mapping[Owner, OwnerKeys],
    policy: Policy,
    purpose: str,
    actor: Actor,
) -> Opened:
    """Applies the decision to every value; one call of the policy per mark and person."""
    answers: dict[tuple[int, Owner], str | None] = {}
    values = []
    for sealed, place in found:
        of_owner = keys.get(place.owner)
        if of_owner is None or not of_owner.keys:
            values.append(_Value(sealed, place, {}, "erased"))
            continue
        question = (id(place.mark), place.owner)
        if question not in answers:
            answers[question] = policy.decide(place.mark, purpose, of_owner.state, actor)
        values.append(_Value(sealed, place, of_owner.keys, answers[question]))
    return Opened(values)


def pseudonyms(keys: Mapping[Owner, OwnerKeys]) -> list[str]:
    """How the opened persons appear in the audit entry."""
    return sorted(pseudonym(of.pepper, owner.subject_id) for owner, of in keys.items() if of.pepper is not None)
