"""Commands about the audit: is every chain whole, a chain as a file, and the check of such a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
audit = typer.Typer(help="The audit: check it, export it, check an export.", invoke_without_command=True)


def register(privacy: typer.Typer) -> None:
    audit.callback()(whole)
    privacy.add_typer(audit, name="audit")


def whole(context: typer.Context, as_json: Json = False) -> None:
    """Recompute every chain of the audit, and say whether it is whole."""
    if context.invoked_subcommand is not None:
        return

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        found = []
        for account in await _accounts(runtime, None):
            verdict = await runtime.audit.verify(account)
            found.append(
                {
                    "chain": str(account),
                    "entries": verdict.entries,
                    "expired": verdict.expired,
                    "whole": verdict.broken is None,
                    "reason": verdict.reason,
                }
            )
        return found

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        rows = [(c["chain"], c["entries"], c["expired"], "whole" if c["whole"] else c["reason"]) for c in found]
        table(("chain", "entries", "expired", "state"), rows, empty="")
    if not all(chain["whole"] for chain in found):
        raise typer.Exit(FAILED)


@audit.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; must not exist.")],
    account: Annotated[str | None, typer.Option(help="Only the chain of this account; else all of them.")] = None,
) -> None:
    """Write chains into a file that anybody can check with the public key alone. A head is signed first, so that
    everything up to now is under one."""
    from omniops.audit.chain import Broken
    from omniops.audit.service import Entry
    from omniops.contracts.scope import Actor

    only = _id(account) if account is not None else None

    async def work(runtime: Runtime) -> int:
        accounts = await _accounts(runtime, only)
        for one in accounts:
            await runtime.audit.write(Entry(one, str(Actor.operator()), "audit.export", "audit"))
        await runtime.privacy.heads.sign()
        with file.open("xb") as out:
            for one in accounts:
                async for part in runtime.privacy.exports.lines(one):
                    out.write(part)
        return len(accounts)

    try:
        count = with_runtime(work)
    except Broken as broken:
        raise Rejected(
            f"The chain does not fit: {broken.reason}. What was written so far is no whole export.",
            code="audit_broken",
            do="Run `omniops privacy audit`, and look for who changed the database.",
        ) from None
    except OSError as error:
        raise Rejected(f"{file} cannot be written: {error.strerror}.", code="not_written", where="file") from None
    say(f"Written: {count} chains into {file}. Check it with `omniops privacy audit verify {file}`.")


@audit.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A file of `omniops privacy audit export`.")],
    key: Annotated[
        str | None,
        typer.Option(help="The public key: its `x`, or a file of /.well-known/omniops-log. Else the file's own."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an export. Needs nothing but the file and the public key: no database, no network."""
    from dataclasses import asdict

    from omniops.audit.export import check

    try:
        with file.open("rb") as lines:
            found = check(lines, _key(key) if key is not None else None)
    except OSError as error:
        raise Rejected(f"{file} cannot be read: {error.strerror}.", code="not_read", where="file") from None
    if as_json:
        emit([{**asdict(chain), "whole": not chain.problem} for chain in found])
    else:
        rows = [
            (c.account, c.entries, c.expired, c.unsigned, c.newest_head, "whole" if not c.problem else c.problem)
            for c in found
        ]
        table(("chain", "entries", "expired", "not under a head", "newest head", "state"), rows, empty="")
        if key is None:
            say("Checked with the key that the file names. With --key, you also know who signed it.")
    if any(chain.problem for chain in found):
        raise typer.Exit(FAILED)


async def _accounts(runtime: Runtime, only: UUID | None) -> list[UUID]:
    from omniops.audit.service import OPERATOR

    known = [OPERATOR, *await firsts(runtime).account_ids()]
    if only is not None and only not in known:
        raise Rejected(f"There is no account {only}.", code="bad_id", where="account")
    return known if only is None else [only]


def _id(account: str) -> UUID:
    try:
        return UUID(account)
    except ValueError:
        raise Rejected(f"{account!r} is no id.", code="bad_id", where="account") from None


def _key(given: str) -> dict[str, Any]:
    """A public key as its base64url text, as a JWK, as a JWK set, or as what the server publishes."""
    text = given.strip()
    try:
        if Path(text).is_file():
            text = Path(text).read_text("utf-8")
        elif text == "-":
            text = sys.stdin.read()
        said: Any = json.loads(text) if text.lstrip().startswith("{") else {"kty": "OKP", "crv": "Ed25519", "x": text}
        found: dict[str, Any] = said["keys"][0] if "keys" in said else said
    except (ValueError, LookupError, TypeError, OSError):
        raise Rejected(f"{given!r} is no public key.", code="bad_key", where="key") from None
    return found
