"""What can be wrong with one website: what was seen, what to do, and the step of ours that mends it, where one does.

The part of `omniops doctor` that a business may see of its own; what concerns the whole server is seen by the command.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from omniops.accounts.permissions import Permission
from omniops.accounts.service import DomainView
from omniops.errors import OmniOpsError
from omniops.knowledge.models import Crawl
from omniops.runtime import Runtime
from omniops.spoken import unknown_languages

Step = Literal["read", "verify", "check", "resend", "resume", "replay"]
CRAWLS = 50
"""The newest runs, of which each source's last counts."""
COUNTED = 50
"""Messages that did not arrive are counted up to here."""


@dataclass(frozen=True, slots=True)
class Mend:
    """A step that mends it, for whoever `may`: `about` is what it is done to."""

    step: Step
    about: str
    may: Permission


@dataclass(frozen=True, slots=True)
class Repair:
    """One look. `fix` is what a person does, `command` how on the command line, `place` the room of the dashboard."""

    name: str
    state: Literal["ok", "warn", "fail"]
    said: str
    why: str = ""
    fix: str = ""
    command: str = ""
    place: str = ""
    mend: Mend | None = None


async def repairs(runtime: Runtime, domain: DomainView, may: Callable[[Permission], bool]) -> list[Repair]:
    """Every look at a website that somebody may see. Never raises: what cannot be looked at has failed."""
    found: list[Repair] = []
    for permission, look in LOOKS:
        if may(permission):
            try:
                found += await look(runtime, domain)
            except OmniOpsError as error:
                found.append(Repair(look.__name__.strip("_"), "fail", error.message, fix=error.do or ""))
    return found


async def _chat(runtime: Runtime, domain: DomainView) -> list[Repair]:
    if domain.settings.enabled:
        return [Repair("chat", "ok", f"The chat is on at {', '.join(domain.origins)}.")]
    return [
        Repair("chat", "warn", "The chat is switched off.", "No visitor sees it.", "Switch it on in the settings.",
               place="settings/chat")
    ]  # fmt: skip


async def _knowledge(runtime: Runtime, domain: DomainView) -> list[Repair]:
    passages = await runtime.knowledge.passages(domain.scope)
    if passages:
        return [Repair("knowledge", "ok", f"The AI answers from {passages:,} passages.")]
    return [
        Repair("knowledge", "warn", "There is nothing to answer from.", "Every question goes to a person.",
               "Add a source, or write an answer of your own.", "omniops source add URL", "knowledge")
    ]  # fmt: skip


async def _readings(runtime: Runtime, domain: DomainView) -> list[Repair]:
    last: dict[UUID, Crawl] = {}
    for crawl in await runtime.knowledge.last_crawls(domain.scope, CRAWLS):
        last.setdefault(crawl.source_id, crawl)
    sources = await runtime.knowledge.sources(domain.scope)
    failed = [one for one in sources if one.paused_at is None and one.id in last and last[one.id].state == "failed"]
    return [
        Repair(
            "source", "fail", f"{one.url} could not be read: {last[one.id].said or last[one.id].problem or 'failed'}",
            "Answers stand on what was read before.", "Mend what it says, then read it again.",
            "omniops crawl", "knowledge", Mend("read", str(one.id), "knowledge.manage"),
        )
        for one in failed
    ] or ([Repair("sources", "ok", "No source failed when it was last read.")] if sources else [])  # fmt: skip


async def _owners(runtime: Runtime, domain: DomainView) -> list[Repair]:
    owners = await runtime.knowledge.ownership.all(domain.scope)
    return [
        Repair(
            "ownership", "warn", f"The proof that {owner.host} is the business's own is gone: {owner.said}",
            f"From {owner.read_until:%Y-%m-%d} on it is not read any more.", "Publish it again, then look again.",
            f"omniops domain verify {owner.host}", mend=Mend("verify", owner.host, "domain.manage"),
        )
        for owner in owners
        if owner.state == "lost"
    ]  # fmt: skip


async def _languages(runtime: Runtime, domain: DomainView) -> list[Repair]:
    foreign = await unknown_languages(runtime, domain)
    if foreign is None:
        return []
    return [Repair("languages", "warn" if foreign.why else "ok", foreign.said, foreign.why, command=foreign.fix)]


