"""Which tables about people are there: those of the marks, with their fields, and those of plugins that are not loaded,
with columns of an unknown kind, so that nothing that exists is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from sqlalchemy import Table, text
from sqlmodel import SQLModel

from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.fields import CORE, Field, fields_of
from omniops.privacy.holding import holding

Home = Literal["domain_id", "account_id"]
HOMES: tuple[Home, ...] = get_args(Home)

_COLUMNS = text(
    "select attname from pg_attribute where attrelid = format('omniops.%I', cast(:name as text))::regclass"
    " and attnum > 0 and not attisdropped order by attnum"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A table about people: the column of its scope, and its model, which is None where its plugin is not loaded."""

    name: str
    home: str
    owner: str
    model: type[SQLModel] | None
    fields: tuple[Field, ...]

    @property
    def personal(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.kind == "personal")


class FieldMap:
    """The map as the database has it."""

    def __init__(self, database: Database, seams: Seams, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog
        self._marked: dict[type[SQLModel], tuple[Field, ...]] = {}
        self._owners = {
            str(model.__tablename__): loaded.name
            for loaded in seams.loaded
            for model in (loaded.declaration.tables.models if loaded.declaration.tables else ())
        }

    async def of(self, scope: Scope) -> list[Held]:
        """The tables about people of a scope, each after those that it refers to."""
        return await self._tables("domain_id" if scope.domain_id else "account_id")

    async def all(self) -> list[Field]:
        """Every column of every table about people: visitors and contacts of domains, and members of accounts."""
        tables = {t.name: t for home in HOMES for t in await self._tables(home)}
        return [field for name in sorted(tables) for field in tables[name].fields]

    async def _tables(self, home: Home) -> list[Held]:
        models = _models()
        found = []
        async with self._database.connect() as connection:
            for name, column in reversed((await holding(connection, home)).items()):
                model = models.get(name)
                if model is None:
                    columns = (await connection.execute(_COLUMNS, {"name": name})).scalars().all()
                    owner = f"{name.partition('_')[0]}, not loaded"
                    fields = tuple(Field(name, one, owner, "unknown") for one in columns)
                else:
                    owner = self._owners.get(name, CORE)
                    if model not in self._marked:
                        self._marked[model] = tuple(fields_of(_table(model), self._catalog, owner))
                    fields = self._marked[model]
                found.append(Held(name, column, owner, model, fields))
        return found


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _models() -> Mapping[str, type[SQLModel]]:
    """Every mapped class by its table in the schema of rows (the vault's own have another)."""
    registry = SQLModel._sa_registry
    return {
        table.name: cast("type[SQLModel]", mapper.class_)
        for mapper in registry.mappers
        if isinstance(table := mapper.local_table, Table) and table.schema != "vault"
    }
