"""Commands about links to outside systems."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import NotFound, Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omniops.connections.granting import Begun
    from omniops.connections.models import ConnectionEvent
    from omniops.contracts.integration import Choice, ConnectionView
    from omniops.contracts.scope import Scope
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
Which = Annotated[str, typer.Argument(help="Id of the connection, or its kind where there is one of it.")]
Values = Annotated[
    list[str] | None, typer.Option("--set", help="A value, such as shop=mine; a list in JSON. Can be given again.")
]
On = Annotated[list[str] | None, typer.Option(help="Feature to have on. Can be given again.")]
Off = Annotated[list[str] | None, typer.Option(help="Feature to have off. Can be given again.")]
connections = typer.Typer(help="Links to outside systems.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(connections, name="connection")


@connections.command("list")
def list_connections(domain: Domain = None, as_json: Json = False) -> None:
    """The connections of a domain."""

    async def work(runtime: Runtime) -> list[ConnectionView]:
        return await runtime.connections.all((await firsts(runtime).domain(domain)).scope)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        rows = [(str(one.id), one.kind, one.state, _features(one), one.said) for one in found]
        table(("id", "kind", "state", "on", "last check"), rows, empty="This domain is connected to nothing yet.")


@connections.command("begin")
def begin(
    plugin: str,
    values: Values = None,
    kind: Annotated[str, typer.Option(help="Which one, where the plugin has several.")] = "",
    on: On = None,
    off: Off = None,
    again: Annotated[str | None, typer.Option(help="Id of a connection to connect again.")] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Enter keys, where the other side would else hand them over on its page.")
    ] = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Connect a plugin: prints the address where a signed-in member gives access, or connects by keys, which are asked
    for."""
    from omniops.operations.firsts import OPERATOR

    given = _pairs(values)
    chosen = {**dict.fromkeys(on or (), True), **dict.fromkeys(off or (), False)}

    async def work(runtime: Runtime) -> Begun | ConnectionView:
        scope = (await firsts(runtime).domain(domain)).scope
        name, secrets = runtime.connections.entered(plugin, kind)
        if runtime.connections.has_flow(name) and not keys:
            number = (await find(runtime, scope, again)).id if again else None
            return await runtime.granting.begin(
                scope, plugin, given, kind=name, chosen=chosen, connection_id=number, actor=OPERATOR
            )
        for secret, needed in secrets.items():
            if secret not in given and (needed or keys):
                empty = None if needed else ""
                given[secret] = typer.prompt(secret, default=empty, show_default=False, hide_input=True, err=True)
        return await runtime.connections.connect(scope, plugin, given, kind=name, chosen=chosen, actor=OPERATOR)

    made = with_runtime(work)
    if as_json:
        emit(asdict(made))
    elif hasattr(made, "url"):
        say(f"Open this within ten minutes, signed in as a member who manages connections:\n{made.url}")
    else:
        _show(made)


@connections.command("show")
def show(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """One connection, with what happened to it."""

    async def work(runtime: Runtime) -> tuple[ConnectionView, Sequence[ConnectionEvent]]:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        return found, await runtime.connections.events(scope, found.id)

    found, events = with_runtime(work)
    told = [one.model_dump(exclude={"domain_id", "connection_id"}) for one in events]
    if as_json:
        emit({**asdict(found), "events": told})
        return
    _show(found)
    for one in told:
        say(f"  {one['at']:%Y-%m-%d %H:%M} {one['event']} by {one['actor']}")


@connections.command("choices")
def choices(
    connection: Which,
    field: Annotated[str, typer.Argument(help="Name of the value.")],
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """What a value of a connection may be set to, asked of the other side."""

    async def work(runtime: Runtime) -> Sequence[Choice]:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.connections.choices(scope, (await find(runtime, scope, connection)).id, field)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        table(("value", "title"), [(one.value, one.title) for one in found], empty="There is nothing to choose from.")


@connections.command("change")
def change(connection: Which, values: Values = None, domain: Domain = None, as_json: Json = False) -> None:
    """Change values of a connection that stands, such as the number or calendar chosen; tried before they are saved."""
    from omniops.operations.firsts import OPERATOR

    given = _pairs(values)
    if not given:
        raise typer.BadParameter("what is to be changed?", param_hint="--set")

    async def work(runtime: Runtime) -> ConnectionView:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        return await runtime.connections.change(scope, found.id, given, actor=OPERATOR)

    found = with_runtime(work)
    emit(asdict(found)) if as_json else _show(found)


@connections.command("features")
def features(connection: Which, on: On = None, off: Off = None, domain: Domain = None, as_json: Json = False) -> None:
    """What a connection is for, and whether it works; switches features on or off."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> ConnectionView:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        for key, wanted in [*((key, True) for key in on or ()), *((key, False) for key in off or ())]:
            found = await runtime.connections.switch(scope, found.id, key, on=wanted, actor=OPERATOR)
        return found

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found.features])
    else:
        rows = [
            (
                one.key,
                one.title,
                "on" if one.on else "off",
                ", ".join(one.missing),
            )
            for one in found.features
        ]
        table(("feature", "title", "state", "not granted"), rows, empty="This connection has no features to switch.")


@connections.command("check")
def check(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """Try a connection now, by a call that costs nothing."""

    async def work(runtime: Runtime) -> ConnectionView:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.connections.check(scope, (await find(runtime, scope, connection)).id)

    found = with_runtime(work)
    emit(asdict(found)) if as_json else _show(found)


@connections.command("disconnect")
def disconnect(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """Revoke the access at the other side, and delete the link and what was copied through it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> tuple[ConnectionView, str]:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await find(runtime, scope, connection)
        return found, await runtime.connections.disconnect(scope, found.id, actor=OPERATOR)

    found, outcome = with_runtime(work)
    if as_json:
        emit({"id": str(found.id), "outcome": outcome})
    else:
        say(f"{found.kind}: disconnected; {outcome}.")


async def find(runtime: Runtime, scope: Scope, name: str) -> ConnectionView:
    found = await runtime.connections.all(scope)
    mine = [one for one in found if name in (str(one.id), one.kind)]
    if not mine:
        raise NotFound(f"This domain has no connection {name!r}.", do="See `omniops connection list`.")
    if len(mine) > 1:
        raise Rejected(f"There are {len(mine)} connections {name!r}.", code="ambiguous", do="Name one by its id.")
    return mine[0]


def _pairs(values: list[str] | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for pair in values or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is no name=value.", param_hint="--set")
        try:
            given[name] = json.loads(value) if value.startswith("[") else value
        except ValueError as error:
            raise typer.BadParameter(f"{value!r} is no list in JSON.", param_hint="--set") from error
    return given


def _show(one: ConnectionView) -> None:
    say(f"{one.kind} ({one.id}): {one.state}. {one.said}".rstrip())
    if one.expires_at is not None:
        say(f"  Access ends on {one.expires_at:%Y-%m-%d}; connect again before.")
    for feature in one.features:
        lacks = f", not granted: {', '.join(feature.missing)}" if feature.wanted and feature.missing else ""
        say(f"  {'on ' if feature.on else 'off'} {feature.key}{lacks}")


def _features(one: ConnectionView) -> str:
    return ", ".join(feature.key for feature in one.features if feature.on)
