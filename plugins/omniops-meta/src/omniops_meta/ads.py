"""The link to a business's advertising account: what its campaigns brought, in sums.

Reports are made by Meta in its own time: one is ordered, looked at again at the next round, and read page by page.
See https://developers.facebook.com/docs/marketing-api/insights/best-practices.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from omniops import Health, PluginContext
from omniops.contracts.ids import new_id
from omniops.contracts.integration import Choice, Feature, Integration, Link, Step, Store, Sync
from omniops.contracts.oauth import OAuth
from omniops.contracts.webhook import Arrived, Event, Received, Webhook
from omniops.errors import Permanent
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from omniops_meta import ads_reading
from omniops_meta.ads_reading import FIELDS, Row
from omniops_meta.client import PROCESSOR, GraphClient
from omniops_meta.leaving import ENDED
from omniops_meta.models import MetaInsight
from omniops_meta.oauth import oauth
from omniops_meta.settings import AdsConnection, MetaSettings, giver
from omniops_meta.webhooks import Place, receive

INSIGHTS = "insights"
SCOPES = ("ads_read",)
FIRST, LATE = timedelta(days=90), timedelta(days=28)
"""What is read at first, and what is read again each time: results are counted for a day up to 28 days after it."""
ROUND, REST = timedelta(minutes=10), timedelta(hours=6)
"""How often it is looked whether a report is ready, and how long after one the next is ordered."""
_OVER = frozenset({"Job Failed", "Job Skipped"})


class AdsIntegration(Integration):
    """Connected by Facebook Login for Business. Nothing is read before the business agreed to it by itself."""

    name = "meta-ads"
    title = "Meta Ads"
    processor = PROCESSOR
    Connection = AdsConnection
    changeable: ClassVar[Sequence[str]] = ("account",)
    events: ClassVar[Mapping[str, Sequence[str]]] = {ENDED: ()}
    features: ClassVar[Sequence[Feature]] = (
        Feature(
            INSIGHTS,
            "Results of campaigns",
            taken="of each campaign and day: its name, what it cost, how often it was shown, seen and clicked, and how "
            "many results of each kind it had, all of it in sums; nothing about a single person",
            scopes=SCOPES,
            default=False,
            own_consent=True,
        ),
    )
    syncs: ClassVar[Sequence[Sync]] = (Sync(INSIGHTS, "Results of campaigns", ROUND, INSIGHTS),)

    def __init__(self, context: PluginContext, client: GraphClient) -> None:
        self._settings: MetaSettings = context.settings
        self._clock = context.clock
        self._session = context.session
        self._client = client

    @property
    def oauth(self) -> OAuth:
        return oauth(self._settings, self._clock, self._settings.ads_config, SCOPES)

    async def check(self, connection: AdsConnection) -> Health:
        token = connection.access_token
        if not connection.account:
            await self._client.call(token, "GET", "me", params={"fields": "id"})
            return Health(True, "Connected. No advertising account is chosen yet.")
        try:
            said = await self._client.call(token, "GET", f"act_{connection.account}", params={"fields": "name"})
        except Permanent:
            return Health(False, "There is no such advertising account, or it gives no access.")
        return Health(True, f"Connected to the advertising account {said.get('name')}.")

    async def choices(self, link: Link, field: str) -> Sequence[Choice]:
        if field != "account":
            return ()
        params = {"fields": "account_id,name"}
        found = self._client.items(link.connection.access_token, "me/adaccounts", params=params)
        return [Choice(str(one["account_id"]), str(one.get("name"))) async for one in found]

    def external_ids(self, connection: AdsConnection) -> Sequence[str]:
        return (connection.account,) if connection.account else ()

    def granted_by(self, connection: AdsConnection) -> str:
        return giver(connection)

    def receive(self, webhook: Webhook, link: Link | None) -> Received:
        """Meta's callbacks about who gave access. Of advertising accounts it tells nothing that is taken."""
        own = self.external_ids(link.connection) if link is not None else None
        return receive(webhook, self._settings, Place(self.name, "ad_account", lambda _: iter(())), own)

    async def handle(self, event: Event, link: Link) -> Sequence[Arrived]:
        """Somebody took access back, perhaps this one: a call shows it."""
        await self._client.call(link.connection.access_token, "GET", "me", params={"fields": "id"})
        return ()

    async def connected(self, link: Link) -> None:
        """Where the business's yes to the results has ended, they go, and so do those of an account of before."""
        known = link.connection.account if INSIGHTS in link.features else ""
        if link.memory.get("account", "") == known:
            return
        async with self._session(link.scope) as session:
            await session.exec(
                delete(MetaInsight).where(
                    col(MetaInsight.domain_id) == link.scope.domain_id, col(MetaInsight.connection_id) == link.id
                )
            )
            await link.remember({"account": known or None}, session=session)
            await session.commit()

    async def sync(self, name: str, link: Link, cursor: str | None) -> AsyncIterator[Step]:
        """Orders a report, reads one that is ready, or comes again later."""
        state: dict[str, Any] = json.loads(cursor) if cursor else {}
        account, token = link.connection.account, link.connection.access_token
        now = self._clock.now()
        if not account:
            return
        if state.get("account") != account:
            state = {}
        if "run" not in state:
            if "next" in state and now < datetime.fromisoformat(state["next"]):
                return
            state = {"account": account, "run": await self._ordered(token, account, "next" in state, now)}
            yield Step(json.dumps(state))
        ready = await self._ready(token, state["run"])
        if ready is False:
            return
        done = 0
        if ready:
            pages = self._client.pages(token, f"{state['run']}/insights", after=state.get("after", ""))
            async for page, after in pages:
                found = ads_reading.rows(page)
                done += len(found)
                if not after:
                    yield Step(self._rest(account, now), self._store(link, found), done=done)
                    return
                state["after"] = after
                yield Step(json.dumps(state), self._store(link, found), done=done)
        yield Step(self._rest(account, now))

    def _rest(self, account: str, now: datetime) -> str:
        return json.dumps({"account": account, "next": (now + REST).isoformat()})

    async def _ordered(self, token: str, account: str, again: bool, now: datetime) -> str:
        today = now.date()
        span = {"since": str(today - (LATE if again else FIRST) + timedelta(days=1)), "until": str(today)}
        said = await self._client.call(
            token,
            "POST",
            f"act_{account}/insights",
            params={
                "level": "campaign",
                "time_increment": "1",
                "fields": ",".join(FIELDS),
                "time_range": json.dumps(span),
            },
        )
        run = said.get("report_run_id")
        if not run:
            raise Permanent("Meta took the order of a report and names no number for it.")
        return str(run)

    async def _ready(self, token: str, run: str) -> bool | None:
        """Whether a report can be read; None for one that never will be: another is ordered after a rest."""
        params = {"fields": "async_status,async_percent_completion"}
        try:
            said = await self._client.call(token, "GET", run, params=params)
        except Permanent:
            return None  # it has lapsed
        if said.get("async_status") in _OVER:
            return None
        return said.get("async_status") == "Job Completed"

    def _store(self, link: Link, found: Sequence[Row]) -> Store:
        """What Meta says now takes the place of what it said of the same day before."""

        async def store(session: Any) -> None:
            for row in found:
                values = {
                    "name": row.name,
                    "currency": row.account_currency,
                    "spend": row.spend,
                    "impressions": row.impressions,
                    "reach": row.reach,
                    "clicks": row.clicks,
                    "results": row.results,
                    "read_at": self._clock.now(),
                }
                place = {
                    "domain_id": link.scope.domain_id,
                    "connection_id": link.id,
                    "campaign": row.campaign_id,
                    "day": row.date_start,
                }
                statement = insert(MetaInsight).values(id=new_id(), **place, **values)
                await session.exec(statement.on_conflict_do_update(index_elements=list(place), set_=values))

        return store
