"""The four roles, the schemas and who may touch them. Run as the administrator of the URL, as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from omniops.database.links import ROLES, Links, Role, role_name
from omniops.errors import ConfigError, NotReachable

SCHEMAS = ("omniops", "vault", "jobs")


def prepare(links: Links, passwords: Mapping[Role, str]) -> None:
    """Creates what is missing and sets the passwords. Raises `ConfigError` when the login may not create roles."""
    try:
        with psycopg.connect(links.admin.conninfo(), autocommit=True, connect_timeout=10) as connection:
            _roles(connection, passwords)
            _schemas(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(
            f"The database login {links.admin.parameters.get('user')!r} may not prepare the database: "
            f"{error.diag.message_primary}.",
            do="Give OMNIOPS_DATABASE_URL a login with CREATEROLE that owns the database.",
        ) from error
    except psycopg.OperationalError as error:
        raise NotReachable(f"The database at {links.admin.host or 'its socket'} does not answer.") from error


def _roles(connection: psycopg.Connection, passwords: Mapping[Role, str]) -> None:
    connection.execute("select pg_advisory_lock(hashtext('omniops roles'))")
    for role in ROLES:
        name = sql.Identifier(role_name(role))
        # Hashed here, so that no password is ever part of a statement that a server could log.
        hashed = connection.pgconn.encrypt_password(
            passwords[role].encode(), role_name(role).encode(), b"scram-sha-256"
        ).decode()
        exists = connection.execute("select 1 from pg_roles where rolname = %s", [role_name(role)]).fetchone()
        verb = sql.SQL("alter role" if exists else "create role")
        connection.execute(sql.SQL("{} {} login nocreatedb nocreaterole password {}").format(verb, name, hashed))
    _bypass(connection)
    paths = {"owner": "omniops", "app": "omniops", "system": "omniops", "jobs": "jobs"}
    for role in ROLES:
        connection.execute(f"alter role {role_name(role)} set search_path = {paths[role]}")
    connection.execute("select pg_advisory_unlock(hashtext('omniops roles'))")


def _bypass(connection: psycopg.Connection) -> None:
    """BYPASSRLS is for pg_dump; hosts that refuse it still work through the system policy on every table."""
    try:
        connection.execute(f"alter role {role_name('system')} bypassrls")
    except psycopg.errors.InsufficientPrivilege:
        return


def _schemas(connection: psycopg.Connection) -> None:
    owner = role_name("owner")
    database = connection.info.dbname
    connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
    for role in ROLES:
        connection.execute(
            sql.SQL("grant connect, temporary on database {} to {}").format(
                sql.Identifier(database), sql.Identifier(role_name(role))
            )
        )
    # To give a schema to the owner the login must be a member of it; a superuser is, a hosted login may not be.
    connection.execute(f"grant {owner} to current_user")
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema} authorization {owner}")
    connection.execute("revoke create on schema public from public")
    connection.execute(f"grant usage on schema omniops, vault, jobs to {role_name('app')}, {role_name('system')}")
    connection.execute(f"grant usage on schema jobs to {role_name('jobs')}")
    connection.execute(
        f"alter default privileges for role {owner} in schema jobs grant all on tables to {role_name('jobs')}"
    )
    connection.execute(
        f"alter default privileges for role {owner} in schema jobs grant all on sequences to {role_name('jobs')}"
    )
