"""Commands about the documents of connections."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.connections import Domain, Json, Which, find
from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omniops.connections.documents import DocumentView
    from omniops.contracts.documents import DocumentInfo
    from omniops.runtime import Runtime

documents = typer.Typer(help="Documents of a connection, chosen as knowledge.", no_args_is_help=True)
Ids = Annotated[list[str], typer.Argument(help="The other side's ids of the documents.")]


def register(group: typer.Typer) -> None:
    group.add_typer(documents, name="documents")


@documents.command("list")
def list_documents(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """The documents that were chosen, for whom, and how far reading them is."""

    async def work(runtime: Runtime) -> list[DocumentView]:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.traffic.documents.all(scope, (await find(runtime, scope, connection)).id)

    _show(with_runtime(work), as_json)


@documents.command("offered")
def offered(connection: Which, domain: Domain = None, as_json: Json = False) -> None:
    """The documents that may be chosen, asked of the other side."""

    async def work(runtime: Runtime) -> Sequence[DocumentInfo]:
        scope = (await firsts(runtime).domain(domain)).scope
        return await runtime.traffic.documents.offered(scope, (await find(runtime, scope, connection)).id)

    found = with_runtime(work)
    if as_json:
        emit([asdict(one) for one in found])
    else:
        table(("id", "title"), [(one.id, one.title) for one in found], empty="The access reaches no document yet.")


@documents.command("choose")
def choose(
    connection: Which,
    ids: Ids,
    everybody: Annotated[bool, typer.Option("--everybody", help="Visitors' answers may stand on them.")] = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Choose documents, for members alone unless it says otherwise; a worker reads them."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> list[DocumentView]:
        scope = (await firsts(runtime).domain(domain)).scope
        number, audience = (await find(runtime, scope, connection)).id, "everybody" if everybody else "members"
        return await runtime.traffic.documents.choose(
            scope,
            number,
            ids,
            audience,  # type: ignore[arg-type]  # one of the two
            actor=OPERATOR,
        )

    _show(with_runtime(work), as_json)


@documents.command("release")
def release(connection: Which, document: str, domain: Domain = None) -> None:
    """A document is no longer chosen; nothing of it is kept."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        scope = (await firsts(runtime).domain(domain)).scope
        number = (await find(runtime, scope, connection)).id
        await runtime.traffic.documents.release(scope, number, document, actor=OPERATOR)

    with_runtime(work)
    say(f"{document}: no longer chosen, and nothing of it is kept.")


def _show(found: Sequence[DocumentView], as_json: bool) -> None:
    if as_json:
        emit([asdict(one) for one in found])
        return
    rows = [(one.document_id, one.title, one.audience, one.state, one.problem or "", one.passages) for one in found]
    table(("id", "title", "for", "state", "problem", "passages"), rows, empty="No document was chosen.")
