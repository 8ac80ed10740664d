"""All commands. Each imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import typer

from omniops.cli import (
    admin,
    connection_documents,
    connection_log,
    connections,
    docs,
    knowledge,
    lessons,
    plugins,
    privacy_audit,
    privacy_breach,
    privacy_cases,
    privacy_laws,
    privacy_persons,
    privacy_register,
    privacy_retention,
    proving,
    running,
    safety,
    sources,
    trials,
    undelivered,
    vault,
    verification,
)
from omniops.cli.output import FAILED, INTERRUPTED, exit_code, say
from omniops.errors import OmniOpsError

app = typer.Typer(
    name="omniops",
    help="AI customer service that proves its privacy promises.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
running.register(app)
knowledge.register(app)
sources.register(app)
connections.register(app)
connection_log.register(connections.connections)
connection_documents.register(connections.connections)
undelivered.register(app)
admin.register(app)
privacy_persons.register(admin.privacy)
privacy_retention.register(admin.privacy)
privacy_cases.register(admin.privacy)
lessons.register(app)
trials.register(knowledge.evaluate)
safety.register(knowledge.evaluate)
verification.register(admin.domains)
privacy_audit.register(admin.privacy)
privacy_breach.register(admin.privacy)
privacy_register.register(admin.privacy)
privacy_laws.register(admin.privacy)
proving.register(app, admin.privacy)
plugins.register(app)
vault.register(app)
docs.register(app)


def run() -> None:
    """Runs the command line. Errors are sentences with a next step; there is no stack trace."""
    try:
        app()
    except OmniOpsError as error:
        say(f"omniops: {error}")
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("OMNIOPS_LOG_LEVEL") == "debug":
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        say(
            f"omniops: An unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}. "
            "This is a fault of OmniOps. See it in full with OMNIOPS_LOG_LEVEL=debug."
        )
        sys.exit(FAILED)
