"""The way of a website to its first answer, as steps that close when a look at what is there finds them done: nobody
ticks them off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text

from omniops.accounts.service import DomainView
from omniops.runtime import Runtime

Key = Literal["knowledge", "question", "widget", "people", "contact", "model"]
NEWEST = 1000
"""Messages that are looked through: enough for a beginning, and as quick when there are millions."""
# Counted, and nothing opened: who the members are and what was asked is for other pages, on record.
_COUNTS = text(
    "with recent as (select author, level from message where domain_id = :domain order by id desc limit :newest)"
    " select (select count(*) from member) as members,"
    " count(*) filter (where author = 'person') as by_people, count(*) filter (where author = 'ai') as answers,"
    " count(*) filter (where author = 'ai' and level = 'answer') as good from recent"
)
_READING = {
    "": "not read yet",
    "running": "being read now",
    "done": "read, and nothing to quote was found",
    "failed": "could not be read",
    "cancelled": "reading it was stopped",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `said` tells what the look found; an `optional` one holds nothing up."""

    key: Key
    title: str
    seen: bool
    said: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class FirstRun:
    """All steps in their order."""

    steps: Sequence[Step]

    @property
    def wanted(self) -> Sequence[Step]:
        return [step for step in self.steps if not step.optional]

    @property
    def following(self) -> Step | None:
        """The first that is not done; None where the way is behind one."""
        return next((step for step in self.wanted if not step.seen), None)

    def step(self, key: Key) -> Step:
        return next(step for step in self.steps if step.key == key)


async def first_run(runtime: Runtime, domain: DomainView) -> FirstRun:
    """Looks at a website. Opens nothing that is sealed."""
    passages = await runtime.knowledge.passages(domain.scope)
    crawls = await runtime.knowledge.last_crawls(domain.scope, 1)
    async with runtime.database.session(domain.scope) as session:
        connection = await session.connection()
        counts = (await connection.execute(_COUNTS, {"domain": domain.id, "newest": NEWEST})).one()
    deployments = [one for provider in await runtime.on.providers(domain) for one in provider.deployments()]
    outside = sorted({one.provider for one in deployments if one.processor})
    settings = runtime.settings
    return FirstRun(
        [
            Step(
                "knowledge",
                "Read the website",
                passages > 0,
                f"{_many(passages, 'passage')} to answer from"
                if passages
                else _READING[crawls[0].state if crawls else ""],
            ),
            Step(
                "question",
                "Ask it something",
                counts.answers > 0,
                f"{_many(counts.answers, 'answer')}, {counts.good:,} with sources"
                if counts.answers
                else "not asked yet",
            ),
            Step(
                "widget",
                "Put the chat on your site",
                domain.seen_at is not None,
                f"seen on {domain.seen_at.day} {domain.seen_at:%B %Y}" if domain.seen_at else "not seen yet",
            ),
            Step("people", "Say when people are there", *_people(domain, counts.members, counts.by_people)),
            Step(
                "contact",
                "Name who is responsible",
                bool(settings.legal_name and settings.privacy_email),
                f"{settings.legal_name}, {settings.privacy_email}"
                if settings.legal_name and settings.privacy_email
                else "the privacy page names nobody",
            ),
            Step(
                "model",
                "Let a model word the answers",
                bool(outside),
                ", ".join(outside) or "your pages are quoted",
                optional=True,
            ),
        ]
    )


def _people(domain: DomainView, members: int, by_people: int) -> tuple[bool, str]:
    """A visitor can reach somebody: at known hours, or because more than one is there, or because one was reached."""
    if domain.settings.hours is not None:
        return True, "hours are set"
    if members > 1:
        return True, f"{members} people"
    if by_people:
        return True, f"{_many(by_people, 'message')} of a person"
    return False, "you are alone, at no hours"


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"
