"""The proofs of each night: `omniops prove` in a process of its own, and word to the operator where a promise failed.

A process of its own, because probes bring test providers into theirs, and one that fails must not take a worker's other
jobs along. It acts where `omniops prove` does: in two sandbox domains that exist for nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from omniops.errors import OmniOpsError
from omniops.jobs.service import MAINTENANCE, Retry, Task
from omniops.operations.firsts import Firsts
from omniops.proof.service import Proof
from omniops.runtime import Runtime

HOUR = 2
"""Of the day in UTC, in which promises are tried."""
OVERDUE = timedelta(hours=30)
"""A report older than this is made up for at any hour: the server was down at its own."""
LONGEST = 3600
"""Seconds that a run may take."""


def nightly(runtime: Runtime) -> list[Task]:
    """The worker's task."""

    async def run() -> None:
        before = await Proof(runtime).latest()
        if not is_due(before, runtime.clock.now()):
            return
        await _prove(runtime)
        published = await Proof(runtime).latest()
        if published is None or made_at(published) == (made_at(before) if before else None):
            runtime.log.error("proof.no_report")
            return
        failed = failures(published)
        runtime.log.info("proof.made", counts=published["report"]["counts"])
        if failed:
            await tell(runtime, published, failed)

    return [Task("proof:night", run, queue=MAINTENANCE, retry=Retry(attempts=1), cron="40 * * * *")]


def is_due(published: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether a report is to be made in this hour."""
    if published is None:
        return now.hour == HOUR
    age = now - made_at(published)
    return age > OVERDUE or (now.hour == HOUR and age > timedelta(hours=1))


def made_at(published: Mapping[str, Any]) -> datetime:
    """When a report was made."""
    return datetime.fromisoformat(published["report"]["made_at"]).astimezone(UTC)


def failures(published: Mapping[str, Any]) -> dict[str, str]:
    """What a report found to be untrue, by claim."""
    return {row["id"]: row["said"] for row in published["report"]["claims"] if row["verdict"] == "FAILED"}


async def _prove(runtime: Runtime) -> None:
    """Its exit code says that something failed; what that is stands in the report."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "omniops", "prove", "--supervised", "--json",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None
    try:
        async with asyncio.timeout(LONGEST):
            child.stdin.write(runtime.settings.to_line())  # its end of the pipe stays open: it ends when we do
            await child.stdin.drain()
            await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
        child.stdin.close()


async def tell(runtime: Runtime, published: Mapping[str, Any], failed: Mapping[str, str]) -> None:
    """Writes to the operator's privacy address, and to the log in any case."""
    runtime.log.error("proof.failed", claims=sorted(failed))
    to = runtime.settings.privacy_email
    if not to or runtime.mail.mailer() is None:
        return
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    domains = [one for account in await firsts.account_ids() for one in await runtime.accounts.domains(account)]
    live = next((one for one in domains if not one.sandbox), None)
    if live is None:
        return
    server = runtime.settings.public_url
    found = "\n".join(f"- {claim}: {said}" for claim, said in failed.items())
    many = "a promise is" if len(failed) == 1 else f"{len(failed)} promises are"
    try:
        await runtime.mail.send(
            live.scope,
            to=to,
            kind="notice",
            subject=f"{many[0].upper()}{many[1:]} not true at the moment",
            text=f"The probes of {made_at(published):%d %B %Y, %H:%M} UTC found that {many} not true on {server}:\n\n"
            f"{found}\n\nEverybody can read this on {server}/privacy. "
            "`omniops prove --claim P…` tries one again.",
            key=f"proof-{published['report']['made_at']}",
        )
    except OmniOpsError as error:
        runtime.log.error("proof.not_told", said=str(error))
