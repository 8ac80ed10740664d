"""All commands. Each imports what it needs when it runs."""

from __future__ import annotations

import sys

import typer

from omniops.cli import admin, docs, knowledge, plugins, running
from omniops.cli.output import INTERRUPTED, exit_code, say
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
admin.register(app)
plugins.register(app)
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
