"""Commands for cases: what people asked about their own data, until when, and how it stands."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, member_named, with_runtime
from omniops.contracts.rights import Fulfilment
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.contracts.scope import Scope
    from omniops.privacy.rights.views import CaseView
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Case = Annotated[UUID, typer.Argument(help="Id of the case.")]
Domain = Annotated[str | None, typer.Option(help="Host or id of the domain, where there are several.")]
case = typer.Typer(help="Requests about a person's own data: list, show, act, extend, refuse, close.")


def register(privacy: typer.Typer) -> None:
    privacy.add_typer(case, name="case")


@case.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help="unproven, open or closed.")] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Cases, the most urgent first."""

    async def work(runtime: Runtime, scope: Scope) -> list[dict[str, Any]]:
        found = [view.short() for view in await runtime.privacy.cases.all(scope, state=state, limit=10_000)]
        return sorted(found, key=lambda one: (one["state"] == "closed", not one["urgent"], one["due_at"]))

    found = _in(domain, work)
    if as_json:
        emit(found)
        return
    rows = [
        (
            c["reference"],
            c["right"],
            c["state"],
            c["outcome"] or c["identity"],
            c["due_at"][:10],
            f"{c['escalated']} %",
            c["id"],
        )
        for c in found
    ]
    table(("case", "right", "state", "", "due", "told at", "id"), rows, empty="Nobody asked for anything.")


@case.command("show")
def show(case_id: Case, domain: Domain = None, as_json: Json = False) -> None:
    """One case: its terms, tasks, letters and events. Reading it is in the audit."""
    _shown(domain, lambda runtime, scope, actor: runtime.privacy.cases.read(scope, case_id, actor=actor), as_json)


