"""Migrations: core and each plugin with a version table of its own, so that taking one away breaks no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations.ops import CreateTableOp, MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util.exc import CommandError
from packaging.version import Version
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from omniops import __version__
from omniops.database.links import Links
from omniops.database.operations import ScopeTable
from omniops.database.policies import scope_kind
from omniops.errors import ConfigError, NotReachable

_HERE = Path(__file__).parent / "migrations"
CORE = "core"
OLDEST_CODE = "0.1.0"
"""The oldest version of omniops that runs on the schema of this one. Raised only when a revision removes something
that the version before still reads; a release therefore removes in two steps."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One owner of tables: core, or a plugin by its name, with the folder of its revisions."""

    owner: str
    versions: Path

    @property
    def version_table(self) -> str:
        return f"alembic_version_{self.owner}"

    def owns(self, table: str, others: frozenset[str] = frozenset()) -> bool:
        """Whether a table is this owner's: a plugin's are named `NAME_*`, core's are the rest."""
        if table.startswith("alembic_version_"):
            return False
        if self.owner == CORE:
            return not any(table.startswith(f"{name}_") for name in others)
        return table.startswith(f"{self.owner}_")


CORE_BRANCH = Branch(CORE, _HERE / "versions")


@dataclass(frozen=True, slots=True)
class Run:
    """What `env.py` needs for one owner."""

    connection: Connection
    branch: Branch
    others: frozenset[str]

    def options(self) -> dict[str, Any]:
        def include(obj: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
            if kind == "table":
                return getattr(obj, "schema", None) != "jobs" and self.branch.owns(str(name), self.others)
            return True

        def schemas(name: str | None, kind: str, parents: Any) -> bool:
            return kind != "schema" or name in (None, "vault")

        def scoped(context: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
            for script in directives:
                _add_scopes(script)

        return {
            "target_metadata": SQLModel.metadata,
            "version_table": self.branch.version_table,
            "version_table_schema": "omniops",
            "include_object": include,
            "include_name": schemas,
            "include_schemas": True,
            "compare_type": True,
            "transaction_per_migration": True,
            "process_revision_directives": scoped,
            "render_item": _render_type,
        }


def _add_scopes(script: MigrationScript) -> None:
    upgrade = script.upgrade_ops
    assert upgrade is not None
    for position, operation in reversed(list(enumerate(upgrade.ops))):
        if isinstance(operation, CreateTableOp):
            table = operation.to_table()
            scope = ScopeTable(
                table.name,
                scope_kind(table),
                schema=table.schema or "omniops",
                append_only=bool(table.info.get("append_only")),
            )
            upgrade.ops.insert(position + 1, scope)


def _render_type(kind: str, obj: Any, context: Any) -> str | bool:
    names = {"SealedType": "sa.LargeBinary()", "AutoString": "sa.String()", "UTCDateTime": "sa.DateTime(timezone=True)"}
    return names.get(type(obj).__name__, False) if kind == "type" else False


class Migrator:
    """Brings the schema of core and of the given plugins up to date. Synchronous: call it in a thread."""

    def __init__(self, links: Links, plugins: Sequence[Branch] = ()) -> None:
        self._links = links
        self._plugins = tuple(plugins)
        self._names = frozenset(branch.owner for branch in plugins)

    @property
    def branches(self) -> tuple[Branch, ...]:
        return (CORE_BRANCH, *self._plugins)

    def upgrade(self, branch: Branch) -> bool:
        """Applies what is missing. True when something was applied. Raises `ConfigError` on an unknown newer schema."""
        with self._locked() as connection:
            current, head = self._current(connection, branch), self._head(branch)
            if current == head:
                return False
            self._refuse_newer(connection, branch, current)
            if current is not None and not self._knows(branch, current):
                return False  # newer, and it still carries this version
            command.upgrade(self._config(branch, connection), "head")
            self._note(connection, branch)
            return True

    def ensure_compatible(self, branch: Branch) -> None:
        """Raises `ConfigError` unless this code runs on the schema as it is: same revision, or a newer one that still
        carries this version."""
        with self._connect() as connection:
            current = self._current(connection, branch)
            if current == self._head(branch):
                return
            if current is None or self._knows(branch, current):
                raise ConfigError(
                    f"The database schema of {branch.owner} is behind this version of OmniOps.",
                    do="Run `omniops migrate`.",
                )
            self._refuse_newer(connection, branch, current)

    def pending(self) -> dict[str, tuple[str | None, str | None]]:
        """For each owner whose schema is not at this code's revision: (in the database, in the code)."""
        with self._connect() as connection:
            states = {b.owner: (self._current(connection, b), self._head(b)) for b in self.branches}
        return {owner: state for owner, state in states.items() if state[0] != state[1]}

    def drift(self) -> list[str]:
        """Differences between the models and the database, as sentences. Empty when they agree."""
        found = []
        for branch in self.branches:
            with self._connect() as connection:
                options = Run(connection, branch, self._names).options()
                context = MigrationContext.configure(connection, opts=options)
                found += [f"{branch.owner}: {diff}" for diff in compare_metadata(context, SQLModel.metadata)]
        return found

    def downgrade(self, branch: Branch) -> None:
        """Takes a plugin's tables away, its version table included."""
        if branch.owner == CORE:
            raise ConfigError("Core's own tables are never taken away; remove the database instead.")
        with self._locked() as connection:
            command.downgrade(self._config(branch, connection), "base")
            connection.execute(text(f'drop table if exists omniops."{branch.version_table}"'))
            connection.execute(text("delete from omniops.schema_info where owner = :o"), {"o": branch.owner})
            connection.commit()

    def revision(self, branch: Branch, message: str, revision_id: str) -> Path:
        """Writes a new revision from the difference between the owner's models and the database."""
        with self._locked() as connection:
            script = command.revision(
                self._config(branch, connection), message, autogenerate=True, rev_id=revision_id, head="head"
            )
        assert isinstance(script, Script)
        return Path(script.path)

    def _config(self, branch: Branch, connection: Connection) -> Config:
        config = Config()
        config.set_main_option("script_location", str(_HERE))
        config.set_main_option("version_locations", str(branch.versions))
        config.set_main_option("path_separator", "newline")
        config.attributes["run"] = Run(connection, branch, self._names)
        return config

    def _scripts(self, branch: Branch) -> ScriptDirectory:
        return ScriptDirectory(str(_HERE), version_locations=[str(branch.versions)])

    def _head(self, branch: Branch) -> str | None:
        return self._scripts(branch).get_current_head()

    def _knows(self, branch: Branch, revision: str) -> bool:
        try:
            return self._scripts(branch).get_revision(revision) is not None
        except CommandError:
            return False

    def _current(self, connection: Connection, branch: Branch) -> str | None:
        options: Mapping[str, Any] = {"version_table": branch.version_table, "version_table_schema": "omniops"}
        current = MigrationContext.configure(connection, opts=dict(options)).get_current_revision()
        connection.rollback()
        return current

    def _refuse_newer(self, connection: Connection, branch: Branch, current: str | None) -> None:
        if current is None or self._knows(branch, current):
            return
        oldest = connection.execute(
            text("select oldest_code from omniops.schema_info where owner = :owner"), {"owner": branch.owner}
        ).scalar()
        connection.rollback()
        if oldest is None or Version(__version__) < Version(oldest):
            raise ConfigError(
                f"The database schema of {branch.owner} (revision {current!r}) is newer than this OmniOps "
                f"{__version__}, and needs {oldest or 'a newer version'} or later.",
                do="Install the newer version, or restore a backup from before the upgrade.",
            )

    def _note(self, connection: Connection, branch: Branch) -> None:
        connection.execute(
            text(
                "insert into omniops.schema_info (owner, code, oldest_code) values (:owner, :code, :oldest)"
                " on conflict (owner) do update set code = excluded.code, oldest_code = excluded.oldest_code"
            ),
            {"owner": branch.owner, "code": __version__, "oldest": OLDEST_CODE},
        )
        connection.commit()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        engine = create_engine(self._links.owner.url(), poolclass=NullPool, hide_parameters=True)
        try:
            with engine.connect() as connection:
                yield connection
        except OperationalError as error:
            raise NotReachable("The database does not answer.", do="Start it, then try again.") from error
        finally:
            engine.dispose()

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        """One migration at a time in the whole deployment. The lock has a connection of its own: alembic commits."""
        with self._connect() as lock, self._connect() as connection:
            lock.execute(text("select pg_advisory_lock(hashtext('omniops migrate'))"))
            yield connection
