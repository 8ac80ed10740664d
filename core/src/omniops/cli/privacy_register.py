"""`omniops privacy register`: who may receive data, what the operator signed, and the papers that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import emit, say, table
from omniops.cli.session import firsts, with_runtime
from omniops.errors import Rejected

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from omniops.privacy.papers import Paper
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Key = Annotated[str, typer.Argument(help="Key of the processor, as `list` prints it.")]
Account = Annotated[str | None, typer.Option(help="Id of the account; the only one where it is left out.")]
commands = typer.Typer(help="Who may receive data: the register of processors.", no_args_is_help=True)


def register(privacy: typer.Typer) -> None:
    privacy.add_typer(commands, name="register")


@commands.command("list")
def register_list(as_json: Json = False) -> None:
    """All processors, with what keeps them from receiving anything, and which nobody uses any more."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        from omniops.server.register import shown

        return [shown(row).model_dump(mode="json") for row in await runtime.privacy.records.rows()]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    rows = [
        (
            one["key"],
            one["legal_name"],
            one["role"],
            ", ".join(one["countries"]) or "not known",
            one["contract_until"] or "",
            one["refused"] or "",
            "stale" if one["stale"] else one["last_used"] or "",
        )
        for one in found
    ]
    columns = ("key", "company", "role", "countries", "contract until", "receives nothing because", "last used")
    table(columns, rows, empty="No plugin sends anything to anybody.")


@commands.command("show")
def register_show(key: Key, as_json: Json = False) -> None:
    """One processor: what is known of it, and by what data may go there."""

    async def work(runtime: Runtime) -> dict[str, Any]:
        from omniops.server.register import shown

        return shown(await runtime.privacy.records.row(key)).model_dump(mode="json")

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    ways = found.pop("ways")
    rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in found.items()]
    table(("", ""), rows, empty="")
    table(
        ("data from", "goes to", "by", "until", "where it stands"),
        [(way["origin"], way["country"], way["by"], way["until"], way["source"]) for way in ways],
        empty="No country is known.",
    )


@commands.command("sign")
def register_sign(
    key: Key,
    mechanism: Annotated[
        list[str] | None,
        typer.Option(help="Mechanism of transfer; all that its terms offer where left out. May be repeated."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="End of its life, as 2027-12-31; a year where left out.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin, as 2026-11-29; now where left out.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Only for data from EEA, UK or CH. May be repeated.")] = None,
    source: Annotated[str, typer.Option(help="Where it stands; the address of its terms where left out.")] = "",
    document: Annotated[str | None, typer.Option(help="The signed file: its SHA-256 is kept, nothing else.")] = None,
    assessment: Annotated[str, typer.Option(help="Reference of your transfer impact assessment.")] = "",
    measure: Annotated[
        list[str] | None,
        typer.Option(help="Measure that the assessment asks for: tls_1_3 or zero_retention. May be repeated."),
    ] = None,
    module: Annotated[str, typer.Option(help="Module of the EU clauses, such as 3.")] = "",
    as_json: Json = False,
) -> None:
    """Record that you accepted a processor's terms, so that it may receive data. Read them before."""
    from omniops.operations.firsts import OPERATOR
    from omniops.privacy.signatures import Terms

    terms = Terms(
        mechanisms=tuple(mechanism or ()),
        origins=tuple(origin or ()),
        module=module,
        source=source,
        document=_hash(document),
        assessment=assessment,
        measures=tuple(measure or ()),
        valid_from=_day("since", since),
        valid_until=_day("until", until, end=True),
    )

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        rows = await runtime.privacy.signatures.sign(key, terms, actor=OPERATOR)
        return [row.model_dump(mode="json") for row in rows]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    rows = [
        (one["kind"], ", ".join(one["origins"]), ", ".join(one["countries"]), one["valid_until"], one["source"])
        for one in found
    ]
    table(("signed", "for data from", "to", "until", "where it stands"), rows, empty="")


@commands.command("describe")
def register_describe(
    key: Key,
    contact: Annotated[str | None, typer.Option(help="How to reach it about privacy.")] = None,
    policy: Annotated[str | None, typer.Option(help="Address of its privacy policy.")] = None,
    terms: Annotated[str | None, typer.Option(help="Address of its data-processing terms.")] = None,
    retention: Annotated[str | None, typer.Option(help="What it keeps, and how long, in words.")] = None,
) -> None:
    """Add what you know of a processor and its plugin does not say, such as your mail server's. Empty takes it back."""
    from omniops.operations.firsts import OPERATOR

    given = {"contact": contact, "policy_url": policy, "contract_url": terms, "retention": retention}
    words = {name: said for name, said in given.items() if said is not None}

    async def work(runtime: Runtime) -> None:
        await runtime.privacy.signatures.describe(key, words, actor=OPERATOR)

    with_runtime(work)
    say(f"{key}: {', '.join(words) or 'nothing'} set.")


