"""Commands about messages that channels did not deliver."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from omniops.cli.connections import Domain, Json
from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omniops.inbox.undelivered import UndeliveredView
    from omniops.runtime import Runtime

undelivered = typer.Typer(help="Messages that channels did not deliver.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(undelivered, name="undelivered")


@undelivered.command("list")
def list_undelivered(domain: Domain = None, as_json: Json = False) -> None:
    """The newest of them, without their words."""

    async def work(runtime: Runtime) -> Sequence[UndeliveredView]:
        return await runtime.inbox.undelivered.all((await firsts(runtime).domain(domain)).scope)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        rows = [(str(one.id), one.channel, one.author, one.problem, one.written_at) for one in found]
        table(("id", "channel", "author", "problem", "written"), rows, empty="Everything was delivered.")


@undelivered.command("resend")
def resend(message: Annotated[UUID, typer.Argument(help="Id of the message.")], domain: Domain = None) -> None:
    """Send once more what did not arrive of a message; a worker does it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.inbox.undelivered.resend((await firsts(runtime).domain(domain)).scope, message, actor=OPERATOR)

    with_runtime(work)
    say("A worker sends it.")
