"""Commands about what connections were told, and what is fetched over them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from omniops.cli.connections import Domain, Json, Which, find
from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from omniops.connections.arrivals import ArrivalView
    from omniops.connections.tasks import TaskView
    from omniops.runtime import Runtime

State = Literal["waiting", "done", "passed", "failed"]


def register(group: typer.Typer) -> None:
    for command in (log, replay, syncs, sync):
        group.command()(command)


def log(
    connection: Which,
    state: Annotated[State | None, typer.Option(help="Only what is so; failed are the dead letters.")] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """What a connection was told lately, newest first; without what was said."""

    async def work(runtime: Runtime) -> list[ArrivalView]:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        return await runtime.traffic.arrivals.all(scope, found.id, state=state)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        rows = [(str(one.id), one.what, one.name, one.state, one.attempts, one.problem or "") for one in found]
        table(("id", "what", "of", "state", "tries", "problem"), rows, empty="This connection was told nothing yet.")


def replay(
    connection: Which,
    hours: Annotated[float, typer.Option(min=0, help="Dead letters of so many hours.")] = 24,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Work dead letters through again, the oldest first; a worker does it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> int:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        since = datetime.now(UTC) - timedelta(hours=hours)
        return await runtime.traffic.arrivals.replay_failed(scope, found.id, since, actor=OPERATOR)

    count = with_runtime(work)
    if as_json:
        emit({"count": count})
    else:
        say(f"A worker takes {count} up again." if count else "There are no dead letters of that time.")


def syncs(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """What is fetched over a connection, and which subscriptions are prolonged."""

    async def work(runtime: Runtime) -> list[TaskView]:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.traffic.tasks.all(scope, (await find(runtime, scope, connection)).id)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        rows = [
            (one.title, one.state, one.done, one.total or "", one.next_at or "", one.problem or "") for one in found
        ]
        table(
            ("what", "state", "done", "of", "next", "problem"), rows, empty="Nothing is fetched over this connection."
        )


def sync(
    connection: Which,
    name: Annotated[str, typer.Argument(help="Which one; all where none is named.")] = "",
    domain: Domain = None,
) -> None:
    """Fetch now; a worker does it."""

    async def work(runtime: Runtime) -> None:
        scope = (await firsts(runtime).domain(domain)).scope
        await runtime.traffic.tasks.now(scope, (await find(runtime, scope, connection)).id, name)

    with_runtime(work)
    say("A worker fetches it.")
