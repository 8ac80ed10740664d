"""Commands about what there is: doctor, status, domains, members, keys, plugins, configuration."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.output import FAILED, emit, say, table
from omniops.cli.session import firsts, settings, with_runtime
from omniops.cli.trials import own
from omniops.errors import Rejected

if TYPE_CHECKING:
    from omniops.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
domains = typer.Typer(help="Websites.", no_args_is_help=True)
members = typer.Typer(help="People of an account.", no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
config = typer.Typer(help="Settings, and the gate's exceptions.", no_args_is_help=True)
privacy = typer.Typer(help="People's rights over their data, and what proves them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command()(doctor)
    app.command()(status)
    app.command()(completion)
    app.add_typer(domains, name="domain")
    app.add_typer(members, name="member")
    app.add_typer(keys, name="key")
    app.add_typer(config, name="config")
    app.add_typer(privacy, name="privacy")


def doctor(as_json: Json = False) -> None:
    """Look at everything that can be wrong; each line says why it matters and what mends it."""
    from omniops.operations.doctor import examine, worst

    checks = examine(settings())
    if as_json:
        emit([check.to_json() for check in checks])
    else:
        marks = {"ok": "■", "warn": "▪", "fail": "✗"}
        for check in checks:
            print(f"{marks[check.state]} {check.name}: {check.said}")
            for line in (check.why, check.fix):
                if line:
                    print(f"    {line}")
    if worst(checks) == "fail":
        raise typer.Exit(FAILED)


def status(as_json: Json = False) -> None:
    """What there is: domains, passages, plugins, jobs."""
    from omniops.operations.status import status as look

    found = with_runtime(look)
    if as_json:
        emit(found)
        return
    say(f"omniops {found['version']}; encoder: {found['encoder']}")
    table(
        ("website", "passages", "waiting for a person", "last read", "state", "own questions"),
        [
            (", ".join(d["origins"]), d["passages"], d["waiting"], d["last_crawl"], d["last_crawl_state"], own(d))
            for d in found["domains"]
        ],
        empty="No website yet: `omniops domain add https://your-shop.example`.",
    )
    listening = [(", ".join(d["origins"]), *pair) for d in found["domains"] for pair in d["listening"].items()]
    table(("website", "channel that listens", "state"), listening, empty="")
    table(("jobs", "count"), list(found["jobs"].items()), empty="")


def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish")]) -> None:
    """Print the completion script for a shell."""
    if shell not in ("bash", "zsh", "fish"):
        raise Rejected(f"There is no completion for {shell!r}.", code="bad_shell", do="Name bash, zsh or fish.")
    from typer._completion_shared import get_completion_script

    print(get_completion_script(prog_name="omniops", complete_var="_OMNIOPS_COMPLETE", shell=shell))


@domains.command("add")
def domain_add(
    url: str,
    title: Annotated[str | None, typer.Option(help="Name shown in the chat.")] = None,
    crawl: Annotated[bool, typer.Option(help="Read it as soon as a worker is free.")] = True,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="For trying out: nothing of it reaches people.")] = False,
) -> None:
    """Add a website; prints the line to put on it."""
    from omniops.web.pages import widget_tag

    async def work(runtime: Runtime) -> str:
        operator = firsts(runtime)
        first = await operator.ensure("My business")
        domain, source = await operator.ensure_site(first.account_id, url, title, sandbox=sandbox)
        if crawl and source.paused_at is None:
            await runtime.knowledge.request_crawl(domain.scope, source.id)
        return widget_tag(runtime.settings.public_url, domain.widget_key)

    print(with_runtime(work))


@domains.command("list")
def domain_list(as_json: Json = False) -> None:
    """All websites."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return [
            {
                "id": str(d.id),
                "title": d.title,
                "origins": list(d.origins),
                "widget_key": d.widget_key,
                "sandbox": d.sandbox,
            }
            for account in await firsts(runtime).account_ids()
            for d in await runtime.accounts.domains(account)
        ]

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        rows = [
            (d["title"], ", ".join(d["origins"]), d["widget_key"], "sandbox" if d["sandbox"] else "", d["id"])
            for d in found
        ]
        table(("title", "runs on", "widget key", "", "id"), rows, empty="No website yet.")


@members.command("setup-link")
def member_setup_link() -> None:
    """Print a new one-time link for the first member of the first account."""

    async def work(runtime: Runtime) -> str:
        first = await firsts(runtime).ensure("My business")
        token = first.setup_token or await runtime.members.setup_link(first.account_id)
        return f"{runtime.settings.public_url}/setup/{token}"

    print(with_runtime(work))


