"""Writing: waiting values are sealed in the flush, with key and row in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from omniops.contracts.declaration import Mark
from omniops.contracts.scope import Scope
from omniops.contracts.sealed import Sealed, pending, settle
from omniops.database.marks import mark_of
from omniops.errors import Refused
from omniops.vault.crypto import associated, encrypt, lookup_hash
from omniops.vault.keys import Owner, account_key, live_keys
from omniops.vault.roots import RootProvider


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: everything that its associated data binds."""

    owner: Owner
    table: str
    column: str
    row_id: UUID
    mark: Mark

    @property
    def associated(self) -> bytes:
        return associated(self.owner.home_id, self.table, self.column, self.row_id, self.owner.subject_id)


def sealed_columns(model: type[SQLModel]) -> dict[str, Mark]:
    """The personal and secret columns of a model, by attribute name."""
    found = {}
    for attribute in inspect(model).column_attrs:
        mark = mark_of(dict(attribute.columns[0].info))
        if mark is not None and mark.kind != "not_personal":
            found[attribute.key] = mark
    return found


def place_of(row: Mapping[str, Any], model: type[SQLModel], column: str, mark: Mark, scope: Scope) -> Place:
    """The place of one value. `row` gives the columns by name. Raises `Refused` for a row of another scope."""
    home = row.get("home_id") or row.get("domain_id") or row.get("account_id")
    if not isinstance(home, UUID) or home not in (scope.domain_id, scope.account_id):
        raise Refused(f"A row of {model.__name__} belongs to another scope.", reason="foreign_scope")
    if mark.kind == "secret":
        owner = Owner(scope.account_id, scope.account_id)
    else:
        subject = row.get("subject_id")
        if not isinstance(subject, UUID):
            raise Refused(f"A row of {model.__name__} holds personal data but names no subject.", reason="no_subject")
        owner = Owner(home, subject)
    return Place(owner, str(model.__tablename__), column, row["id"], mark)


class Sealer:
    """The flush's listener, and bulk sealing for Core writes that no flush sees."""

    def __init__(self, root: RootProvider) -> None:
        self._root = root

    def before_flush(self, session: Session, context: Any, instances: Any) -> None:
        """Seals every waiting value of new and changed rows, and forgets the identifiers of deleted ones."""
        scope: Scope = session.info["scope"]
        waiting: list[tuple[Place, Sealed[Any]]] = []
        for row in [*session.new, *session.dirty]:
            waiting += _waiting(row, scope)
        gone = [row.id for row in session.deleted if _findable(type(row))]
        if not waiting and not gone:
            return
        connection = session.connection()
        if gone:
            connection.execute(text("delete from vault.identifier where row_id = any(:rows)"), {"rows": gone})
        self._seal(connection, scope, waiting)

    def seal_rows(
        self, connection: Connection, scope: Scope, model: type[SQLModel], rows: Sequence[dict[str, Any]]
    ) -> None:
        """Replaces the `seal(…)` values in dicts meant for a Core insert by sealed ones, in place."""
        waiting = []
        for column, mark in sealed_columns(model).items():
            for row in rows:
                value = row.get(column)
                if isinstance(value, Sealed) and pending(value) is not None:
                    waiting.append((place_of(row, model, column, mark, scope), value))
                elif value is not None and not isinstance(value, Sealed):
                    raise Refused(f"{model.__name__}.{column} must be given as seal(value).", reason="not_sealed")
        self._seal(connection, scope, waiting)

    def _seal(self, connection: Connection, scope: Scope, waiting: Iterable[tuple[Place, Sealed[Any]]]) -> None:
        waiting = list(waiting)
        if not waiting:
            return
        keys = live_keys(connection, self._root, scope.account_id, (place.owner for place, _ in waiting))
        identifiers: list[tuple[Place, str]] = []
        for place, sealed in waiting:
            value = pending(sealed)
            assert value is not None
            key = keys[place.owner]
            if place.mark.find is not None:
                identifiers.append((place, str(value[0])))
            settle(sealed, encrypt(value[0], key.key, key.version, place.associated))
        if identifiers:
            self._identify(connection, scope, identifiers)

    def _identify(self, connection: Connection, scope: Scope, found: Sequence[tuple[Place, str]]) -> None:
        version, key = account_key(connection, self._root, scope.account_id)
        connection.execute(
            text("delete from vault.identifier where home_id = :home and row_id = :row and kind = :kind"),
            [{"home": p.owner.home_id, "row": p.row_id, "kind": p.mark.find} for p, _ in found],
        )
        connection.execute(
            text(
                "insert into vault.identifier (account_id, home_id, kind, hash, row_id, subject_id,"
                " account_key_version) values (:account, :home, :kind, :hash, :row, :subject, :version)"
            ),
            [
                {
                    "account": scope.account_id,
                    "home": place.owner.home_id,
                    "kind": place.mark.find,
                    "hash": lookup_hash(value, str(place.mark.find), place.owner.home_id, key),
                    "row": place.row_id,
                    "subject": place.owner.subject_id,
                    "version": version,
                }
                for place, value in found
            ],
        )


def _findable(model: type[Any]) -> bool:
    return issubclass(model, SQLModel) and any(mark.find for mark in sealed_columns(model).values())


def _waiting(row: Any, scope: Scope) -> list[tuple[Place, Sealed[Any]]]:
    model = type(row)
    changed = _changed(row)
    found = []
    for column, mark in sealed_columns(model).items():
        value = row.__dict__.get(column)
        if value is None:
            continue
        if not isinstance(value, Sealed):
            raise Refused(f"{model.__name__}.{column} must be given as seal(value).", reason="not_sealed")
        if pending(value) is not None:
            found.append((place_of(row.__dict__, model, column, mark, scope), value))
        elif column in changed:
            # Its ciphertext is bound to another row, or to a key that was rolled back together with its first row.
            raise Refused(f"{model.__name__}.{column} was sealed before; assign seal(value) again.", reason="moved")
    return found


def _changed(row: Any) -> set[str]:
    """Columns that this flush will write: of a new row all, of an old one those assigned since it was loaded."""
    state = inspect(row)
    if state.key is None:
        return set(sealed_columns(type(row)))
    return {column for column in sealed_columns(type(row)) if state.attrs[column].history.added}
