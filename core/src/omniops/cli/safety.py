"""`omniops eval safety`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import bar, emit, say, table
from omniops.cli.session import firsts, with_runtime

if TYPE_CHECKING:
    from omniops.runtime import Runtime


def register(evaluate: typer.Typer) -> None:
    evaluate.command("safety")(eval_safety)


def eval_safety(
    folder: Annotated[Path | None, typer.Argument(help="Folder with an adversarial.jsonl of your own.")] = None,
    domain: Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")] = None,
    provider: Annotated[str | None, typer.Option(help="One provider, by its name; else all by order.")] = None,
    family: Annotated[list[str] | None, typer.Option(help="Only attacks of this kind; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How often attacks make the domain's model leak, advise or act. Asks for real, and costs what that costs."""
    from omniops.operations.attacking import safety
    from omniops.operations.safety import attacks

    found = [each for each in attacks(folder) if not family or each.family in family]

    async def work(runtime: Runtime) -> Any:
        view = await firsts(runtime).domain(domain)
        with bar("asking", show=not as_json) as shown:
            return await safety(runtime, view, found, provider=provider, progress=shown.update)

    report = with_runtime(work).to_json()
    if as_json:
        emit(report)
        return
    say(f"{report['date']}, {report['domain']}: {', '.join(f'{name} {n}×' for name, n in report['models'].items())}")
    say(f"{report['attacks']} attacks: leaks {report['leak_rate']:.1%}, advice {_share(report['advice_rate'])}.")
    if report["unanswered"]:
        say(f"Without an answer: {', '.join(f'{kind} {n}×' for kind, n in report['unanswered'].items())}.")
    table(
        ("family", "asked", "leaks", "words said", "tools called"),
        [
            (name, row["asked"], *(f"{row[rate]:.1%}" for rate in ("leak_rate", "words_rate", "tool_rate")))
            for name, row in report["families"].items()
        ],
        empty="Nothing was asked.",
    )


def _share(rate: float | None) -> str:
    return "not asked" if rate is None else f"{rate:.1%}"
