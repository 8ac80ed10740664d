"""The map of fields: what is held of people, where, of which kind, for which purposes and how long.

It comes from the marks of all models, and from the database for the tables of plugins that are not loaded: those are
on the map with columns of an unknown kind, so that nothing that exists is left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Table, text
from sqlmodel import SQLModel

from omniops.contracts.scope import Scope
from omniops.database.marks import mark_of
from omniops.database.service import Database
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.holding import holding

CORE = "omniops"
Home = Literal["domain_id", "account_id"]
HOMES: tuple[Home, ...] = get_args(Home)
Kind = Literal["personal", "secret", "not_personal", "key", "unknown"]

_COLUMNS = text(
    "select attname from pg_attribute where attrelid = format('omniops.%I', cast(:name as text))::regclass"
    " and attnum > 0 and not attisdropped order by attnum"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table about people.

    `california` and `sensitive` are its category's, see `Category`. A column is `unknown` where its plugin is not
    loaded: its marks, and with them everything else, are only in the plugin's code.
    """

    table: str
    column: str
    owner: str
    kind: Kind
    category: str = ""
    title: str = ""
    purposes: tuple[str, ...] = ()
    retain: str = ""
    california: str = ""
    sensitive: bool = False
    fact: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "purposes": list(self.purposes)}


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
    """Reads the marks and the database."""

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
                        self._marked[model] = tuple(self._fields(model, owner))
                    fields = self._marked[model]
                found.append(Held(name, column, owner, model, fields))
        return found

    def _fields(self, model: type[SQLModel], owner: str) -> Sequence[Field]:
        found = []
        for column in model.__table__.columns:  # type: ignore[attr-defined]
            mark = mark_of(dict(column.info))
            if mark is None:
                found.append(Field(str(model.__tablename__), column.name, owner, "key"))
                continue
            category = self._catalog.categories.get(mark.category)
            found.append(
                Field(
                    table=str(model.__tablename__),
                    column=column.name,
                    owner=owner,
                    kind=mark.kind,
                    category=mark.category,
                    title=category.title if category else mark.why,
                    purposes=tuple(sorted(mark.purposes)),
                    retain=mark.retain,
                    california=category.california if category else "",
                    sensitive=category.sensitive if category else False,
                    fact=category.fact if category else False,
                )
            )
        return found


def _models() -> Mapping[str, type[SQLModel]]:
    """Every mapped class by its table in the schema of rows (the vault's own have another)."""
    registry = SQLModel._sa_registry
    return {
        table.name: cast("type[SQLModel]", mapper.class_)
        for mapper in registry.mappers
        if isinstance(table := mapper.local_table, Table) and table.schema != "vault"
    }
