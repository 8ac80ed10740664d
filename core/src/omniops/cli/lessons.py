"""Commands about what conversations teach: gaps, and the calibration of the cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
gaps = typer.Typer(help="What visitors ask and the pages leave unanswered.", no_args_is_help=True)
calibration = typer.Typer(help="The two cuts between answer, closest passages and silence.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(gaps, name="gaps")
    app.add_typer(calibration, name="calibration")


@gaps.command("list")
def gaps_list(
    domain: Domain = None,
    state: Annotated[str, typer.Option(help="open, dismissed or resolved.")] = "open",
    refresh: Annotated[bool, typer.Option(help="Take in today's questions first.")] = False,
    as_json: Json = False,
) -> None:
    """Gaps, those of most people first. Opens one question of each, which the audit records."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        scope = (await firsts(runtime).domain(domain)).scope
        if refresh:
            await runtime.gaps.refresh(scope)
        return [gap.to_json() for gap in await runtime.gaps.all(scope, actor=OPERATOR, state=state)]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    table(
        ("gap", "people", "example", "best level", "closest page"),
        [
            (g["id"], g["people"], g["example"] or "–", g["level"], g["pages"][0]["url"] if g["pages"] else "–")
            for g in found
        ],
        empty=f"No gap is {state}.",
    )


@gaps.command("dismiss")
def gaps_dismiss(gap: UUID, domain: Domain = None) -> None:
    """Nothing is to be written for it."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.gaps.dismiss((await firsts(runtime).domain(domain)).scope, gap, actor=OPERATOR)

    with_runtime(work)
    say("Dismissed.")


@gaps.command("resolve")
def gaps_resolve(gap: UUID, reference: str, domain: Domain = None) -> None:
    """Something answers it now, named by an id or a URL."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.gaps.resolve((await firsts(runtime).domain(domain)).scope, gap, reference, actor=OPERATOR)

    with_runtime(work)
    say("Resolved.")


@calibration.command("show")
def calibration_show(domain: Domain = None, as_json: Json = False) -> None:
    """The cuts in force, and what each look at the marks found."""

    async def work(runtime: Runtime) -> Any:
        return (await runtime.calibrating.view((await firsts(runtime).domain(domain)).scope)).to_json()

    _show(with_runtime(work), as_json)


@calibration.command("run")
def calibration_run(domain: Domain = None, as_json: Json = False) -> None:
    """Look at the marks now instead of at night."""

    async def work(runtime: Runtime) -> Any:
        scope = (await firsts(runtime).domain(domain)).scope
        await runtime.calibrating.run(scope)
        return (await runtime.calibrating.view(scope)).to_json()

    _show(with_runtime(work), as_json)


@calibration.command("set")
def calibration_set(
    domain: Domain = None,
    answer: Annotated[float | None, typer.Option(help="Least strength of an answer.")] = None,
    closest: Annotated[float | None, typer.Option(help="Least strength of closest passages.")] = None,
    despite_fall: Annotated[bool, typer.Option(help="Also if own questions are answered worse.")] = False,
) -> None:
    """Set cuts by hand. They are never overwritten; one that is left out goes back to what calibration found."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        scope = (await firsts(runtime).domain(domain)).scope
        changes = {"settings": {"answer_cut": answer, "closest_cut": closest}}
        await runtime.accounts.configure(scope, changes, actor=OPERATOR, despite_fall=despite_fall)

    with_runtime(work)
    say("Set.")


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    hand = ", ".join(found["by_hand"]) or "none"
    say(f"answer from {found['answer_cut']}, closest from {found['closest_cut']}; set by hand: {hand}")
    table(
        ("looked at", "marks", "good", "answer", "closest", "why"),
        [
            (
                look["created_at"],
                look["marks"],
                look["good"],
                f"{look['answer_before']} → {look['answer_after']}",
                f"{look['closest_before']} → {look['closest_after']}",
                look["why"],
            )
            for look in found["looks"]
        ],
        empty="The marks were not looked at yet; the worker does it every night.",
    )
