"""Commands for one person's rights: copy, sheet, correction, restriction, objection, erasure, the look for remains."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO
from uuid import UUID

import typer

from omniops.cli.output import FAILED, PARTLY, emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Subject = Annotated[UUID, typer.Argument(help="Id of the person: of any subject that is found to be this person.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
Lift = Annotated[bool, typer.Option("--lift", help="Take it back.")]


def register(privacy: typer.Typer) -> None:
    privacy.command("fields")(fields)
    privacy.command("export")(export)
    privacy.command("import")(import_)
    privacy.command("sheet")(sheet)
    privacy.command("rectify")(rectify)
    privacy.command("restrict")(restrict)
    privacy.command("object")(object_to)
    privacy.command("opt-out")(opt_out)
    privacy.command("erase")(erase)
    privacy.command("scan")(scan)


def fields(
    everything: Annotated[bool, typer.Option("--all", help="Also columns that are not personal.")] = False,
    as_json: Json = False,
) -> None:
    """What is held of people: table, column, category, purposes, how long, and its category in California."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        found = await runtime.privacy.persons.fields()
        return [field.to_json() for field in found if everything or field.kind in ("personal", "unknown")]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    table(
        ("field", "category", "purposes", "kept", "California", ""),
        [
            (
                f"{f['table']}.{f['column']}",
                f["category"] or f["kind"],
                ", ".join(f["purposes"]),
                f["retain"],
                f["california"],
                "sensitive" if f["sensitive"] else "",
            )
            for f in found
        ],
        empty="Nothing is held of anybody.",
    )


