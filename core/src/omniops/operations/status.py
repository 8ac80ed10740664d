"""`omniops status`: what there is, in a few figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from omniops import __version__
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """A domain with what it knows and when it was last read."""

    id: str
    origins: list[str]
    passages: int
    waiting: int
    last_crawl: str
    last_crawl_state: str


async def status(runtime: Runtime) -> dict[str, Any]:
    """Domains, plugins, encoder, jobs."""
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    domains = []
    for account_id in await firsts.account_ids():
        for domain in await runtime.accounts.domains(account_id):
            crawls = await runtime.knowledge.last_crawls(domain.scope, 1)
            waiting = await runtime.conversations.all(domain.scope, state="waiting", limit=1000)
            domains.append(
                DomainStatus(
                    str(domain.id),
                    list(domain.origins),
                    await runtime.knowledge.passages(domain.scope),
                    len(waiting),
                    crawls[0].started_at.isoformat(timespec="seconds") if crawls else "",
                    crawls[0].state if crawls else "never",
                )
            )
    runtime.encoders()
    return {
        "version": __version__,
        "domains": [asdict(domain) for domain in domains],
        "plugins": {name: report.state for name, report in runtime.seams.reports.items() if report.state != "off"},
        "encoder": runtime.encoders.said,
        "jobs": await runtime.jobs.counts(),
    }
