"""Commands about breaches of personal data: the same acts as the API, for the operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.runtime import Runtime

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Account = Annotated[str | None, typer.Option(help="Id of the account, where there are several.")]
Id = Annotated[str, typer.Argument(help="Id of the case.")]
Fact = Annotated[list[str] | None, typer.Option("--fact", help="name=text; repeat. Names: nature, consequences, …")]
breach = typer.Typer(help="Breaches of personal data: cases, their clock, the register.", no_args_is_help=True)


def register(privacy: typer.Typer) -> None:
    privacy.add_typer(breach, name="breach")


@breach.command("declare")
def declare(
    aware: Annotated[str, typer.Option(help="When the business became aware, ISO 8601 with its offset, or `now`.")],
    actor: Annotated[list[str] | None, typer.Option(help="Who read it, such as key:ID; repeat for several.")] = None,
    since: Annotated[str | None, typer.Option(help="Only readings from here on.")] = None,
    until: Annotated[str | None, typer.Option(help="Only readings up to here.")] = None,
    copied: Annotated[bool, typer.Option("--copied", help="A copy of the database got away.")] = False,
    tables: Annotated[list[str] | None, typer.Option("--table", help="What the copy holds; else all.")] = None,
    keys_exposed: Annotated[bool, typer.Option("--keys-exposed", help="The keys folder got away as well.")] = False,
    processor: Annotated[bool, typer.Option("--processor", help="We are the processor of the data.")] = False,
    establishment: Annotated[str | None, typer.Option(help="Country of the main establishment, ISO 3166.")] = None,
    fact: Fact = None,
    drill: Annotated[bool, typer.Option("--drill", help="An exercise: mails nobody.")] = False,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Declare a breach: the clock of 72 hours starts, and whom it touches is computed."""
    from omniops.operations.firsts import OPERATOR
    from omniops.privacy.breach.cases import NewBreach

    new = NewBreach(
        aware_at=datetime.now(UTC) if aware == "now" else _moment(aware, "aware"),
        facts=_facts(fact),
        role="processor" if processor else "controller",
        establishment=establishment,
        actors=actor or (),
        since=_moment(since, "since") if since else None,
        until=_moment(until, "until") if until else None,
        copied=copied,
        tables=tables or (),
        keys_exposed=keys_exposed,
        drill=drill,
    )

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.declare(owner, new, actor=OPERATOR)

    _show(_run(work, account), as_json)


@breach.command("list")
def list_(account: Account = None, as_json: Json = False) -> None:
    """All cases, the newest first."""
    from omniops.privacy.breach.cases import shown

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.register.cases(owner)

    found = [shown(case) for case in _run(work, account)]
    if as_json:
        emit(found)
        return
    rows = [
        (c["id"], c["aware_at"], c["due_at"], (c["affected"] or {}).get("persons"), c["risk"], _state(c)) for c in found
    ]
    table(("case", "aware since", "notify by", "persons", "risk", "state"), rows, empty="No breach was declared.")


@breach.command("show")
def show(case: Id, account: Account = None, as_json: Json = False) -> None:
    """A case as it stands, and what still stands against closing it."""

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.register.case(owner, _id(case))

    _show(_run(work, account), as_json)


@breach.command("scope")
def scope(case: Id, account: Account = None, as_json: Json = False) -> None:
    """Compute anew whom it touches."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.scope(owner, _id(case), actor=OPERATOR)

    _show(_run(work, account), as_json)


@breach.command("note")
def note(
    case: Id,
    fact: Fact = None,
    establishment: Annotated[str | None, typer.Option(help="Country of the main establishment, ISO 3166.")] = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Add facts. What was written before stays in the register."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.note(
            owner, _id(case), _facts(fact), establishment=establishment, actor=OPERATOR
        )

    _show(_run(work, account), as_json)


@breach.command("assess")
def assess(
    case: Id,
    risk: Annotated[str, typer.Argument(help="unlikely, risk or high")],
    reasons: Annotated[str, typer.Option(help="Why.")],
    approver: Annotated[str, typer.Option(help="Who approves that a risk is unlikely.")] = "",
    exception: Annotated[str | None, typer.Option(help="Why persons are not told: a, b or c of Art. 34(3).")] = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Say how great the risk to persons is."""
    from omniops.operations.firsts import OPERATOR

    if risk not in ("unlikely", "risk", "high"):
        raise Rejected(f"There is no risk {risk!r}.", code="bad_risk", do="Name unlikely, risk or high.")

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.assess(
            owner, _id(case), risk, reasons, approver=approver, exception=exception, actor=OPERATOR  # type: ignore[arg-type]
        )  # fmt: skip

    _show(_run(work, account), as_json)


