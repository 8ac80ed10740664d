"""Operations for revisions: `op.scope_table(…)` after `op.create_table(…)`, written by autogenerate as well."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations

from omniops.database.policies import ScopeKind, scope_statements, shared_statements


@Operations.register_operation("scope_table")
class ScopeTable(MigrateOperation):
    """Row-level security and grants for a new table. `kind` None: a table of the deployment as a whole."""

    def __init__(
        self, name: str, kind: ScopeKind | None, *, schema: str = "omniops", append_only: bool = False
    ) -> None:
        self.name, self.kind, self.schema, self.append_only = name, kind, schema, append_only

    @classmethod
    def scope_table(
        cls,
        operations: Operations,
        name: str,
        kind: ScopeKind | None,
        *,
        schema: str = "omniops",
        append_only: bool = False,
    ) -> Any:
        """Scopes table `name`; see `policies.scope_statements`."""
        return operations.invoke(cls(name, kind, schema=schema, append_only=append_only))

    def reverse(self) -> MigrateOperation:
        return NothingToUndo()


class NothingToUndo(MigrateOperation):
    """Dropping the table drops its policies and grants."""


@Operations.implementation_for(ScopeTable)
def _scope(operations: Operations, operation: ScopeTable) -> None:
    if operation.kind is None:
        statements = shared_statements(operation.name, schema=operation.schema)
    else:
        statements = scope_statements(
            operation.name, operation.kind, schema=operation.schema, append_only=operation.append_only
        )
    for statement in statements:
        operations.execute(statement)


@renderers.dispatch_for(ScopeTable)
def _render(context: AutogenContext, operation: ScopeTable) -> str:
    schema = "" if operation.schema == "omniops" else f", schema={operation.schema!r}"
    append_only = ", append_only=True" if operation.append_only else ""
    return f"op.scope_table({operation.name!r}, {operation.kind!r}{schema}{append_only})"


@renderers.dispatch_for(NothingToUndo)
def _render_nothing(context: AutogenContext, operation: NothingToUndo) -> list[str]:
    return []