def export(
    subject: Subject,
    file: Annotated[str, typer.Argument(help="Where the zip goes; - for standard output.")],
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Write a copy of all that is held of a person: JSON, CSV and files, with their schema (GDPR, Article 15)."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime, out: BinaryIO) -> int:
        scope, size = (await firsts(runtime).domain(domain)).scope, 0
        async for piece in runtime.privacy.persons.export(scope, subject, actor=OPERATOR):
            size += len(piece)
            out.write(piece)
        return size

    if file == "-":
        with_runtime(lambda runtime: work(runtime, sys.stdout.buffer))
        return
    try:
        # The copy is in clear: nobody else on this machine may read it.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Rejected(f"{file} is there already.", code="exists", where="file", do="Name another file.") from None
    try:
        with os.fdopen(handle, "wb") as out:
            size = with_runtime(lambda runtime: work(runtime, out))
    except BaseException:
        os.unlink(file)  # half a copy is none
        raise
    if as_json:
        emit({"file": file, "bytes": size})
    else:
        say(f"{size} bytes, in clear: give them to the person, and delete the file.")


def import_(
    file: Annotated[Path, typer.Argument(help="An export.", exists=True, dir_okay=False, readable=True)],
    domain: Domain = None,
    with_consents: Annotated[
        bool, typer.Option("--with-consents", help="A yes counts here as well. Only from a business of your own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read an export into a domain where the person is not known."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        with file.open("rb") as opened:
            done = await runtime.privacy.persons.import_(scope, opened, actor=OPERATOR, consents=with_consents)
        return {"subjects": [str(one) for one in done.subjects], "rows": done.rows, "left_out": done.left_out}

    done = with_runtime(work)
    if as_json:
        emit(done)
    else:
        say(f"{sum(done['rows'].values())} rows of {len(done['subjects'])} subjects are here.")
        for name, count in done["left_out"].items():
            say(f"Left out: {count} rows of {name}, which hang on something of the business that is not here.")


def sheet(
    subject: Subject,
    language: Annotated[
        str, typer.Option(help="The person's language, such as de. English where there are no words.")
    ] = "en",
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """What a person is to be told beside the copy from what is really there (GDPR, Article 15)."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> tuple[dict[str, Any], str]:
        scope, sheets = (await firsts(runtime).domain(domain)).scope, runtime.privacy.persons.sheets
        found = await runtime.privacy.persons.sheet(scope, subject, actor=OPERATOR, language=language)
        return found, sheets.text(found)

    found, text = with_runtime(work)
    if as_json:
        emit(found)
    else:
        sys.stdout.write(text)


def rectify(
    subject: Subject,
    what: Annotated[str, typer.Argument(help="A category, such as contact.email, or a field: table.column.")],
    value: Annotated[str, typer.Argument(help="The right value; - reads it from standard input.")],
    row: Annotated[UUID | None, typer.Option(help="The one row, for what is no fact about the person.")] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Correct what is held of a person, here and at stores outside (GDPR, Article 16)."""
    from omniops.operations.firsts import OPERATOR

    right = sys.stdin.read() if value == "-" else value

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        persons = runtime.privacy.persons
        return (await persons.rectify(scope, subject, what, right, row_id=row, actor=OPERATOR)).to_json()

    done = with_runtime(work)
    if as_json:
        emit(done)
    else:
        table(("field", "values"), list(done["written"].items()), empty="No row holds such a value.")
    _others(done, as_json)


def restrict(subject: Subject, lift: Lift = False, domain: Domain = None, as_json: Json = False) -> None:
    """Stop all use of a person's data but keeping it, or allow it again (GDPR, Article 18)."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        return (await runtime.privacy.persons.restrict(scope, subject, lifted=lift, actor=OPERATOR)).to_json()

    done = with_runtime(work)
    if as_json:
        emit(done)
    else:
        say("Use is allowed again." if lift else "Restricted from the next opening on, in every process.")
    _others(done, as_json)


def object_to(
    subject: Subject,
    purpose: Annotated[str, typer.Argument(help="A purpose that rests on a legitimate interest.")],
    lift: Lift = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Stop a purpose that a person objects to, or allow it again (GDPR, Article 21)."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> list[str]:
        scope = (await firsts(runtime).domain(domain)).scope
        persons = runtime.privacy.persons
        return [str(one) for one in await persons.object_to(scope, subject, purpose, lifted=lift, actor=OPERATOR)]

    _changed(with_runtime(work), as_json)


def opt_out(
    subject: Subject,
    purpose: Annotated[str, typer.Argument(help="A purpose that is automated, optional or objectable.")],
    lift: Lift = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Shut a purpose for a person, whatever was consented to, or open it again."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> list[str]:
        scope = (await firsts(runtime).domain(domain)).scope
        persons = runtime.privacy.persons
        return [str(one) for one in await persons.opt_out(scope, subject, purpose, lifted=lift, actor=OPERATOR)]

    _changed(with_runtime(work), as_json)


def erase(
    subject: Subject,
    domain: Domain = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Destroy a person's keys, delete every row and file, and have it done outside (GDPR, Article 17).

    Cannot be undone. Ends with 5 where a store outside has not erased yet: it is asked again by itself.
    """
    from omniops.operations.firsts import OPERATOR

    if not yes:
        typer.confirm("Destroy the keys and delete all rows of this person?", abort=True)

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        return (await runtime.privacy.persons.erase(scope, subject, actor=OPERATOR)).to_json()

    done = with_runtime(work)
    if as_json:
        emit(done)
    else:
        say(f"Erased: {sum(done['deleted'].values())} rows in {len(done['deleted'])} tables; unreadable from now on.")
        if done["unreadable_from"]:
            say(f"No backup opens what was known of this person from {done['unreadable_from'][:10]} on.")
        rows = [(t["store"], t["state"], t["code"], t["evidence"]) for t in done["tasks"]]
        table(("store", "answer", "code", "shown by"), rows, empty="No store outside holds anything.")
        _tell(done["to_tell"])
    if done["state"] != "closed":
        say(f"Not finished: it waits for {done['waits_for']}, and is carried on by the worker.")
        raise typer.Exit(PARTLY)


def scan(
    subject: Subject,
    identifier: Annotated[
        list[str] | None, typer.Option("--identifier", help="What stores outside know the person by: email=a@b.c.")
    ] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Look for anything that is left of a person, in every table, the vault and the stores outside. Ends with 1 if
    something is.

    After an erasure nobody here knows the person's addresses: name them, if stores outside are to look by them.
    """
    from omniops.operations.firsts import OPERATOR

    known: dict[str, list[str]] = {}
    for given in identifier or ():
        kind, sign, value = given.partition("=")
        if not (kind and sign and value):
            raise Rejected(f"{given!r} is no identifier.", code="bad_identifier", do="Write it as email=a@b.c.")
        known.setdefault(kind, []).append(value)

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        persons = runtime.privacy.persons
        return (await persons.scan(scope, subject, identifiers=known, actor=OPERATOR)).to_json()

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        vault = [(f"vault: {name}", found[name]) for name in ("keys", "identifiers", "states") if found[name]]
        outside = [(one["store"], one["state"]) for one in found["outside"]]
        table(("where", "what is left"), [*found["rows"].items(), *vault, *outside], empty="Nothing is left.")
    if not found["clean"]:
        raise typer.Exit(FAILED)


def _changed(subjects: Sequence[str], as_json: bool) -> None:
    if as_json:
        emit({"subjects": list(subjects)})
    else:
        say(f"Changed for {len(subjects)} subjects, from the next opening on." if subjects else "It was so already.")


def _others(done: Mapping[str, Any], as_json: bool) -> None:
    """What stores outside answered. Ends with 5 where one failed: nothing asks it again by itself."""
    if not as_json:
        rows = [(one["store"], one["state"], one["code"], one["evidence"]) for one in done["outside"]]
        if rows:
            table(("store", "answer", "code", "shown by"), rows, empty="")
        _tell(done["to_tell"])
    if any(one["state"] == "failed" for one in done["outside"]):
        say("A store outside failed. Run this again.")
        raise typer.Exit(PARTLY)


def _tell(recipients: Sequence[Mapping[str, Any]]) -> None:
    if recipients:
        say(f"To be told (Art. 19 GDPR): {', '.join(one['name'] for one in recipients)}.")
