"""What several probes do: ask in the chat, choose, visit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from httpx2 import AsyncClient
from sqlmodel import select

from omniops.contracts.declaration import Processor
from omniops.contracts.proof import Falsified, Stage
from omniops.contracts.scope import Actor
from omniops.conversation.models import Message
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.privacy.service import choices

ACTOR = Actor.system("proof")
Event = tuple[str, Mapping[str, Any]]
REGISTER = "omniops.privacy.register:ProcessorRegister.admit"
"""The decision whether the register lets a call through; several probes stand on it."""
HEADERS = "omniops.server.app:_SECURITY"
"""What every answer carries; under its sabotage every answer sets a cookie."""
CIPHER = "omniops.vault.crypto:AESGCM"


async def ask(page: AsyncClient, text: str, **more: Any) -> list[Event]:
    """Asks in the chat and reads the answer's events to their end."""
    answer = await page.post("/v1/visitor/messages", json={"text": text, **more})
    if answer.status_code != 200:
        raise Falsified(f"A message was answered with {answer.status_code}.")
    events = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


async def conversation(page: AsyncClient) -> Mapping[str, Any]:
    """The test person's own view of the chat."""
    answer = await page.get("/v1/visitor/conversation")
    if answer.status_code != 200:
        raise Falsified(f"The chat was answered with {answer.status_code}.")
    found: Mapping[str, Any] = answer.json()
    return found


async def choose(stage: Stage, client: AsyncClient, token: str | None = None, **given: bool) -> Any:
    """Answers the banner."""
    shown = {choice.purpose: choice for choice in choices(stage.runtime.catalog, "en")}
    answers = [
        {"purpose": purpose, "given": yes, "notice": shown[purpose].notice, "version": shown[purpose].version}
        for purpose, yes in given.items()
    ]
    body = {"key": stage.domain.widget_key, "consent": token, "locale": "en-GB", "answers": answers}
    return await client.post("/v1/visitor/choices", json=body)


async def say(page: AsyncClient, *, given: bool) -> None:
    """A yes or no to being counted, in the chat."""
    answer = await page.post("/v1/visitor/consent", json={"purpose": "analytics", "given": given})
    if answer.status_code != 204:
        raise Falsified(f"A choice was answered with {answer.status_code}.")


async def visit(stage: Stage, client: AsyncClient, token: str | None = None, **headers: str) -> int:
    """One page view, with the browser's number where there is one. Gives the status."""
    body = {"key": stage.domain.widget_key, "events": [{"kind": "page", "page": "/tents"}]}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.post("/v1/visitor/analytics", json=body, headers=named)
    return int(answer.status_code)


async def counted(stage: Stage) -> int:
    """How many visits are stored of the stage's domain."""
    ((number,),) = await stage.rows(
        "select count(*) from omniops.analytics_event where domain_id = %s", stage.domain.id
    )
    return int(number)


async def spoken(stage: Stage, text: str, domain: Any = None) -> tuple[Any, Message]:
    """A test person who wrote one message, in the stage's domain or another: the visitor and the message's row."""
    domain = domain or stage.domain
    _, visitor = await stage.runtime.visitors.open(domain, "en")
    events = await stage.runtime.conversations.ask(visitor, domain, text, uuid4().hex, "en")
    async for _ in events:
        pass
    async with stage.runtime.database.session(visitor.scope) as session:
        statement = select(Message).where(
            Message.domain_id == domain.id, Message.conversation_id == visitor.conversation_id, Message.seq == 1
        )
        return visitor, (await session.exec(statement)).one()


def example_host(processor: Processor) -> str:
    """A host that a processor may be reached at: its first, or any where connections name it."""
    return processor.hosts[0].replace("*.", "x.") if processor.hosts else "connected.invalid"


async def not_let_through(stage: Stage, host: str, grant: Grant) -> None:
    """Falsified unless the way out refuses."""
    try:
        await stage.runtime.gate.admit(host, 443, grant)
    except EgressRefused:
        return
    except Exception as error:
        raise Falsified(f"The way out let {grant.processor} for {grant.purpose!r} through, to {host}.") from error
    raise Falsified(f"The way out let {grant.processor} for {grant.purpose!r} through, to {host}.")


async def subject_state(stage: Stage, subject_id: UUID, **values: Any) -> None:
    """Sets what the vault's door reads of a test person, in a transaction of the app's own role."""
    from omniops.vault.models import Subject

    async with stage.runtime.database.session(stage.domain.scope) as session:
        subject = await session.get(Subject, (stage.domain.id, subject_id))
        for name, value in values.items():
            setattr(subject, name, value)
        session.add(subject)
        await session.commit()


def kinds(events: Sequence[Event]) -> list[str]:
    return [kind for kind, _ in events]
