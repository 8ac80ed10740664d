"""`omniops privacy retention` and `omniops privacy hold`: how long things are kept, and what must stay."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from omniops.cli.output import FAILED, PARTLY, emit, say, table
from omniops.cli.session import firsts, member_named, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.contracts.scope import Scope
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
Account = Annotated[bool, typer.Option("--account", help="For all domains of the account.")]
By = Annotated[str, typer.Option("--by", help="E-mail address or id of the member who decided it.")]
retention = typer.Typer(help="How long things are kept, and what is deleted.", no_args_is_help=True)
hold = typer.Typer(help="Legal holds: what must not be deleted.", no_args_is_help=True)


def register(privacy: typer.Typer) -> None:
    privacy.add_typer(retention, name="retention")
    privacy.add_typer(hold, name="hold")


@retention.command("rules")
def rules(domain: Domain = None, as_json: Json = False) -> None:
    """Every class with its time, and who shortened it."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        scope = (await firsts(runtime).domain(domain)).scope
        return [rule.to_json() for rule in await runtime.privacy.retention.rules.all(scope)]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    table(
        ("class", "what", "days", "register", "shortened by"),
        [
            (
                r["key"],
                r["title"],
                "–" if r["days"] is None else r["days"],
                "–" if r["most"] is None else r["most"],
                ", ".join(f"{s['by']} ({s['where']}): {s['days']}" for s in r["shortened"]),
            )
            for r in found
        ],
        empty="",
    )


@retention.command("shorten")
def shorten(key: str, days: int, domain: Domain = None, account: Account = False) -> None:
    """Keep a class for fewer days. The register's time is the longest."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.privacy.retention.rules.shorten(await _where(runtime, domain, account), key, days, actor=OPERATOR)

    with_runtime(work)
    say(f"{key}: {days} days from the next run on.")


@retention.command("restore")
def restore(key: str, domain: Domain = None, account: Account = False) -> None:
    """Go back to the register's time, for what is not deleted yet."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        await runtime.privacy.retention.rules.restore(await _where(runtime, domain, account), key, actor=OPERATOR)

    with_runtime(work)
    say(f"{key}: the register's time holds.")


@retention.command("plan")
def plan(domain: Domain = None, as_json: Json = False) -> None:
    """A dry run: count what would be deleted now. Nothing is."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        return (await runtime.privacy.retention.plan(scope, actor=OPERATOR)).to_json()

    _show(with_runtime(work), as_json)


@retention.command("approve")
def approve(
    run: UUID,
    hash_: Annotated[str, typer.Option("--hash", help="Hash of the plan that you saw.")],
    by: By,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Delete exactly this plan, now. Refused where something else would be deleted."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        await runtime.privacy.retention.approve(scope, run, hash_, actor=await member_named(runtime, scope, by))
        return (await runtime.privacy.retention.run(scope, run)).to_json()

    _show(with_runtime(work), as_json)


@retention.command("sweep")
def sweep(domain: Domain = None, as_json: Json = False) -> None:
    """What the worker does every night, now: finish what was cut short, delete what is due."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        return (await runtime.privacy.retention.sweep(scope)).to_json()

    _show(with_runtime(work), as_json)


@retention.command("runs")
def runs(domain: Domain = None, as_json: Json = False) -> None:
    """The newest plans and runs."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        scope = (await firsts(runtime).domain(domain)).scope
        return [run.to_json() for run in await runtime.privacy.retention.runs(scope)]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    table(
        ("run", "planned", "state", "rows", "deleted", "persons gone", "problems"),
        [
            (
                r["id"],
                f"{r['created_at']:%Y-%m-%d %H:%M}",
                r["state"],
                r["rows"],
                sum(r["deleted"].values()),
                r["shredded"],
                " ".join(r["problems"]),
            )
            for r in found
        ],
        empty="No run yet; the worker makes one every night.",
    )


@retention.command("close-account")
def close_account(
    by: By,
    domain: Domain = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Close the account of a domain: restricted from now on, gone in two years. Cannot be undone."""
    if not yes:
        typer.confirm("End every chat, key and session of this account, and delete its website content?", abort=True)

    async def work(runtime: Runtime) -> None:
        scope = (await firsts(runtime).domain(domain)).scope
        actor = await member_named(runtime, scope, by)
        await runtime.privacy.retention.closing.close(scope.account_id, actor=actor)

    with_runtime(work)
    say("Closed. The nightly run takes the website content; all the rest goes in two years.")