@members.command("list")
def member_list(as_json: Json = False) -> None:
    """Members of all accounts, opened for managing accounts, with an entry in the audit."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return [
            {"id": str(m.id), "email": m.email, "name": m.name, "role": m.role}
            for account in await firsts(runtime).account_ids()
            for m in await runtime.members.list(account, actor=OPERATOR)
        ]

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        rows = [(m["name"], m["email"], m["role"]) for m in found]
        table(("name", "e-mail", "role"), rows, empty="Nobody signed up yet: `omniops member setup-link`.")


@keys.command("create")
def key_create(
    name: str,
    permission: Annotated[list[str], typer.Option("--permission", help="What it may do; repeat for several.")],
    domain: Annotated[str | None, typer.Option(help="Only for this website.")] = None,
    test: Annotated[bool, typer.Option("--test", help="A key that reaches sandbox websites only.")] = False,
    days: Annotated[int | None, typer.Option(min=1, help="Days that it is good for; without, for ever.")] = None,
) -> None:
    """Make an API key. Its secret is printed once and never again."""
    from omniops.operations.firsts import OPERATOR

    async def work(runtime: Runtime) -> str:
        operator = firsts(runtime)
        if domain is not None:
            view = await operator.domain(domain)
            account, only = view.scope.account_id, view.id
        else:
            account, only = (await operator.ensure("My business")).account_id, None
        end = None if days is None else runtime.clock.now() + timedelta(days=days)
        _, secret = await runtime.keys.create(
            account, name, permission, only_domain=only, test=test, expires_at=end, actor=OPERATOR
        )
        return secret

    print(with_runtime(work))


@keys.command("list")
def key_list(as_json: Json = False) -> None:
    """All API keys, without their secrets."""

    async def work(runtime: Runtime) -> list[dict[str, Any]]:
        return [
            {
                "id": str(k.id),
                "name": k.name,
                "permissions": list(k.permissions),
                "created_at": k.created_at.isoformat(timespec="seconds"),
                "last_used_at": k.last_used_at and k.last_used_at.isoformat(timespec="minutes"),
                "expires_at": k.expires_at and k.expires_at.isoformat(timespec="minutes"),
                "revoked": k.revoked_at is not None,
            }
            for account in await firsts(runtime).account_ids()
            for k in await runtime.keys.list(account)
        ]

    found = with_runtime(work)
    if as_json:
        emit(found)
    else:
        rows = [
            (
                *(k["name"], ", ".join(k["permissions"]), k["created_at"], k["last_used_at"] or "never"),
                *(k["expires_at"] or "", "revoked" if k["revoked"] else "", k["id"]),
            )
            for k in found
        ]
        table(("name", "may", "made", "last used", "ends", "", "id"), rows, empty="No key yet.")


@config.command("show")
def config_show(as_json: Json = False) -> None:
    """Every setting, its value, and where that comes from. Secrets are hidden."""
    from omniops.settings import Settings, load

    loaded = load()
    values = loaded.settings.model_dump(mode="json")
    rows = [
        (name, values.get(name), loaded.sources[name], field.description)
        for name, field in Settings.model_fields.items()
        if name in values
    ]
    if as_json:
        emit([{"name": n, "value": v, "source": s, "description": d} for n, v, s, d in rows])
    else:
        say(f"Settings file: {loaded.file}")
        table(("setting", "value", "from"), [(n, v, s) for n, v, s, _ in rows], empty="")


@config.command("allow")
def config_allow(
    host: str,
    port: int,
    reason: Annotated[str, typer.Option(help="Why; shown wherever the exception is shown.")],
    plaintext: Annotated[bool, typer.Option(help="Also without TLS.")] = False,
) -> None:
    """Let the gate reach one host and port whose address is not public."""
    from omniops.gate.grants import Allow

    name = host.strip().lower()
    if not name or "/" in name or not 0 < port < 65536:
        raise Rejected(f"{host}:{port} is no target.", code="bad_target", do="Name a host or address, and a port.")

    async def work(runtime: Runtime) -> None:
        await runtime.allows.add(Allow(name, port, reason, plaintext))

    with_runtime(work)
    say(f"Allowed: {name}:{port}. See it in /readyz and `omniops doctor`.")


@config.command("disallow")
def config_disallow(host: str, port: int) -> None:
    """Take an exception away."""

    async def work(runtime: Runtime) -> None:
        await runtime.allows.remove(host, port)

    with_runtime(work)
    say(f"{host}:{port} is an address like any other again.")


@config.command("egress")
def config_egress(
    style: Annotated[str, typer.Option("--for", help="nftables or proxy")] = "nftables",
) -> None:
    """Print the outbound allow-list of this deployment: the register's hosts, the database, and nothing else."""
    from omniops.operations.egress import rules

    if style not in ("nftables", "proxy"):
        raise Rejected(f"There is no list for {style!r}.", code="bad_style", do="Name nftables or proxy.")

    async def work(runtime: Runtime) -> str:
        return await rules(runtime, style)

    sys.stdout.write(with_runtime(work))
