"""Deliveries: sent at least once under one id, tried for three days, then kept as dead letters that can be replayed."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import EgressRefused, NotFound, Rejected
from omniops.gate.grants import Grant
from omniops.gate.http import client
from omniops.gate.service import Gate
from omniops.jobs.service import MAINTENANCE, SENDING, Jobs, Task
from omniops.privacy.service import all_held
from omniops.webhooks.endpoints import Endpoints, endpoint
from omniops.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from omniops.webhooks.service import DELIVER, TEST, emit, queue, send_later
from omniops.webhooks.signing import signed

_HOUR = 3600
WAITS = (5, 300, 1800, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR)
"""Seconds between the tries, as the specification recommends: ten tries in a good three days. A tenth is added by
chance, so that a receiver that comes back is not met by everybody at once."""
PATIENCE = 15.0
"""Seconds that a receiver has to answer."""
FAILING = timedelta(days=5)
"""A receiver that took nothing for so long is told no more, until a person enables it again."""
LOST = timedelta(minutes=15)
"""A try that is overdue for so long has lost its job, for example while the database was away."""
KEPT_DAYS = 30
MOST_REPLAYED = 1000
USER_AGENT = "OmniOps-Webhooks/1"
ACTOR = Actor.system("webhooks.deliver")

_PURGE = text(
    "delete from webhook_event e where e.created_at < :before and not exists (select from webhook_delivery d"  # noqa: S608
    " where d.domain_id = e.domain_id and d.event_id = e.id and d.state = 'waiting')"
    f" and not {all_held('e.domain_id')}"
    # An event is about a person whom it names, or whose conversation it names.
    " and not exists (select from subject s where s.home_id = e.domain_id and s.hold and (s.id::text ="
    " e.data ->> 'subject_id' or exists (select from conversation c where c.domain_id = s.home_id"
    " and c.subject_id = s.id and c.id::text = e.data ->> 'conversation_id')))"
)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """An event on its way to a receiver. `message_id` is the `webhook-id` that the receiver sees."""

    id: UUID
    message_id: str
    kind: str
    state: str
    attempts: int
    status: int | None
    problem: str | None
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Said:
    """What a receiver made of a try. `wait` is what it asked for, in seconds."""

    status: int | None
    problem: str | None
    wait: float = 0


class Deliveries:
    """Sends what waits, lists it, sends it again."""

    def __init__(
        self,
        database: Database,
        gate: Gate,
        accounts: Accounts,
        endpoints: Endpoints,
        jobs: Jobs,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gate = gate
        self._accounts = accounts
        self._endpoints = endpoints
        self._audit = audit
        self._clock = clock
        jobs.register(
            Task(DELIVER, self.deliver, queue=SENDING),
            Task("webhooks:again", self.again, queue=MAINTENANCE, cron="*/15 * * * *"),
            Task("webhooks:purge", self.purge, queue=MAINTENANCE, cron="41 3 * * *"),
        )

    async def deliver(self, scope: Scope, delivery_id: str, attempt: int) -> None:
        """One try. Does nothing when another job made this try, or when the delivery is over.

        The row is not locked meanwhile: should the process die after the receiver took it, it is sent once more, under
        the same `webhook-id`.
        """
        async with self._database.session(scope) as session:
            delivery = await session.get(WebhookDelivery, (scope.domain_id, UUID(delivery_id)))
            if delivery is None or delivery.state != "waiting" or delivery.attempts != attempt:
                return
            event = await session.get(WebhookEvent, (scope.domain_id, delivery.event_id))
            row = await endpoint(session, scope, delivery.endpoint_id)
        assert event is not None
        said = await self._send(scope, row, event) if row.enabled else _Said(None, "disabled")
        disabled = None
        async with self._database.session(scope) as session:
            known = await session.get(WebhookEndpoint, (scope.domain_id, row.id), with_for_update=True)
            fresh = await session.get(WebhookDelivery, (scope.domain_id, delivery.id), with_for_update=True)
            if known is None or fresh is None or fresh.state != "waiting" or fresh.attempts != attempt:
                return
            fresh.attempts += 1
            fresh.status, fresh.problem = said.status, said.problem
            if said.problem is None:
                self._end(fresh, "delivered")
                known.failing_since = None
            elif said.problem in ("disabled", "gone") or attempt >= len(WAITS):
                self._end(fresh, "dead")
            else:
                wait = max(WAITS[attempt] * random.uniform(1, 1.1), said.wait)  # noqa: S311
                fresh.next_at = self._clock.now() + timedelta(seconds=wait)
            if said.problem is not None and known.enabled:
                disabled = self._failed(known, said)
            session.add_all([fresh, known])
            if fresh.state == "waiting":
                await send_later(session, fresh)
            if disabled is not None:
                await emit(session, scope, "webhook.disabled", webhook_id=row.id, reason=disabled)
            await session.commit()
        if disabled is not None:
            detail = {"id": str(row.id), "reason": disabled}
            await self._audit.write(
                Entry(scope.account_id, str(ACTOR), "webhook.disable", "webhook_endpoint", detail=detail)
            )

    def _end(self, delivery: WebhookDelivery, state: str) -> None:
        delivery.state, delivery.ended_at, delivery.next_at = state, self._clock.now(), None

    def _failed(self, row: WebhookEndpoint, said: _Said) -> str | None:
        """Notes a failure of a receiver. Returns why it is disabled, if it is by this."""
        now = self._clock.now()
        row.failing_since = row.failing_since or now
        why = "gone" if said.problem == "gone" else "failing" if now - row.failing_since >= FAILING else None
        if why is not None:
            row.enabled, row.disabled_because = False, why
        return why

    async def _send(self, scope: Scope, row: WebhookEndpoint, event: WebhookEvent) -> _Said:
        """Signs and posts. A redirect is a failure: what was promised to one host goes to no other."""
        domain = await self._accounts.domain(scope)
        body = json.dumps(
            {
                "type": event.kind,
                "timestamp": event.created_at.isoformat(),
                **({"sandbox": True} if domain.sandbox else {}),
                "data": {"domain_id": str(domain.id), **event.data},
            },
            separators=(",", ":"),
        ).encode()
        secrets = await self._endpoints.secrets(row)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            **signed(secrets, message_id(event.id), int(self._clock.now().timestamp()), body),
        }
        grant = Grant.own_webhook(scope, urlsplit(row.url).hostname or "")
        try:
            async with asyncio.timeout(PATIENCE), client(self._gate, grant) as http:
                request = http.build_request("POST", row.url, content=body, headers=headers)
                response = await http.send(request, stream=True)  # what a receiver writes is nothing to us
                await response.aclose()
        except EgressRefused as error:
            return _Said(None, error.reason)
        except (TimeoutError, httpx2.TimeoutException):
            return _Said(None, "timeout")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return _Said(None, "not_reachable")
        return _said(response)

    # What members and programs do

    async def test(self, scope: Scope, endpoint_id: UUID) -> DeliveryView:
        """Sends a `webhook.test` to one receiver, whatever it is told of otherwise. Raises `NotFound`, and `Rejected`
        for one that is disabled."""
        async with self._database.session(scope) as session:
            row = await endpoint(session, scope, endpoint_id)
            _check_enabled(row)
            (delivery,) = await queue(session, scope, TEST, {"webhook_id": row.id}, [row.id])
            await session.commit()
            event = await session.get(WebhookEvent, (scope.domain_id, delivery.event_id))
        assert event is not None
        return _view(delivery, event)

    async def all(
        self, scope: Scope, endpoint_id: UUID, *, state: str | None, after: UUID | None = None, limit: int = 50
    ) -> list[DeliveryView]:
        """Deliveries to a receiver, newest first, after the one with the id `after`. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            await endpoint(session, scope, endpoint_id)
            statement = _deliveries(scope, endpoint_id).order_by(col(WebhookDelivery.id).desc()).limit(limit)
            if state is not None:
                statement = statement.where(WebhookDelivery.state == state)
            if after is not None:
                statement = statement.where(WebhookDelivery.id < after)
            return [_view(delivery, event) for delivery, event in (await session.exec(statement)).all()]

    async def replay(self, scope: Scope, endpoint_id: UUID, delivery_id: UUID, *, actor: Actor) -> DeliveryView:
        """Sends an event once more under its old `webhook-id`, as a delivery of its own. Raises `NotFound`, and
        `Rejected` for one that still waits, and while the receiver is disabled."""
        async with self._database.session(scope) as session:
            row = await endpoint(session, scope, endpoint_id)
            _check_enabled(row)
            statement = _deliveries(scope, endpoint_id).where(WebhookDelivery.id == delivery_id)
            found = (await session.exec(statement.with_for_update(of=WebhookDelivery))).first()
            if found is None:
                raise NotFound("There is no such delivery.")
            before, event = found
            if before.state == "waiting":
                raise Rejected("This delivery still waits for its next try.", code="still_waiting")
            made = await self._again(session, before)
            await session.commit()
        await self._audited_replay(scope, endpoint_id, 1, actor)
        return _view(made, event)

    async def replay_dead(self, scope: Scope, endpoint_id: UUID, since: datetime, *, actor: Actor) -> int:
        """Sends all dead letters since a moment once more, the oldest first, at most `MOST_REPLAYED`. Returns how many.
        Raises as `replay` does."""
        async with self._database.session(scope) as session:
            row = await endpoint(session, scope, endpoint_id)
            _check_enabled(row)
            statement = (
                select(WebhookDelivery)
                .where(WebhookDelivery.domain_id == scope.domain_id, WebhookDelivery.endpoint_id == endpoint_id)
                .where(WebhookDelivery.state == "dead", WebhookDelivery.created_at >= since)
                .order_by(col(WebhookDelivery.id))
                .limit(MOST_REPLAYED)
                .with_for_update()
            )
            dead = (await session.exec(statement)).all()
            for before in dead:
                await self._again(session, before)
            await session.commit()
        await self._audited_replay(scope, endpoint_id, len(dead), actor)
        return len(dead)

    async def _again(self, session: AsyncSession, before: WebhookDelivery) -> WebhookDelivery:
        if before.state == "dead":
            before.state = "replayed"
            session.add(before)
        now = self._clock.now()
        made = WebhookDelivery(
            domain_id=before.domain_id,
            endpoint_id=before.endpoint_id,
            event_id=before.event_id,
            next_at=now,
            created_at=now,
        )
        session.add(made)
        await session.flush()
        await send_later(session, made)
        return made

    async def _audited_replay(self, scope: Scope, endpoint_id: UUID, count: int, actor: Actor) -> None:
        detail = {"id": str(endpoint_id), "count": count}
        await self._audit.write(
            Entry(scope.account_id, str(actor), "webhook.replay", "webhook_endpoint", detail=detail)
        )

    async def again(self) -> None:
        """Queues the tries that are overdue and have no job that waits."""
        async with self._database.system("webhooks: tries that lost their job") as session:
            statement = select(WebhookDelivery).where(
                WebhookDelivery.state == "waiting", col(WebhookDelivery.next_at) <= self._clock.now() - LOST
            )
            for delivery in (await session.exec(statement.limit(MOST_REPLAYED))).all():
                await send_later(session, delivery)
            await session.commit()

    async def purge(self) -> None:
        """Deletes events, and their deliveries with them, that are older than `KEPT_DAYS` and wait for nothing; not
        those of a domain or person under a legal hold."""
        async with self._database.system("webhooks: purge old events") as session:
            connection = await session.connection()
            await connection.execute(_PURGE, {"before": self._clock.now() - timedelta(days=KEPT_DAYS)})
            await session.commit()