@hold.command("place")
def place(
    authority: Annotated[str, typer.Option(help="Who demands it, with the file number.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    review: Annotated[str, typer.Option(help="Day of the next look, as 2027-03-31.")],
    by: By,
    subject: Annotated[UUID | None, typer.Option(help="Id of the person.")] = None,
    whole_domain: Annotated[bool, typer.Option("--whole-domain", help="Everybody and everything.")] = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Keep all of a person, or of a domain, from being deleted."""
    if (subject is None) != whole_domain:
        raise Rejected(
            "A hold is on one person or on a whole domain.", code="whom", do="Give --subject or --whole-domain."
        )

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        actor = await member_named(runtime, scope, by)
        placed = await runtime.privacy.holds.place(scope, subject, authority, reason, _day(review), actor=actor)
        return placed.to_json()

    _show_holds([with_runtime(work)], as_json)


@hold.command("list")
def hold_list(
    domain: Domain = None,
    state: Annotated[str | None, typer.Option(help="standing, overdue or lifted.")] = None,
    as_json: Json = False,
) -> None:
    """Legal holds; `--state overdue` lists those that somebody must look at. Reading is on record."""
    from omniops.operations.firsts import OPERATOR

    if state not in (None, "standing", "overdue", "lifted"):
        raise Rejected(f"There is no state {state!r}.", code="bad_state", do="Name standing, overdue or lifted.")

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        scope = (await firsts(runtime).domain(domain)).scope
        found = await runtime.privacy.holds.all(scope, actor=OPERATOR, state=state)  # type: ignore[arg-type]
        return [one.to_json() for one in found]

    _show_holds(with_runtime(work), as_json)


@hold.command("review")
def review(
    hold: UUID,
    review: Annotated[str, typer.Option(help="Day of the next look, as 2027-03-31.")],
    by: By,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """It is still needed."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        actor = await member_named(runtime, scope, by)
        return (await runtime.privacy.holds.review(scope, hold, _day(review), actor=actor)).to_json()

    _show_holds([with_runtime(work)], as_json)


@hold.command("lift")
def lift(
    hold: UUID,
    reason: Annotated[str, typer.Option(help="Why it ends.")],
    by: By,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """End a hold: retention and erasure work again."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        scope = (await firsts(runtime).domain(domain)).scope
        actor = await member_named(runtime, scope, by)
        return (await runtime.privacy.holds.lift(scope, hold, reason, actor=actor)).to_json()

    _show_holds([with_runtime(work)], as_json)


async def _where(runtime: Runtime, domain: str | None, account: bool) -> Scope:
    from omniops.contracts.scope import Scope

    scope = (await firsts(runtime).domain(domain)).scope
    return Scope(scope.account_id) if account else scope


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(f"{text!r} is no day.", code="bad_day", where="review", do="Write it as 2027-03-31.") from None


def _show(run: dict[str, Any], as_json: bool) -> None:
    """A run with its plan. The exit code says whether all of it was done."""
    if as_json:
        emit(run)
    else:
        say(f"Run {run['id']}: {run['state']}; {run['plan']['subjects']} persons; hash {run['hash']}")
        deleted = run["deleted"]
        items = [
            (name, ", ".join(i["classes"]), i["rows"], i["stays"], deleted.get(name, 0))
            for i in run["plan"]["items"]
            for name in [i["table"] if i["field"] is None else f"{i['table']}.{i['field']}"]
        ]
        table(("table", "class", "due", "stays", "deleted"), items, empty="Nothing is due.")
        for problem in run["problems"]:
            say(problem)
    if run["state"] in ("incomplete", "refused"):
        raise typer.Exit(PARTLY if run["state"] == "incomplete" else FAILED)


def _show_holds(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    table(
        ("hold", "on", "state", "authority", "reason", "review", "placed by"),
        [
            (
                h["id"],
                h["subject_id"] or "the whole domain",
                h["state"],
                h["authority"],
                h["reason"],
                h["review_on"],
                h["placed_by"],
            )
            for h in found
        ],
        empty="No legal hold.",
    )
