"""`omniops domain verify`: the proof that a website is the business's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import FAILED, emit, say
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from omniops.runtime import Runtime


def register(domains: typer.Typer) -> None:
    domains.command("verify")(verify)


def verify(
    host: Annotated[str | None, typer.Argument(help="Host of the website; all of the domain's where left out.")] = None,
    domain: Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for the proof that a website is the business's own; prints what to publish where it is not there yet."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        scope = (await firsts(runtime).domain(domain or host)).scope
        owners = runtime.knowledge.ownership
        hosts = [host] if host else [owner.host for owner in await owners.all(scope)]
        return [(await owners.check(scope, name)).to_json() for name in hosts]

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        for owner in found:
            _show_owner(owner)
    if any(owner["state"] != "verified" for owner in found):
        raise typer.Exit(FAILED)


def _show_owner(owner: dict[str, Any]) -> None:
    say(f"{owner['host']}: {owner['state']}" + (f" ({owner['method']})" if owner["method"] else ""))
    if owner["state"] == "verified":
        return
    dns, file, meta = (owner["proofs"][method] for method in ("dns", "file", "meta"))
    say(f"  {owner['said']}" if owner["said"] else "  Not looked for yet.")
    say("  Publish one of these, then run this again:")
    say(f"    a {dns['type']} record {dns['name']} with the value {dns['value']}")
    say(f"    a file {file['path']} that holds {file['content']}")
    say(f"    in the head of the home page: {meta['tag']}")
