"""The command `omniops privacy laws`: what the product states about laws, and what somebody must read again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from omniops.cli.output import FAILED, emit, table


def register(privacy: typer.Typer) -> None:
    privacy.command("laws")(laws)


def laws(
    due: Annotated[bool, typer.Option("--due", help="Only what is due for another look; exit 1 when any is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Every fact of law that is built in: its source, how well that was read, and until when. It is no legal advice."""
    from omniops.privacy.laws import law_facts

    today = datetime.now(UTC).date()
    found = [fact for fact in law_facts() if not due or fact.review_by < today]
    if as_json:
        emit([asdict(fact) for fact in found])
    else:
        rows = [(f"{one.area} {one.key}", one.says, one.law, one.grade, one.review_by, one.note) for one in found]
        table(("of", "says", "law", "read as", "again by", "note"), rows, empty="Nothing is due.")
    if due and found:
        raise typer.Exit(FAILED)
