"""Commands that run things: up, demo, serve, worker, migrate."""

from __future__ import annotations

from typing import Annotated

import typer

from omniops.cli.output import FAILED, bar, emit, say
from omniops.cli.session import settings


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(demo)
    app.command()(serve)
    app.command()(worker)
    app.command()(migrate)


def up(
    site: Annotated[str | None, typer.Option(help="Address of your website: it is added and read.")] = None,
    name: Annotated[str, typer.Option(help="Name of your business, for the first account.")] = "My business",
    port: Annotated[int | None, typer.Option(help="Port of the web server.")] = None,
) -> None:
    """Start everything: database, web, worker. The first run sets up; every other one is safe."""
    from omniops.operations.starting import start

    start(settings(port=port), site=site, name=name)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="No browser: five questions and their answers, then end.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="With two months of conversations, and a dashboard to sign in to.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of OmniOps.")] = None,
    shop_port: Annotated[int, typer.Option(help="Port of the demo shop.")] = 8021,
    browser: Annotated[bool, typer.Option(help="Open the shop in a browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print JSON.")] = False,
) -> None:
    """A bundled shop, read and answering. Its folders are beside those of `up`, which it never touches."""
    from omniops.operations.demo import demo_settings, once_report, run
    from omniops.operations.demo import once as run_once

    chosen = demo_settings(settings(), port=port)
    with bar("starting", show=not as_json) as shown:
        if not once:
            run(chosen, shop_port, shown.update, shown.close, open_browser=browser, full=full)
            return
        outcomes = run_once(chosen, shop_port, shown.update)
    if as_json:
        emit([outcome.to_json() for outcome in outcomes])
    else:
        for line in once_report(outcomes):
            print(line)
    if not all(outcome.right for outcome in outcomes):
        raise typer.Exit(FAILED)


def serve(
    fd: Annotated[int | None, typer.Option(hidden=True)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one web process over a database that is there."""
    import socket

    from omniops.process import handed_over
    from omniops.server.serving import bind
    from omniops.server.serving import serve as run

    chosen = handed_over() if supervised else settings(port=port)
    listener = socket.socket(fileno=fd) if fd is not None else bind(chosen.host, chosen.port)
    if fd is None:
        say(f"Serving on {chosen.public_url}")
    run(chosen, listener, supervised=supervised)


def worker(
    queues: Annotated[
        str, typer.Option(help="Queues to work on, with commas.")
    ] = "replies,crawls,maintenance,sending,listening",
    concurrency: Annotated[int, typer.Option(min=1, max=200, help="Jobs at the same time.")] = 10,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one worker process, on this machine or any other with the same settings and keys."""
    from omniops.process import handed_over
    from omniops.worker import work

    chosen = handed_over() if supervised else settings()
    work(chosen, [queue.strip() for queue in queues.split(",")], concurrency, supervised=supervised)


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 when something is to be done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring the database's tables to this version: core first, then each plugin."""
    from omniops.operations.migrating import check as look
    from omniops.operations.migrating import migrate as run

    if not check:
        changed = run(settings())
        emit({"changed": changed}) if as_json else say(f"Migrated: {', '.join(changed) or 'nothing was to be done'}.")
        return
    pending, drift = look(settings())
    if as_json:
        emit({"pending": pending, "drift": drift})
    elif pending or drift:
        for owner, (found, wanted) in pending.items():
            say(f"{owner}: the database is at {found or 'nothing'}, this version wants {wanted}.")
        for difference in drift:
            say(difference)
    else:
        say("The database fits this version.")
    if pending or drift:
        raise typer.Exit(1)
