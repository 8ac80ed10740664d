"""Commands of the go-live gate: a business's own questions, and what they get."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, settings, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
Of = Annotated[str | None, typer.Argument(help="Host or id of the domain, where there are several.")]
questions = typer.Typer(help="The questions that a domain is measured by.", no_args_is_help=True)


def register(evaluate: typer.Typer) -> None:
    evaluate.command("gate")(gate)
    evaluate.add_typer(questions, name="questions")


def own(domain: Mapping[str, Any]) -> str:
    """How a domain does with its own questions, for a table."""
    if not domain["own_questions"]:
        return "–"
    fell = f", {domain['fell']} FELL" if domain["fell"] else ""
    return f"{domain['score']:.2f} of {domain['own_questions']}{fell}"


def gate(
    domain: Of = None,
    encoder: Annotated[str | None, typer.Option(help="Try another encoder, or `none`; changes nothing.")] = None,
    accept: Annotated[bool, typer.Option(help="Take this run, whatever fell, as what later ones are held to.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a domain's own questions now. Exit code 1 where they fell by more than the domain's margin."""
    if accept and encoder is not None:
        raise Rejected("A run that only tries an encoder cannot be accepted.", code="dry_run")
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> Any:
        scope = (await firsts(runtime).domain(domain)).scope
        cause = "asked" if encoder is None else "encoder"
        trial = await runtime.trials.run(scope, cause=cause, live=encoder is None)
        return await runtime.trials.accept(scope, trial.id, actor=OPERATOR) if accept else trial

    trial = with_runtime(work, settings(encoder=encoder) if encoder is not None else None)
    worse = [outcome for outcome in trial.outcomes if outcome["id"] in trial.fell]
    if as_json:
        emit({**trial.model_dump(mode="json", exclude={"domain_id", "fingerprint"}), "worse": worse})
    else:
        say(f"{trial.state}: score {trial.score} on {len(trial.outcomes)} questions, lost {trial.loss}.")
        table(
            ("worse", "level", "rank", "pages"),
            [(o["question"], o["level"], o["rank"] or "–", ", ".join(o["pages"])) for o in worse],
            empty="",
        )
    if trial.state == "fell":
        raise typer.Exit(FAILED)


@questions.command("list")
def questions_list(domain: Domain = None, as_json: Json = False) -> None:
    """The domain's own questions."""

    async def work(runtime: Runtime) -> Any:
        found = await runtime.trials.questions((await firsts(runtime).domain(domain)).scope)
        return [row.model_dump(mode="json", exclude={"domain_id"}) for row in found]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    table(
        ("id", "question", "pages", "contains"),
        [(q["id"], q["question"], " ".join(q["pages"]) or "no answer", ", ".join(q["contains"])) for q in found],
        empty="No question yet: `omniops eval questions add`.",
    )


@questions.command("add")
def questions_add(
    question: str,
    page: Annotated[list[str] | None, typer.Option(help="URL or path that answers it; none for no answer.")] = None,
    contains: Annotated[list[str] | None, typer.Option(help="Words that the quotes must hold.")] = None,
    domain: Domain = None,
) -> None:
    """Add one question, or replace what is expected of it."""
    from omniops.knowledge.own_questions import checked

    row = {"question": question, "pages": page or [], "contains": contains or []}
    _add([checked(row, "the question")], domain)


@questions.command("import")
def questions_import(file: Path, domain: Domain = None) -> None:
    """Add the questions of a JSONL or CSV file, all or none. Fields: question, pages, contains."""
    from omniops.knowledge.own_questions import parse

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected(f"{file} cannot be read as text ({type(error).__name__}).", code="bad_file") from error
    try:
        asked = parse(text, "csv" if file.suffix.lower() == ".csv" else "jsonl")
    except Rejected as error:
        raise Rejected(f"{file}, {error.message}", code=error.code, where=error.where, do=error.do) from error
    _add(asked, domain)


@questions.command("remove")
def questions_remove(question: UUID, domain: Domain = None) -> None:
    """Remove a question by its id."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.trials.remove((await firsts(runtime).domain(domain)).scope, question, actor=OPERATOR)

    with_runtime(work)
    say("Removed.")


def _add(asked: Any, domain: str | None) -> None:
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> int:
        return len(await runtime.trials.add((await firsts(runtime).domain(domain)).scope, asked, actor=OPERATOR))

    say(f"{with_runtime(work)} questions are in the set.")
