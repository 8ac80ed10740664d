"""Commands about plugins: list, enable, disable, on, off, new, check."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, settings, with_runtime

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the plugin, as `omniops plugin list` shows it.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the website, where there are several.")]
plugins = typer.Typer(help="Plugins: what is installed, what is enabled, and new ones.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(plugins, name="plugin")


@plugins.command("list")
def plugin_list(as_json: Json = False) -> None:
    """All installed and enabled plugins, and why one does not work. Needs no database."""
    from omniops.operations.plugins import reports

    found = reports(settings())
    if as_json:
        emit([asdict(report) for report in found])
        return
    rows = [(r.name, r.state, r.title, r.distribution, r.version, _why(r.stage, r.problem)) for r in found]
    table(("plugin", "state", "title", "distribution", "version", "problem"), rows, empty="No plugin is installed.")


@plugins.command("enable")
def plugin_enable(name: Name) -> None:
    """Enable an installed plugin: writes it into the settings file."""
    from omniops.operations.plugins import enable
    from omniops.settings import load

    _quiet()
    loaded = load()
    report = enable(loaded, name)
    say(f"Enabled: {name}, in {loaded.file}. It is there after the next start.")
    if report.state == "failed":
        say(f"It does not load yet: {_why(report.stage, report.problem)}")


@plugins.command("disable")
def plugin_disable(name: Name) -> None:
    """Disable a plugin: takes it out of the settings file. Its data stays."""
    from omniops.operations.plugins import disable
    from omniops.settings import load

    _quiet()
    loaded = load()
    disable(loaded, name)
    say(f"Not enabled: {name}. It is gone after the next start; its data stays.")


@plugins.command("on")
def plugin_on(name: Name, domain: Domain = None) -> None:
    """Switch an enabled plugin on for a website, at once."""
    _switch(name, domain, on=True)


@plugins.command("off")
def plugin_off(name: Name, domain: Domain = None) -> None:
    """Switch a plugin off for a website, at once. Its data stays."""
    _switch(name, domain, on=False)


def _switch(name: str, domain: str | None, *, on: bool) -> None:
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> str:
        runtime.loaded(name)
        found = await firsts(runtime).domain(domain)
        await runtime.accounts.switch(found.scope, name, on=on, actor=OPERATOR)
        return found.title

    say(f"{'On' if on else 'Off'} for {with_runtime(work)}: {name}.")


@plugins.command("new")
def plugin_new(
    name: Annotated[str, typer.Argument(help="Name of the new plugin: a to z, digits, underscores.")],
    kind: Annotated[str, typer.Option(help="provider, channel, integration, encoder, source or index")],
    directory: Annotated[Path, typer.Option(help="Where its folder is made.")] = Path(),
) -> None:
    """Write a new plugin that passes its own tests, to be changed from there."""
    from omniops.operations.plugins import reports
    from omniops.operations.scaffolding import scaffold

    target = scaffold(name, kind, directory, taken=[report.name for report in reports(settings())])
    print(target)
    say(f"Next: pip install -e '{target}[test]', then pytest {target}, then omniops plugin enable {name}.")


@plugins.command("check")
def plugin_check(name: Name) -> None:
    """Run the conformance suites that fit a plugin. What needs somebody outside is skipped, with the reason."""
    from omniops.operations.checking import check
    from omniops.operations.plugins import alone

    report, seams = alone(settings(), name)
    if report.state != "loaded":
        say(f"omniops: Plugin {name!r} does not load: {_why(report.stage, report.problem)}")
        raise typer.Exit(FAILED)
    if not check(name, seams):
        raise typer.Exit(FAILED)


def _why(stage: str | None, problem: str) -> str:
    return f"{stage}: {problem}" if stage else problem


def _quiet() -> None:
    """The table says what failed; the log would say it again."""
    from omniops import logs

    logs.configure("error", "text")
