"""Connections to other systems: who says yes to one, what flows before it is on, and what is left after its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from omniops.connections.models import Connection
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Scope
from omniops.errors import NotFound
from omniops.proof.guest import OUTSIDE, SYNC
from omniops.proof.probes.acts import ACTOR

ASKED = "omniops.connections.using:Using.on"
"""The question whether a connection may be worked with."""
TAKEN = "omniops.connections.intake:WebhookIntake.take"
"""Who takes a delivery in; probes of what comes in stand on it."""


def _content(*_: Any) -> None:
    """As if every yes fitted."""


async def _always(using: Any, scope: Scope, connection_id: UUID) -> Connection | None:
    found: Connection | None = await using._connections.state(scope, connection_id)
    return found


async def _pretended(*_: Any, **__: Any) -> str:
    return "revoked"


async def _connected(stage: Stage, secret: str) -> UUID:
    """A connection that the operator made."""
    view = await stage.runtime.connections.connect(stage.domain.scope, OUTSIDE, {"secret": secret}, actor=ACTOR)
    return UUID(str(view.id))


async def _told(stage: Stage, outside: Any, connection: UUID, secret: str) -> int:
    """The status of the answer to a signed delivery of one event that is told for the first time."""
    body, headers = outside.delivery(uuid4().hex, secret)
    async with stage.http() as client:
        answer = await client.post(f"/webhooks/{OUTSIDE}/{connection}", content=body, headers=headers)
    return int(answer.status_code)


async def _fetched(stage: Stage, connection: UUID) -> None:
    """The scheduler looks, and a worker comes for what it would have queued."""
    await stage.runtime.traffic.tasks.due()
    await stage.runtime.traffic.tasks.run(stage.domain.scope, str(connection), "sync", SYNC)


async def _kept(stage: Stage, connection: UUID) -> int:
    """How much is stored of what a connection was told or brought."""
    ((number,),) = await stage.rows(
        "select (select count(*) from omniops.arrival where domain_id = %s and connection_id = %s)"
        " + (select count(*) from omniops.connection_task where domain_id = %s and connection_id = %s)",
        *(stage.domain.id, connection) * 2,
    )
    return int(number)


class ConnectingNeedsAYes(Probe):
    """A connection without a yes, with a yes to something else, and by somebody who may not say it."""

    claims = ("P33",)
    sabotages = (
        Sabotage("omniops.connections.agreeing:Terms.check", "the question for the business's yes", lambda _: _content),
    )

    async def run(self, stage: Stage) -> str:
        home = f"/v1/domains/{stage.domain.id}"
        wish = {"plugin": OUTSIDE, "settings": {"secret": stage.token("secret")}}
        count = "select count(*) from omniops.connection where domain_id = %s"
        async with stage.outside() as outside, stage.office() as office, stage.office("agent") as agent:
            terms = (await office.get(f"{home}/plugins/{OUTSIDE}/terms")).json()["version"]
            before = await stage.rows(count, stage.domain.id)
            for agreed in ({}, {"agreed": ""}, {"agreed": "0" * 64}):
                answer = await office.post(f"{home}/connections", json={**wish, **agreed})
                hold(answer.status_code == 422, f"Without a yes it was answered with {answer.status_code}.")
            answer = await agent.post(f"{home}/connections", json={**wish, "agreed": terms})
            hold(answer.status_code == 403, f"A member who is no administrator was answered {answer.status_code}.")
            hold(not outside.asked, "The other system was asked before anybody had said yes.")
            hold(await stage.rows(count, stage.domain.id) == before, "A connection was stored without a yes.")
            made = await office.post(f"{home}/connections", json={**wish, "agreed": terms})
            hold(made.status_code == 201, f"With the administrator's yes it was answered with {made.status_code}.")
            listed = (await office.get(f"{home}/connection-consents", params={"limit": 100})).json()["data"]
            mine = [one for one in listed if one["connection_id"] == made.json()["id"]]
            hold([(one["event"], one["version"]) for one in mine] == [("given", terms)], "The yes is not on record.")
            hold(mine[0]["actor"] and mine[0]["receivers"], "The record lacks who said yes, or to what.")
        return (
            "Without a yes, with one to other words and by an agent nothing was connected; an administrator's is kept."
        )


class NothingFlowsWhileOff(Probe):
    """A system that is connected and switched off: its signed deliveries, and the scheduler."""

    claims = ("P21",)
    sabotages = (Sabotage(ASKED, "the question whether it is switched on", lambda _: _always),)
    rests_on = (TAKEN,)

    async def run(self, stage: Stage) -> str:
        scope, secret = stage.domain.scope, stage.token("secret")
        async with stage.outside() as outside:
            connection = await _connected(stage, secret)
            await stage.runtime.accounts.switch(scope, OUTSIDE, on=False, actor=ACTOR)
            outside.asked.clear()
            told = await _told(stage, outside, connection, secret)
            hold(told == 404, f"While it is off, a delivery was answered with {told}.")
            await _fetched(stage, connection)
            hold(not outside.asked, f"While it is off, the system was asked: {', '.join(outside.asked)}.")
            hold(await _kept(stage, connection) == 0, "While it is off, something of it was stored.")
            await stage.runtime.accounts.switch(scope, OUTSIDE, on=True, actor=ACTOR)
            told = await _told(stage, outside, connection, secret)
            hold(told == 200, f"Switched on, a delivery was answered with {told}: nothing was tried.")
            await _fetched(stage, connection)
            hold(SYNC in outside.asked, "Switched on, nothing was fetched: nothing was tried.")
        return "Off, a signed delivery was not found and the scheduler asked nothing; switched on, both came through."


class NothingStaysAfterTheEnd(Probe):
    """A connection that took something in, and is ended."""

    claims = ("P21",)
    sabotages = (
        Sabotage("omniops.connections.service:Connections.disconnect", "the end of a connection", lambda _: _pretended),
        Sabotage(
            "omniops.connections.asking:Asking._left", "the word to the other system at the end", lambda _: _pretended
        ),
    )
    rests_on = (TAKEN,)

    async def run(self, stage: Stage) -> str:
        secret = stage.token("secret")
        async with stage.outside() as outside:
            connection = await _connected(stage, secret)
            told = await _told(stage, outside, connection, secret)
            await _fetched(stage, connection)
            hold(told == 200 and await _kept(stage, connection), "It took nothing in: nothing was tried.")
            outside.asked.clear()
            await stage.runtime.connections.disconnect(stage.domain.scope, connection, actor=ACTOR)
            hold(outside.asked == ["disconnect"], "The other system was not asked to let go.")
            hold(await _kept(stage, connection) == 0, "What the connection was told or brought is still there.")
            told = await _told(stage, outside, connection, secret)
            hold(told == 404, f"After its end, a delivery was answered with {told}.")
            await _fetched(stage, connection)
            hold(outside.asked == ["disconnect"], "After its end, the system was asked for something.")
            try:
                await stage.runtime.connections.settings(stage.domain.scope, connection)
            except NotFound:
                pass
            else:
                hold(False, "After its end, its credentials are still there.")
            consents = await stage.runtime.connections.consents(stage.domain.scope)
            events = [one.event for one in consents if one.connection_id == connection]
            hold(events == ["given", "withdrawn"], "The end of the yes is not on record.")
        return (
            "Its log, its tasks and its credentials are gone, the other system was told, and nothing comes in any more."
        )