@case.command("open")
def open_(
    right: Annotated[str, typer.Argument(help="access, erasure, rectification …")],
    email: Annotated[str, typer.Argument(help="Where the one-time link and the answer go.")],
    text: Annotated[str, typer.Option(help="What the person wrote.")] = "",
    language: Annotated[str, typer.Option(help="Language of the answer.")] = "en",
    region: Annotated[str, typer.Option(help="EEA, UK, California or elsewhere.")] = "",
    agent: Annotated[bool, typer.Option("--agent", help="Somebody asks for another.")] = False,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Record a request that came on paper or by telephone."""

    async def work(runtime: Runtime, scope: Scope, actor: Any) -> CaseView:
        from omniops.privacy.rights.book import Asked

        asked = Asked(right, language, email, text, region, agent)
        return await runtime.privacy.requests.by_address(
            scope, asked, channel="member", at=runtime.clock.now(), actor=actor
        )

    _shown(domain, work, as_json)


@case.command("prove")
def prove(
    case_id: Case,
    evidence: Annotated[str, typer.Option(help="What shows who asks.")],
    subject: Annotated[list[UUID] | None, typer.Option(help="Whom it is about; repeat for several.")] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Decide who asks, on evidence."""
    _shown(
        domain,
        lambda runtime, scope, actor: runtime.privacy.cases.prove(scope, case_id, subject or [], evidence, actor=actor),
        as_json,
    )


@case.command("act")
def act(case_id: Case, domain: Domain = None, as_json: Json = False) -> None:
    """Let it be done, here and at every place outside."""
    _shown(domain, lambda runtime, scope, actor: runtime.privacy.cases.act(scope, case_id, actor=actor), as_json)


@case.command("settle")
def settle(
    case_id: Case,
    task: Annotated[UUID, typer.Argument(help="Id of the task.")],
    state: Annotated[str, typer.Argument(help="done, nothing_held or refused.")],
    evidence: Annotated[str, typer.Option(help="What shows it.")],
    code: Annotated[str, typer.Option(help="Of a refusal.")] = "",
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Close a task on evidence, where a place cannot answer by itself."""
    if state not in ("done", "nothing_held", "refused"):
        raise Rejected(f"A task is not closed by {state!r}.", code="not_closed", where="state")
    if not evidence.strip() or (state == "refused" and not code):
        raise Rejected("A task needs evidence, and a refusal a code.", code="empty", where="evidence")
    answer = Fulfilment(state, evidence, code)  # type: ignore[arg-type]
    _shown(
        domain,
        lambda runtime, scope, actor: runtime.privacy.cases.settle(scope, case_id, task, answer, actor=actor),
        as_json,
    )


@case.command("extend")
def extend(
    case_id: Case,
    reason: Annotated[str, typer.Option(help="Why; the person is told.")],
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Take the longer term that the law allows."""
    _shown(
        domain, lambda runtime, scope, actor: runtime.privacy.cases.extend(scope, case_id, reason, actor=actor), as_json
    )


@case.command("refuse")
def refuse(
    case_id: Case,
    code: Annotated[str, typer.Argument(help="The law's reason, such as A17-obligation.")],
    reason: Annotated[str, typer.Option(help="In words; the person is told.")],
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Refuse for a reason of the law."""
    _shown(
        domain,
        lambda runtime, scope, actor: runtime.privacy.cases.refuse(scope, case_id, code, reason, actor=actor),
        as_json,
    )


@case.command("refuse-objection")
def refuse_objection(
    case_id: Case,
    purpose: Annotated[str, typer.Argument(help="The purpose that goes on, such as security.protect.")],
    code: Annotated[str, typer.Argument(help="A21-grounds.")],
    reason: Annotated[str, typer.Option(help="The compelling grounds; the person is told.")],
    by: Annotated[str, typer.Option("--by", help="E-mail address or id of the member who decided it.")],
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Refuse an objection to one purpose on compelling grounds."""

    async def work(runtime: Runtime, scope: Scope, actor: Any) -> CaseView:
        member = await member_named(runtime, scope, by)
        return await runtime.privacy.objections.refuse(scope, case_id, purpose, code, reason, actor=member)

    _shown(domain, work, as_json)


@case.command("close")
def close(
    case_id: Case,
    text: Annotated[str | None, typer.Option(help="Instead of the drafted reply.")] = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Approve the reply, send it and close the case."""
    _shown(
        domain, lambda runtime, scope, actor: runtime.privacy.cases.close(scope, case_id, text, actor=actor), as_json
    )


@case.command("certificate")
def certificate(case_id: Case, domain: Domain = None) -> None:
    """Print the signed certificate of a closed case."""

    async def work(runtime: Runtime, scope: Scope) -> dict[str, Any]:
        return await runtime.privacy.cases.certificate(scope, case_id)

    emit(_in(domain, work))


@case.command("verify")
def verify() -> None:
    """Check a certificate from standard input against this deployment's key. Ends with 1 where it does not hold."""
    try:
        given = json.loads(sys.stdin.read())
    except ValueError:
        raise Rejected("This is no certificate: it is no JSON.", code="no_certificate") from None

    async def work(runtime: Runtime) -> bool:
        from omniops.privacy.rights.certificates import genuine

        return isinstance(given, dict) and genuine(given, runtime.privacy.cases.public_key)

    if not with_runtime(work):
        say("The certificate does not hold.")
        raise typer.Exit(FAILED)
    say("The certificate holds.")


def _in(domain: str | None, work: Callable[[Runtime, Scope], Awaitable[Any]]) -> Any:
    async def run(runtime: Runtime) -> Any:
        return await work(runtime, (await firsts(runtime).domain(domain)).scope)

    return with_runtime(run)


def _shown(domain: str | None, work: Callable[[Runtime, Scope, Any], Awaitable[CaseView]], as_json: bool) -> None:
    """Does something about a case, and shows how it stands."""

    async def run(runtime: Runtime, scope: Scope) -> dict[str, Any]:
        from omniops.operations.firsts import OPERATOR

        return (await work(runtime, scope, OPERATOR)).to_json()

    found = _in(domain, run)
    if as_json:
        emit(found)
        return
    say(f"{found['reference']}: {found['right']}, {found['state']} {found['outcome'] or ''}".rstrip())
    say(f"Due {found['due_at'][:10]}" + "".join(f"; {t['regime']} {t['what']} {t['day']}" for t in found["terms"]))
    rows = [(t["store"], t["state"], t["code"], t["evidence"], t["id"]) for t in found["tasks"]]
    table(("place", "state", "code", "what shows it", "id"), rows, empty="Nothing was done yet.")