def message_id(event_id: UUID) -> str:
    """The `webhook-id` of an event: the same with every try and every replay."""
    return f"evt_{event_id.hex}"


def _said(response: httpx2.Response) -> _Said:
    status = response.status_code
    if 200 <= status < 300:
        return _Said(status, None)
    if status == 410:
        return _Said(status, "gone")
    if 300 <= status < 400:
        return _Said(status, "redirect")
    asked = response.headers.get("retry-after", "") if status in (429, 503) else ""
    return _Said(status, "refused", min(float(asked), WAITS[-1]) if asked.isdecimal() else 0)


def _check_enabled(row: WebhookEndpoint) -> None:
    if not row.enabled:
        raise Rejected("This webhook is disabled.", code="webhook_disabled", do="Enable it first.")


def _deliveries(scope: Scope, endpoint_id: UUID):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return (
        select(WebhookDelivery, WebhookEvent)
        .join(
            WebhookEvent,
            (col(WebhookEvent.domain_id) == col(WebhookDelivery.domain_id))
            & (col(WebhookEvent.id) == col(WebhookDelivery.event_id)),
        )
        .where(WebhookDelivery.domain_id == scope.domain_id, WebhookDelivery.endpoint_id == endpoint_id)
    )


def _view(delivery: WebhookDelivery, event: WebhookEvent) -> DeliveryView:
    return DeliveryView(
        delivery.id,
        message_id(event.id),
        event.kind,
        delivery.state,
        delivery.attempts,
        delivery.status,
        delivery.problem,
        delivery.next_at,
        delivery.created_at,
        delivery.ended_at,
    )
