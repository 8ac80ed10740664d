"""Marks: what every column says of itself, in the model, where nobody can overlook it.

A column is `personal`, `secret` or `not_personal`, or it is a key or foreign key. Nothing else loads. From the marks
alone come export, rectification, restriction, erasure, retention sweeps and the record of processing.
"""

from typing import Any

from pydantic.fields import FieldInfo as PydanticField
from sqlalchemy import Dialect, LargeBinary, Table
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.type_api import TypeEngine
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel
from sqlmodel.main import FieldInfo

from omniops.contracts.declaration import Mark
from omniops.contracts.sealed import Sealed, SealedMisuse, ciphertext, pending

INFO_KEY = "mark"


class SealedType(TypeDecorator[Sealed[Any]]):
    """`bytea` that loads as `Sealed`. It never decrypts: it knows neither row, subject nor purpose."""

    impl = LargeBinary
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Sealed[Any]]):
        """Refuses comparison with values, which would only ever compare ciphertexts. `IS NULL` stays."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            if other and other[0] is not None and not isinstance(other[0], ColumnElement):
                raise SealedMisuse("compared in a query; use vault.find for exact look-up")
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return self

    def process_bind_param(self, value: Sealed[Any] | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise SealedMisuse(f"written as a plain {type(value).__name__}; assign seal(value)")
        raw = ciphertext(value)
        if raw is None or pending(value) is not None:
            raise SealedMisuse("written without sealing; use the ORM session, or vault.seal_rows for bulk writes")
        return raw

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed[Any] | None:
        return None if value is None else Sealed(value)

    def compare_values(self, x: Any, y: Any) -> bool:
        return x is y


def personal(category: str, *, purposes: tuple[str, ...], retain: str, find: str | None = None, **field: Any) -> Any:
    """A column that holds personal data, sealed under the subject's own key.

    `category` is a declared category (`contact.email`). `purposes` are the only ones for which the vault opens it.
    `retain` is a retention class. `find="email"` makes exact look-up by `vault.find(domain, "email", value)` work.
    """
    if not purposes:
        raise ValueError(f"personal({category!r}): name at least one purpose, or do not collect it.")
    mark = Mark("personal", category=category, purposes=frozenset(purposes), retain=retain, find=find)
    return Field(sa_type=SealedType, sa_column_kwargs={"info": {INFO_KEY: mark}}, **field)


def secret(why: str, *, purposes: tuple[str, ...] = ("connection.use",), **field: Any) -> Any:
    """A credential, or what else is the business's alone: sealed under the account's own key, opened only for
    `purposes`. A credential is never shown again."""
    mark = Mark("secret", why=why, purposes=frozenset(purposes))
    return Field(sa_type=SealedType, sa_column_kwargs={"info": {INFO_KEY: mark}}, **field)


def not_personal(why: str, *, retain: str = "", **field: Any) -> Any:
    """A column in clear. `why` says in a few words why nobody can be found through it.

    `retain`, on a column of a time, puts the whole row into a retention class that counts from it: for rows without a
    personal column, and for those whose time does not begin with `created_at`. A row without that time stays.
    """
    if not why:
        raise ValueError("not_personal() needs a reason.")
    kwargs = dict(field.pop("sa_column_kwargs", {}))
    kwargs["info"] = {INFO_KEY: Mark("not_personal", retain=retain, why=why)}
    return Field(sa_column_kwargs=kwargs, **field)


def mark_of(info: dict[Any, Any]) -> Mark | None:
    """The mark in a column's `info`, or None."""
    mark = info.get(INFO_KEY)
    return mark if isinstance(mark, Mark) else None


def field_is_marked(field: PydanticField) -> bool:
    """Whether a model's field carries a mark, or is a key or foreign key and needs none."""
    if not isinstance(field, FieldInfo):
        return False
    column = field.sa_column
    if column is not None and not isinstance(column, type(None)) and hasattr(column, "info"):
        return mark_of(column.info) is not None
    kwargs = field.sa_column_kwargs
    if isinstance(kwargs, dict) and mark_of(kwargs.get("info", {})):
        return True
    return field.primary_key is True or isinstance(field.foreign_key, str)


def personal_columns() -> list[tuple[Table, str, Mark]]:
    """Every personal column of every model that this process knows, plugins' too: its table, name and mark. A table may
    be declared and not be there, where its plugin's migration failed."""
    return [
        (table, name, mark)
        for table in SQLModel.metadata.tables.values()
        for name, mark in marks_of(table).items()
        if mark.kind == "personal"
    ]


def marks_of(table: Table) -> dict[str, Mark]:
    """The marks of a table's columns, by name. Keys have none."""
    found = {column.name: mark_of(dict(column.info)) for column in table.columns}
    return {name: mark for name, mark in found.items() if mark is not None}
