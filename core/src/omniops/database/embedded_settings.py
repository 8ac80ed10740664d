"""What the embedded server is told: what OmniOps's promises rest on, and what the operator may tune."""

from __future__ import annotations

from pathlib import Path

CONFIG_NAME = "omniops.conf"
"""In the data folder. Names the operator's settings, and marks the folder as made by OmniOps."""

PORT = 5432
"""Only the last part of the socket's name: no network port is ever opened."""

WRITTEN_ONCE = """\
# Written when OmniOps made this database. Yours to change: read at every start, after postgresql.conf.
# Addresses, durability and logging come from OmniOps's command line and cannot be changed here or in SQL.
include 'postgresql.conf'
max_wal_size = 256MB
min_wal_size = 32MB
jit = off
"""

_ALWAYS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_level": "replica",  # for pg_basebackup
    "max_wal_senders": "4",
    "timezone": "UTC",
    "lc_messages": "C",
    # From here: no text of a statement, no parameter and no value of a row may reach the log, which is not sealed.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Leaves LOG, FATAL and PANIC. The text of an ERROR quotes what it stumbled over: `invalid input syntax for …`.
    "log_min_messages": "log",
    # Drops DETAIL, in which a crash quotes the statement that ran and a constraint quotes the row.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_duration": "off",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_lock_waits": "off",
    "log_temp_files": "-1",
    "log_replication_commands": "off",
    # Noise: a healthy server writes a handful of lines per start.
    "log_connections": "off",
    "log_disconnections": "off",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


def command_line(data: Path, socket_folder: Path, *, version: int, name: str, max_connections: int) -> list[str]:
    """Options of `postgres` of that version, which no file and no `ALTER SYSTEM` can override. `name` shows in the
    list of processes."""
    quoted = str(socket_folder).replace('"', '""')
    settings = (
        _ALWAYS
        | hashing(version)
        | {
            "config_file": str(data / CONFIG_NAME),
            "unix_socket_directories": f'"{quoted}"',
            "cluster_name": name,
            "max_connections": str(max_connections),
        }
    )
    return [part for setting, value in settings.items() for part in ("-c", f"{setting}={value}")]


def hashing(version: int) -> dict[str, str]:
    """Settings of PostgreSQL's own keeping of passwords.

    Many rounds slow down who guesses. Our passwords are keys of 256 bits, which nobody guesses, while every connection
    pays for the rounds. Before 16 there is no choice.
    """
    return {"scram_iterations": "1"} if version >= 16 else {}
