"""Commands about where knowledge comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import NotFound

if TYPE_CHECKING:
    from omniops.contracts.scope import Scope
    from omniops.knowledge.service import SourceOut
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
Which = Annotated[str, typer.Argument(help="Address or id of the source.")]
Patterns = Annotated[list[str] | None, typer.Option(help="Pattern of paths, such as /blog/*. Can be given again.")]
sources = typer.Typer(help="Where pages come from: websites, sitemaps, feeds.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(sources, name="source")


@sources.command("list")
def list_sources(domain: Domain = None, as_json: Json = False) -> None:
    """The sources of a domain."""

    async def work(runtime: Runtime) -> list[SourceOut]:
        return await runtime.knowledge.sources((await firsts(runtime).domain(domain)).scope)

    found = with_runtime(work)
    if as_json:
        emit([source.to_json() for source in found])
    else:
        rows = [(str(s.id), s.kind, s.url, "paused" if s.paused_at else "active", _patterns(s)) for s in found]
        table(("id", "kind", "address", "state", "patterns"), rows, empty="This domain has no source yet.")


@sources.command("add")
def add_source(
    url: str,
    kind: Annotated[str, typer.Option(help="site, sitemap, feed, or what a plugin brings.")] = "site",
    include: Patterns = None,
    exclude: Patterns = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Add a source; a worker reads it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> SourceOut:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.sources.add(scope, kind, url, include=include or (), exclude=exclude or (), actor=OPERATOR)

    _show(with_runtime(work), "added", as_json)


@sources.command("pause")
def pause(source: Which, domain: Domain = None, as_json: Json = False) -> None:
    """Neither read a source nor cite its pages, until it is resumed."""
    _show(with_runtime(_changing(source, domain, paused=True)), "paused", as_json)


@sources.command("resume")
def resume(source: Which, domain: Domain = None, as_json: Json = False) -> None:
    """Cite a paused source's pages again, and read it anew."""
    _show(with_runtime(_changing(source, domain, paused=False)), "resumed", as_json)


@sources.command("remove")
def remove(source: Which, domain: Domain = None, as_json: Json = False) -> None:
    """Remove a source with all that was read from it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> SourceOut:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await _find(runtime, scope, source)
        await runtime.sources.remove(scope, found.id, actor=OPERATOR)
        return found

    _show(with_runtime(work), "removed", as_json)


def _changing(name: str, domain: str | None, *, paused: bool) -> Any:
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> SourceOut:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await _find(runtime, scope, name)
        return await runtime.sources.change(scope, found.id, paused=paused, actor=OPERATOR)

    return work


async def _find(runtime: Runtime, scope: Scope, name: str) -> SourceOut:
    """A source by its id or address. Raises `NotFound`."""
    from omniops.knowledge.urls import normalise

    address = normalise(name if "//" in name else f"https://{name}")
    for source in await runtime.knowledge.sources(scope):
        if name == str(source.id) or address == source.url:
            return source
    raise NotFound(f"This domain has no source {name!r}.", do="`omniops source list` shows those it has.")


def _patterns(source: SourceOut) -> str:
    return " ".join([*source.include, *(f"!{pattern}" for pattern in source.exclude)])


def _show(source: SourceOut, done: str, as_json: bool) -> None:
    if as_json:
        emit(source.to_json())
    else:
        say(f"{source.url} is {done}.")
