"""`omniops vault`, `omniops backup`, `omniops restore`: keys by hand, and the whole deployment in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import FAILED, bar, emit, say
from omniops.cli.session import settings, with_prepared, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.bootstrap import Prepared
    from omniops.operations.backup import Manifest
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Identity = Annotated[
    Path | None, typer.Option(help="File with an age identity, where the backup is not opened by this root.")
]
vault = typer.Typer(help="Keys: the night, and rotations.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(vault, name="vault")
    app.command("backup")(backup)
    app.command("restore")(restore)


@vault.command("night")
def night(as_json: Json = False) -> None:
    """Do tonight's work on the keys now: a new epoch, keys of erased people die, old epochs are destroyed."""
    from dataclasses import asdict

    async def work(runtime: Runtime) -> dict[str, Any]:
        return asdict(await runtime.privacy.nights.night())

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    destroyed = ", ".join(map(str, found["destroyed"])) or "none"
    say(f"Epoch {found['epoch']}: {found['accounts']} account keys and {found['addresses']} addresses are under it.")
    say(f"New account keys: {found['renewed']} ({found['keys']} keys and {found['identifiers']} look-ups moved).")
    say(f"Destroyed: epochs {destroyed}; {found['retired']} replaced keys of people.")
    say("The key mirror is up to date." if found["mirrored"] else "There is no key mirror that could be brought up.")


@vault.command("rotate")
def rotate(
    what: Annotated[str, typer.Argument(help="root, account or subject")],
    subject: Annotated[str | None, typer.Option(help="Id of one person, for `subject`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replace keys while everything runs, and count what is left under the old ones."""
    from dataclasses import asdict
    from uuid import UUID

    if what not in ("root", "account", "subject"):
        raise Rejected(f"There are no keys {what!r}.", code="bad_keys", do="Name root, account or subject.")
    try:
        only = UUID(subject) if subject is not None else None
    except ValueError:
        raise Rejected(f"{subject!r} is no id.", code="bad_id", where="subject") from None

    async def work(runtime: Runtime) -> dict[str, Any]:
        nights = runtime.privacy.nights
        if what == "root":
            return asdict(await nights.rotate_root())
        if what == "account":
            return asdict(await nights.rotate_accounts())
        return asdict(await nights.rotate_subjects(only))

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        say(f"{found['moved']} moved to the new {what} key; {found['left']} left under the old one.")
    if found["left"]:
        raise typer.Exit(FAILED)


def backup(
    file: Path,
    recipient: Annotated[
        list[str] | None, typer.Option(help="An age public key that may open it too; repeat for several.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the whole database into one encrypted file, and try it out."""
    from dataclasses import asdict

    from omniops.operations.backup import recorded

    async def work(runtime: Runtime, ready: Prepared) -> Manifest:
        return await recorded(runtime, ready, file, recipient or [])

    with bar("writing and trying out", show=not as_json):
        manifest = with_prepared(work)
    if as_json:
        emit(asdict(manifest))
        return
    say(f"{file}: {manifest.rows} rows in {len(manifest.tables)} tables, restored once and found equal.")
    say(f"It opens with the keys of root {manifest.root}; keep the key mirror in another place than the backups.")


def restore(
    file: Path,
    only_check: Annotated[
        bool, typer.Option("--check", help="Try it out in a scratch database; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    identity: Identity = None,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the database. Stop OmniOps first. Who was erased since stays erased."""
    from dataclasses import asdict

    from omniops import logs
    from omniops.bootstrap import make_folders, prepared
    from omniops.operations.backup import check
    from omniops.operations.restoring import bring_back, keys_from_mirror
    from omniops.supervisor import only_one

    if not file.is_file():
        raise Rejected(f"There is no file {file}.", code="no_file", where="file")
    found = settings()
    logs.configure("error", "text")
    make_folders(found)
    if only_check:
        with prepared(found, create=False) as ready:
            manifest = check(ready.links, ready.root, file, found.data_dir, identity)
        say(f"{file} is whole: {manifest.rows} rows of {manifest.made_at}.")
        return
    if not yes:
        typer.confirm(f"Put {file} in the place of the database?", abort=True)
    keys_from_mirror(found)
    with only_one(found), prepared(found, create=True) as ready:
        done = bring_back(found, ready.links, ready.root, file, identity=identity)
    if as_json:
        emit(asdict(done))
        return
    say(f"Restored {done.rows} rows of {done.made_at}; the keys are those of {done.vault}.")
    say(f"{done.erased} people who were erased since were taken out again; {done.cancelled} old jobs will not be sent.")
    if done.before:
        say(f"The database from before is kept as {done.before}; drop it when you need it no more.")