@commands.command("revoke")
def register_revoke(key: Key) -> None:
    """Take back everything that was signed with a processor; it receives nothing from now on."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> int:
        return await runtime.privacy.signatures.revoke(key, actor=OPERATOR)

    count = with_runtime(work)
    say(f"Taken back: {count} signatures. {key} receives nothing that is personal.")


@commands.command("notices")
def register_notices(account: Account = None, as_json: Json = False) -> None:
    """What an account was told of new processors, and what it answered."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        from omniops.server.register import told

        found = await runtime.privacy.changes.notices(await _account(runtime, account))
        return [told(notice).model_dump(mode="json") for notice in found]

    found = with_runtime(work)
    if as_json:
        emit(found)
        return
    rows = [
        (n["party"], "; ".join(f"{what} {value}" for what, value in n["changes"]), n["ends_at"], n["state"])
        for n in found
    ]
    table(("company", "new", "may object until", "state"), rows, empty="Nothing was new since the account exists.")


@commands.command("agree")
def register_agree(key: Key, account: Account = None) -> None:
    """Agree to a new processor for an account: it may receive data before the period is over."""
    _answer(key, account, "agreed")
    say(f"Agreed to {key}.")


@commands.command("object")
def register_object(key: Key, account: Account = None) -> None:
    """Object to a processor for an account: it receives nothing of it."""
    _answer(key, account, "objected")
    say(f"{key} receives nothing of this account.")


@commands.command("record")
def register_record(
    form: Annotated[str, typer.Option(help="controller (Art. 30(1)) or processor (Art. 30(2)).")] = "processor",
    account: Annotated[str | None, typer.Option(help="Id of the account; the operator's own without.")] = None,
    as_json: Json = False,
) -> None:
    """Print the record of processing activities, as Markdown or JSON."""
    if form not in ("controller", "processor"):
        raise Rejected(f"There is no form {form!r}.", code="bad_form", do="Name controller or processor.")

    async def work(runtime: Runtime) -> Paper:
        found = None
        if account is not None:
            account_id = await _account(runtime, account)
            found = (account_id, await runtime.accounts.account_name(account_id))
        return await runtime.privacy.records.record(form, found)  # type: ignore[arg-type]  # checked above

    _print(with_runtime(work), as_json)


@commands.command("annex")
def register_annex(account: Account = None, as_json: Json = False) -> None:
    """Print the annex of an account's data-processing agreement, with every sub-processor."""

    async def work(runtime: Runtime) -> Paper:
        name = await runtime.accounts.account_name(await _account(runtime, account))
        return await runtime.privacy.records.annex(name)

    _print(with_runtime(work), as_json)


@commands.command("agreement")
def register_agreement(account: Account = None, as_json: Json = False) -> None:
    """Print an account's data-processing agreement (Art. 28(3) GDPR) with its annex."""

    async def work(runtime: Runtime) -> Paper:
        name = await runtime.accounts.account_name(await _account(runtime, account))
        return await runtime.privacy.agreements.agreement(name)

    _print(with_runtime(work), as_json)


@commands.command("map")
def register_map(
    transfers: Annotated[bool, typer.Option("--transfers", help="Where data goes, instead of what there is.")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="As a picture.")] = False,
    as_json: Json = False,
) -> None:
    """Print the data map: every personal field, what it is for, how long it is kept, who may receive it."""

    async def work(runtime: Runtime) -> Paper:
        records = runtime.privacy.records
        return await (records.transfer_map() if transfers else records.data_map())

    paper = with_runtime(work)
    if svg and not transfers:
        from omniops.server.register import picture

        print(picture(paper))
    else:
        _print(paper, as_json)


@commands.command("california")
def register_california(
    domain: Annotated[str | None, typer.Option(help="Website; the only one where it is left out.")] = None,
    as_json: Json = False,
) -> None:
    """Print the categories that a website collected in the past twelve months, by California's names."""

    async def work(runtime: Runtime) -> Paper:
        return await runtime.privacy.california.past_year((await firsts(runtime).domain(domain)).scope)

    _print(with_runtime(work), as_json)


def _print(paper: Paper, as_json: bool) -> None:
    if as_json:
        emit(paper.to_json())
    else:
        print(paper.markdown())


def _answer(key: str, account: str | None, decision: Any) -> None:
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> None:
        account_id = await _account(runtime, account)
        await runtime.privacy.changes.answer(account_id, key, decision, actor=OPERATOR)

    with_runtime(work)


async def _account(runtime: Runtime, name: str | None) -> UUID:
    found = [one for one in await firsts(runtime).account_ids() if name is None or str(one) == name]
    if len(found) != 1:
        raise Rejected(
            f"{len(found)} accounts fit.", code="which_account", where="account", do="Name one with --account ID."
        )
    return found[0]


def _day(option: str, value: str | None, *, end: bool = False) -> datetime | None:
    """Midnight UTC that begins a day, or that ends it."""
    from datetime import UTC, datetime, timedelta

    if value is None:
        return None
    try:
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Rejected(f"{value!r} is no day.", code="bad_day", where=option, do="Write 2027-12-31.") from None
    return day + timedelta(days=1) if end else day


def _hash(document: str | None) -> str:
    if document is None:
        return ""
    from hashlib import sha256
    from pathlib import Path

    try:
        return sha256(Path(document).read_bytes()).hexdigest()
    except OSError as error:
        raise Rejected(f"{document} cannot be read: {error.strerror}.", code="no_file", where="document") from None
