"""Bases of all tables, and the one way to point at another table.

Every table of a domain has the primary key `(domain_id, id)`, of an account `(account_id, id)`: it can later be
partitioned or distributed by domain without a redesign. Ids are UUIDv7.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, MetaData
from sqlmodel import Field, SQLModel

from omniops.contracts.ids import new_id
from omniops.database.marks import field_is_marked, mark_of, not_personal
from omniops.database.policies import scope_kind


class UnmarkedColumn(TypeError):
    """A model has a column that says nothing of itself."""


class Marked(SQLModel):
    """Refuses, while the class is made, every field without a mark that is neither key nor foreign key."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        exempt = _foreign_fields(cls)
        for name, field in cls.model_fields.items():
            if name not in exempt and not field_is_marked(field):
                raise UnmarkedColumn(
                    f"{cls.__module__}.{cls.__qualname__}.{name} has no mark. Write personal(…), secret(…) or "
                    f"not_personal(why)."
                )


def _foreign_fields(cls: type[SQLModel]) -> set[str]:
    args = getattr(cls, "__table_args__", ())
    return {
        column
        for part in (args if isinstance(args, tuple) else ())
        if isinstance(part, ForeignKeyConstraint)
        for column in part.column_keys
    }


class DomainModel(Marked):
    """A row of one domain. Row-level security shows it in that domain's scope only."""

    domain_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)


class AccountModel(Marked):
    """A row of one account, outside any domain."""

    account_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)


class SubjectModel(DomainModel):
    """A row about one person of a domain. Its personal columns are sealed under that subject's key."""

    subject_id: UUID = not_personal("random id; leads to a person only through the vault", index=True)


class MemberModel(AccountModel):
    """A row about one member of an account; the account stands in the place of the domain."""

    subject_id: UUID = not_personal("random id; leads to a person only through the vault", index=True)


def belongs_to(model: type[SQLModel], column: str, *, on_delete: str = "CASCADE") -> ForeignKeyConstraint:
    """A composite foreign key: `(scope, column)` → `model`'s `(scope, id)`. No row can point into another scope.

    Put it into `__table_args__`. Foreign keys run from plugins to core, never the other way.
    """
    scope = "domain_id" if "domain_id" in model.model_fields else "account_id"
    table = str(model.__tablename__)
    return ForeignKeyConstraint(
        [scope, column], [f"{table}.{scope}", f"{table}.id"], ondelete=on_delete, name=f"fk_{column}_{table}"
    )


def unmarked(metadata: MetaData, *, prefix: str | None = None) -> list[str]:
    """`table.column` of every column without a mark that is no key: finds raw `Table` objects that bypass the bases.

    With `prefix`, only tables whose name starts with it.
    """
    return [
        f"{table.fullname}.{column.name}"
        for table in metadata.tables.values()
        if prefix is None or table.name.startswith(prefix)
        for column in table.columns
        if not (column.primary_key or column.foreign_keys or mark_of(dict(column.info)))
    ]


def scope_problems(metadata: MetaData, *, prefix: str) -> list[str]:
    """Tables that belong to no domain and no account, as sentences: nothing would filter their rows."""
    return [
        f"its table {table.name!r} has no domain_id or account_id in its primary key."
        for table in metadata.tables.values()
        if table.name.startswith(prefix) and scope_kind(table) is None
    ]
