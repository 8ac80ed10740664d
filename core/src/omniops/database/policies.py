"""Row-level security: the SQL that makes a table show one scope's rows and no others.

The setting is read in a sub-select, so that it is evaluated once per statement; `nullif` is there because on a pooled
connection the setting is an empty string, not null, once a transaction has set it. FORCE filters the owner too.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Table

ScopeKind = Literal["domain", "account", "home"]
"""`home`: the vault's tables, whose rows belong to a domain or, for members, to the account in its place."""

_DOMAIN = "(select nullif(current_setting('omniops.domain', true), '')::uuid)"
_ACCOUNT = "(select nullif(current_setting('omniops.account', true), '')::uuid)"

CONDITIONS: dict[ScopeKind, str] = {
    "domain": f"domain_id = {_DOMAIN}",
    "account": f"account_id = {_ACCOUNT}",
    "home": f"account_id = {_ACCOUNT} and (home_id = {_ACCOUNT} or home_id = {_DOMAIN})",
}


def scope_kind(table: Table) -> ScopeKind | None:
    """What a table is scoped by, from its columns; None for a table of the deployment as a whole."""
    columns = table.columns
    if "home_id" in columns:
        return "home"
    if "domain_id" in columns and columns["domain_id"].primary_key:
        return "domain"
    if "account_id" in columns and columns["account_id"].primary_key:
        return "account"
    return None


def scope_statements(name: str, kind: ScopeKind, *, schema: str = "omniops", append_only: bool = False) -> list[str]:
    """The statements that scope a new table and give the app its rights on it.

    An append-only table can be added to and read, never changed, by the app. The system role passes by a policy of its
    own, so that hosts which refuse BYPASSRLS work as well.
    """
    table = f'"{schema}"."{name}"'
    rights = "select, insert" if append_only else "select, insert, update, delete"
    return [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy scope on {table} for all to omniops_app"
        f" using ({CONDITIONS[kind]}) with check ({CONDITIONS[kind]})",
        f"create policy system on {table} for all to omniops_system using (true) with check (true)",
        f"grant {rights} on {table} to omniops_app",
        f"grant select, insert, update, delete on {table} to omniops_system",
    ]


def shared_statements(name: str, *, schema: str = "omniops") -> list[str]:
    """For a table of the deployment as a whole, without any business's data: the app reads, the system writes."""
    table = f'"{schema}"."{name}"'
    return [
        f"grant select on {table} to omniops_app",
        f"grant select, insert, update, delete on {table} to omniops_system",
    ]
