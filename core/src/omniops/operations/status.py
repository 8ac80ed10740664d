"""`omniops status`: what there is, in a few figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from omniops import __version__
from omniops.contracts.scope import Scope
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
    listening: dict[str, str]
    """By plugin, of channels that listen: listening, failing, off or needs_reauth."""
    own_questions: int = 0
    """Asked in the newest run of the go-live gate."""
    score: float | None = None
    fell: int = 0
    """Questions that got worse by more than the domain's margin, until a person accepts it."""


async def status(runtime: Runtime) -> dict[str, Any]:
    """Domains, plugins, encoder, jobs."""
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    domains = []
    for account_id in await firsts.account_ids():
        for domain in await runtime.accounts.domains(account_id):
            crawls = await runtime.knowledge.last_crawls(domain.scope, 1)
            trial = await runtime.trials.last(domain.scope)
            fell = trial is not None and trial.state == "fell"
            domains.append(
                DomainStatus(
                    str(domain.id),
                    list(domain.origins),
                    await runtime.knowledge.passages(domain.scope),
                    await runtime.inbox.queue.waiting(domain.scope),
                    crawls[0].started_at.isoformat(timespec="seconds") if crawls else "",
                    crawls[0].state if crawls else "never",
                    await _listening(runtime, domain.scope),
                    len(trial.outcomes) if trial is not None else 0,
                    trial.score if trial is not None else None,
                    len(trial.fell) if trial is not None and fell else 0,
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


async def _listening(runtime: Runtime, scope: Scope) -> dict[str, str]:
    return {
        connection.kind: connection.state if connection.state != "connected" else connection.listening
        for connection in await runtime.connections.all(scope)
        if connection.listening is not None
    }