async def _own_questions(runtime: Runtime, domain: DomainView) -> list[Repair]:
    trial = await runtime.trials.last(domain.scope)
    if trial is None:
        return []
    if trial.state != "fell":
        return [Repair("own questions", "ok", f"None of {len(trial.outcomes)} own questions is answered worse.")]
    return [
        Repair("own questions", "warn",
               f"{len(trial.fell)} of {len(trial.outcomes)} own questions are answered worse.",
               "Content, encoder or settings changed, and visitors get these answers now.",
               "Look at what changed, or accept it.", f"omniops eval gate {domain.id}", "knowledge/try")
    ]  # fmt: skip


async def _connections(runtime: Runtime, domain: DomainView) -> list[Repair]:
    links = await runtime.connections.all(domain.scope)
    found = []
    for one in links:
        name = one.kind or one.plugin
        mend = Mend("check", str(one.id), "connection.manage")
        if one.state == "needs_reauth":
            found.append(
                Repair("connection", "fail", f"{name} takes our access no more. {one.said}".strip(),
                       "Nothing goes to it or comes from it.", "Connect it again.",
                       f"omniops connection begin {name}", f"integrations/{one.id}", mend=mend)
            )  # fmt: skip
        elif one.state == "degraded":
            found.append(
                Repair("connection", "warn", f"{name} fails or slows us down. {one.said}".strip(),
                       "What goes to it waits.", "It is tried again by itself; try it now to see.",
                       f"omniops connection check {one.id}", f"integrations/{one.id}", mend=mend)
            )  # fmt: skip
    return found or ([Repair("connections", "ok", "All connections work.")] if links else [])


async def _undelivered(runtime: Runtime, domain: DomainView) -> list[Repair]:
    lost = await runtime.inbox.undelivered.all(domain.scope, limit=COUNTED)
    if not lost:
        return [Repair("messages", "ok", "No message is undelivered.")]
    count = f"{len(lost)}{' or more' if len(lost) == COUNTED else ''}"
    return [
        Repair("messages", "fail", f"{count} {'message' if count == '1' else 'messages'} did not arrive.",
               "Somebody waits for an answer that was written.", "Read why, then send again what can arrive.",
               "omniops undelivered list", "inbox", Mend("resend", "", "conversation.reply"))
    ]  # fmt: skip


async def _webhooks(runtime: Runtime, domain: DomainView) -> list[Repair]:
    hooks, found = runtime.webhooks, []
    receivers = await hooks.endpoints.all(domain.scope)
    for one in receivers:
        place = f"developers/webhooks/{one.id}"
        if not one.enabled and one.disabled_because != "person":
            why = "it answered 410" if one.disabled_because == "gone" else "it took nothing for five days"
            found.append(
                Repair("webhook", "fail", f"{one.url} was switched off by itself: {why}.", "It is told of nothing.",
                       "Mend the receiver, then switch it on again.", "", place,
                       Mend("resume", str(one.id), "webhook.manage"))
            )  # fmt: skip
        elif one.enabled and await hooks.deliveries.all(domain.scope, one.id, state="dead", limit=1):
            found.append(
                Repair("webhook", "warn", f"{one.url} did not take all that it was told of.",
                       "Your system does not know of it.", "Send again what was given up.", "", place,
                       Mend("replay", str(one.id), "webhook.manage"))
            )  # fmt: skip
    return found or ([Repair("webhooks", "ok", "Every receiver took what it was told of.")] if receivers else [])


LOOKS: tuple[tuple[Permission, Callable[[Runtime, DomainView], Awaitable[list[Repair]]]], ...] = (
    ("domain.read", _chat),
    ("knowledge.read", _knowledge),
    ("knowledge.read", _readings),
    ("domain.read", _owners),
    ("knowledge.read", _languages),
    ("knowledge.read", _own_questions),
    ("domain.read", _connections),
    ("conversation.read", _undelivered),
    ("webhook.manage", _webhooks),
)
"""In the order in which a website needs them, each with the permission of the route that tells the same."""
