"""`omniops prove`, and `omniops privacy attest`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import FAILED, bar, emit, say, table
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.operations.proving import Run

MARKS = {"PROVED": "■", "ATTESTED": "▣", "UNPROVEN": "□", "NOT PROVABLE": "_", "STALE": "☰", "FAILED": "✗"}


def register(app: typer.Typer, privacy: typer.Typer) -> None:
    app.command()(prove)
    privacy.command()(attest)
    privacy.command()(attestations)


def prove(
    claim: Annotated[str | None, typer.Option(help="One claim, such as P77, with what it rests on.")] = None,
    sabotage: Annotated[
        bool, typer.Option("--sabotage", help="Test the tests: each must turn red without what it tests.")
    ] = False,
    verify: Annotated[Path | None, typer.Option(help="Check a report's signature, without any database.")] = None,
    key: Annotated[str | None, typer.Option(help="With --verify: the public key that you trust.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the signed report as JSON.")] = False,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Try to break every promise on this deployment. A run of all is signed and shown at /privacy."""
    if verify is not None:
        _verify(verify, key, as_json)
        return
    run = _run(claim, sabotage, as_json, supervised=supervised)
    report = run.published["report"]
    if as_json:
        emit(run.published)
    else:
        shown = {claim_id for outcome in run.outcomes for claim_id in outcome.claims} | ({claim} if claim else set())
        _table([row for row in report["claims"] if claim is None or row["id"] in shown], report)
        for trial in run.trials:
            if not trial.good:
                say(f"The test {trial.probe} is no good: without {trial.how}, {trial.problem}.")
        if run.trials:
            say(f"{sum(t.good for t in run.trials)} of {len(run.trials)} tests of tests are good.")
    if run.failed:
        raise typer.Exit(FAILED)


def _run(claim: str | None, sabotage: bool, as_json: bool, *, supervised: bool) -> Run:
    import asyncio

    from omniops import logs
    from omniops.bootstrap import prepared
    from omniops.cli.session import settings
    from omniops.operations.proving import prove as run
    from omniops.process import end_with_parent, handed_over
    from omniops.runtime import Runtime

    found = handed_over() if supervised else settings()
    if supervised:
        end_with_parent()
    logs.configure("error", "text")

    async def work(ready: Any) -> Run:
        async with Runtime.open(found, ready.links, ready.root) as runtime:
            with bar("proving", show=not as_json) as shown:
                return await run(runtime, ready.root, claim=claim, sabotage=sabotage, progress=shown.update)

    with prepared(found, create=False) as ready:
        return asyncio.run(work(ready))


def _verify(file: Path, key: str | None, as_json: bool) -> None:
    from omniops.proof.report import check

    try:
        published = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Rejected(f"{file} cannot be read as a report: {error}.", code="no_report") from error
    report = check(published, key)
    if as_json:
        emit(report)
        return
    _table(report["claims"], report)
    trusted = "the key that you gave" if key else f"key {published['key']} (compare it with one that you trust)"
    say(f"The signature holds: {report['server']}, {report['made_at']}, by {trusted}.")


def _table(rows: list[dict[str, Any]], report: dict[str, Any] | Any) -> None:
    table(
        ("", "claim", "verdict", ""),
        [(MARKS[row["verdict"]], row["id"], row["verdict"], row["said"]) for row in rows],
        empty="No claim.",
    )
    counts = ", ".join(f"{number} {state}" for state, number in sorted(report["counts"].items()))
    say(f"All {len(report['claims'])} claims: {counts}.")
    if open_points := [point["id"] for point in report["points"] if not point["settled"]]:
        say(f"Points of the policy that are open: {', '.join(open_points)}.")


def attest(
    claim: Annotated[str, typer.Argument(help="A claim of kind P or O, such as P1.")],
    author: Annotated[str, typer.Option(help="Who signs: name and office, as published.")],
    said: Annotated[str, typer.Option(help="What is signed for, in a sentence, as published.")],
    evidence: Annotated[Path, typer.Option(help="The document that shows it; only its hash is kept.")],
    until: Annotated[str, typer.Option(help="Last day, as 2027-12-31.")],
) -> None:
    """Record that a named person signed for a promise that code cannot show, until a day."""
    import hashlib
    from datetime import date

    from omniops.cli.session import with_runtime
    from omniops.operations.firsts import OPERATOR
    from omniops.proof.service import Proof

    try:
        last = date.fromisoformat(until)
        digest = hashlib.sha256(evidence.read_bytes()).hexdigest()
    except ValueError as error:
        raise Rejected(f"{until!r} is no day.", code="bad_date", where="until", do="Write it as 2027-12-31.") from error
    except OSError as error:
        raise Rejected(f"{evidence} cannot be read: {error.strerror}.", code="no_evidence", where="evidence") from error

    async def work(runtime: Any) -> None:
        await Proof(runtime).attest(claim, author, said, digest, last, actor=OPERATOR)

    with_runtime(work)
    say(f"{author} signed for {claim} until {last:%Y-%m-%d}. It counts with the next `omniops prove`.")


def attestations(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List what was signed for: of each promise the newest signature, and whether it still counts."""
    from omniops.cli.session import with_runtime
    from omniops.proof.service import Proof

    async def work(runtime: Any) -> list[dict[str, str]]:
        return await Proof(runtime).signed_for()

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    rows = [(one["claim"], one["state"], one["author"], one["valid_until"], one["said"]) for one in found]
    table(("claim", "", "signed by", "until", "what"), rows, empty="Nobody has signed for anything.")