@breach.command("texts")
def texts(
    case: Id,
    key: Annotated[str | None, typer.Argument(help="Only this one, in full.")] = None,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """The texts to authorities, controllers and persons, filled from the case."""

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.drafts(owner, _id(case))

    found = [draft for draft in _run(work, account) if key in (None, draft.key)]
    if not found:
        raise Rejected(f"There is no text {key!r}.", code="bad_text", where="key")
    if as_json:
        emit([asdict(draft) for draft in found])
    elif key is not None:
        print(found[0].body)
    else:
        rows = [(d.key, d.to, d.title, d.grade, ", ".join(d.missing)) for d in found]
        table(("text", "to", "title", "law read as", "still blank"), rows, empty="")


@breach.command("notify")
def notify(
    case: Id,
    to: Annotated[str, typer.Argument(help="Key of an authority of the case, or `controller`.")],
    text: Annotated[str, typer.Option(help="Which text was sent, such as gdpr.33.3.")],
    reference: Annotated[str, typer.Option(help="How it was sent, and the number that came back.")],
    late_reason: Annotated[str, typer.Option(help="After 72 hours: why so late.")] = "",
    name: Annotated[str, typer.Option(help="Of an authority that the case does not list.")] = "",
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Enter that an authority or the controller was notified."""
    from omniops.operations.firsts import OPERATOR
    from omniops.privacy.breach.cases import Notification

    sent = Notification(to, reference, text, late_reason, name)

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.notify(owner, _id(case), sent, actor=OPERATOR)

    _show(_run(work, account), as_json)


@breach.command("tell")
def tell(
    case: Id,
    text: Annotated[str, typer.Option(help="Which text, such as gdpr.34.2.")],
    account: Account = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Mail everybody whom it touches and who was not told yet; in a drill nobody. A worker sends."""
    from omniops.operations.firsts import OPERATOR

    if not yes:
        typer.confirm("Mail all persons of this case?", abort=True)

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.tell(owner, _id(case), text, actor=OPERATOR)

    _show(_run(work, account), as_json)


@breach.command("close")
def close(case: Id, account: Account = None, as_json: Json = False) -> None:
    """Close a case. Refused while anything is missing."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime, owner: UUID) -> Any:
        return await runtime.privacy.breaches.close(owner, _id(case), actor=OPERATOR)

    _show(_run(work, account), as_json)


@breach.command("verify")
def verify(account: Account = None, as_json: Json = False) -> None:
    """Compare the register with the audit's chain: changed, missing and added steps are named."""

    async def work(runtime: Runtime, owner: UUID) -> list[str]:
        return await runtime.privacy.breaches.register.problems(owner)

    found = _run(work, account)
    if as_json:
        emit({"whole": not found, "problems": found})
    else:
        for problem in found or ["The register is as it was written."]:
            print(problem)
    if found:
        raise typer.Exit(FAILED)


def _run(work: Callable[[Runtime, UUID], Awaitable[T]], account: str | None) -> T:
    async def over(runtime: Runtime) -> T:
        known = await firsts(runtime).account_ids()
        if account is None and len(known) != 1:
            raise Rejected(
                f"There are {len(known)} accounts.",
                code="which_account",
                where="account",
                do="Name one with --account.",
            )
        owner = known[0] if account is None else _id(account)
        if owner not in known:
            raise Rejected(f"There is no account {account}.", code="bad_id", where="account")
        return await work(runtime, owner)

    return with_runtime(over)


def _show(case: Any, as_json: bool) -> None:
    from omniops.privacy.breach.cases import shown

    found = shown(case)
    if as_json:
        emit(found)
        return
    affected = found["affected"] or {}
    rows = [
        ("case", found["id"]),
        ("state", _state(found)),
        ("aware since", found["aware_at"]),
        ("notify by", found["due_at"]),
        ("persons", affected.get("persons")),
        ("records", ", ".join(f"{name}: {count}" for name, count in affected.get("categories", {}).items())),
        ("could be read", "yes" if affected.get("intelligible") else "no"),
        ("risk", found["risk"]),
        ("authorities", ", ".join(f"{one['key']} ({one['name']})" for one in found["authorities"])),
        ("notified", ", ".join(one["to"] for one in found["notified"])),
        ("told", ", ".join(f"{state}: {count}" for state, count in (found["told"] or {}).items())),
    ]
    table(("", ""), rows, empty="")
    for missing in found["missing"] if found["closed_at"] is None else ():
        say(f"▪ {missing}")


def _state(case: dict[str, Any]) -> str:
    state = "closed" if case["closed_at"] else "open"
    return f"{state}, a drill" if case["drill"] else state


def _facts(given: list[str] | None) -> dict[str, str]:
    found = {}
    for one in given or ():
        name, equals, text = one.partition("=")
        if not equals:
            raise Rejected(f"{one!r} is no fact.", code="bad_fact", where="fact", do="Write name=text.")
        found[name.strip()] = text
    return found


def _moment(given: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Rejected(
            f"{given!r} is no moment.", code="bad_moment", where=where, do="Write 2026-11-29T17:00:00+00:00."
        )
    return moment


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise Rejected(f"{given!r} is no id.", code="bad_id") from None
