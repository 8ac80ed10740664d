"""Counts, times and costs of a website's conversations, as SQL over ids, states and times. Nothing personal is opened.

All of a report is read at one moment, so that what is said and the table behind it cannot disagree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.analytics.report import (
    SPANS,
    Counted,
    DeploymentSums,
    Period,
    Report,
    Span,
    Spread,
    Sums,
    Times,
    Wanted,
)
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.privacy.service import Catalog, Periods

MOST_DAYS = 90
"""As long as a chat is kept."""
STEPS = 16
"""Bars of the spread, the last of them for all that took longer."""

# One row for each conversation in which its visitor wrote. The AI settled it alone where its newest answer had
# something to say, its visitor did not call it unhelpful, and nobody was called or came after it.
_TALKS = (
    "with began as materialized (select c.id, c.channel, c.state, c.created_at, (c.created_at at time zone :zone)::date"
    " as day from conversation c where c.domain_id = :domain and c.created_at >= :since and c.created_at < :end"
    " and (cast(:channel as text) is null or c.channel = :channel)),"
    " said as (select m.conversation_id as id, count(*) filter (where m.author = 'visitor') as messages,"
    " min(m.created_at) filter (where m.author = 'visitor') as asked_at,"
    " min(m.created_at) filter (where m.author = 'person' or m.approved_by is not null) as person_at,"
    " max(m.created_at) filter (where m.author in ('ai', 'person') and not m.interrupted) as answered_at,"
    " max(m.seq) filter (where m.author = 'ai' and not m.interrupted) as last_ai,"
    " count(*) filter (where m.author = 'ai' and m.level in ('none', 'closest')) as in_vain"
    " from message m join began on began.id = m.conversation_id where m.domain_id = :domain group by 1),"
    " marked as (select m.conversation_id as id, count(*) filter (where f.helpful) as helpful,"
    " count(*) filter (where not f.helpful) as not_helpful"
    " from feedback f join message m on m.domain_id = f.domain_id and m.id = f.message_id"
    " join began on began.id = m.conversation_id where f.domain_id = :domain group by 1),"
    " moved as (select e.conversation_id as id,"
    " min(e.created_at) filter (where e.after in ('waiting', 'draft', 'human')) as called_at,"
    " max(e.created_at) filter (where e.after in ('waiting', 'human')) as silent_at"
    " from conversation_event e join began on began.id = e.conversation_id where e.domain_id = :domain group by 1),"
    " paid as (select t.conversation_id as id, sum((t.record->>'usd')::numeric) as usd,"
    " count(*) filter (where t.record ? 'usd' and t.record->>'usd' is null) as unpriced"
    " from turn t join began on began.id = t.conversation_id where t.domain_id = :domain group by 1),"
    " talks as materialized (select began.*, said.messages, said.asked_at, said.person_at, said.answered_at,"
    " said.in_vain, coalesce(marked.helpful, 0) as helpful, coalesce(marked.not_helpful, 0) as not_helpful,"
    " moved.called_at,"
    " coalesce(paid.usd, 0) as usd, coalesce(paid.unpriced, 0) as unpriced, case"
    " when said.person_at is not null then 'person'"
    " when began.state in ('waiting', 'draft', 'human') then 'nobody'"
    " when coalesce(a.level, 'answer') = 'answer' and a.id is not null and f.helpful is not false"
    " and (moved.silent_at is null or a.created_at > moved.silent_at) then 'ai' else 'nobody' end as who"
    " from began join said on said.id = began.id and said.messages > 0"
    " left join marked on marked.id = began.id left join moved on moved.id = began.id"
    " left join paid on paid.id = began.id"
    " left join message a on a.domain_id = :domain and a.conversation_id = began.id and a.seq = said.last_ai"
    " left join feedback f on f.domain_id = :domain and f.message_id = a.id) "
)
_ENDS = (
    " count(seconds) as count, percentile_cont(0.5) within group (order by seconds) as median,"
    " percentile_cont(0.95) within group (order by seconds) as p95"
)
_COUNTS = (
    " count(*) filter (where who = 'ai') as ai, count(*) filter (where who = 'person') as person,"
    " count(*) filter (where who = 'nobody') as nobody, sum(messages) as messages, sum(helpful) as helpful,"
    " sum(not_helpful) as not_helpful, sum(in_vain) as in_vain, sum(usd)::text as usd, sum(unpriced) as unpriced"
)


def _of_talks(rest: str) -> TextClause:
    return text(_TALKS + rest.replace("{ends}", _ENDS).replace("{counts}", _COUNTS))


# All of a report in one statement: the conversations are judged once. `here` are those of the channel that is shown.
_REPORT = _of_talks(
    ", here as (select * from talks where cast(:shown as text) is null or channel = :shown),"
    " words as materialized (select (t.record->>'first_ms')::numeric / 1000 as seconds, t.deployment, t.record"
    " from turn t join here on here.id = t.conversation_id where t.domain_id = :domain and t.state <> 'running'),"
    " spans as (select 'first_word' as span, seconds from words where deployment is not null union all"
    " select 'first_person', extract(epoch from person_at - coalesce(case when called_at <= person_at then called_at"
    " end, asked_at)) from here where person_at is not null union all"
    " select 'settled_' || who, extract(epoch from answered_at - asked_at) from here where who <> 'nobody'),"
    " times as (select span, {ends} from spans group by span),"
    " step as (select coalesce((select min(nice) from unnest(cast(:nice as float8[])) nice where nice * :steps >= p95),"
    " p95 / :steps) as width from times where span = 'first_word' and p95 is not null),"
    " sums as (select day, channel, {counts} from talks group by day, channel),"
    " spread as (select least(floor(seconds / width)::int, :last) as step, count(*) as count from words, step"
    " where deployment is not null and seconds is not null group by 1),"
    " answered as (select deployment as name, count(*) as answers, {ends}, coalesce(sum((record->>'input')::bigint), 0)"
    " as input, coalesce(sum((record->>'output')::bigint), 0) as output,"
    " coalesce(sum((record->>'usd')::numeric), 0)::text as usd,"
    " count(*) filter (where record ? 'usd' and record->>'usd' is null) as unpriced from words group by deployment"
    " order by answers desc, deployment)"
    " select (select coalesce(json_agg(sums), '[]') from sums) as sums,"
    " (select coalesce(json_agg(times), '[]') from times) as times, (select width from step) as width,"
    " (select coalesce(json_agg(spread), '[]') from spread) as spread,"
    " (select coalesce(json_agg(answered), '[]') from answered) as answered,"
    " (select count(*) from gap where domain_id = :domain and state = 'open') as gaps"
)
_SUMS = _of_talks("select {counts} from talks")
_LIST = _of_talks(
    "select id, day, channel, state, who, messages, helpful, not_helpful, in_vain, created_at from talks"
    " where (cast(:day as date) is null or day = :day) and (cast(:who as text) is null or who = :who)"
    " and (cast(:sign as text) is null or case :sign when 'helpful' then helpful when 'not_helpful' then not_helpful"
    " else in_vain end > 0) and (cast(:deployment as text) is null or exists (select from turn t"
    " where t.domain_id = :domain and t.conversation_id = talks.id and t.deployment = :deployment))"
    " and (cast(:after as uuid) is null or id < :after) order by id desc limit :limit"
)
_LINEAR = text("set local enable_nestloop = off")
"""Whoever has many conversations and no statistics yet, as right after an import, would wait for the square of them."""
_NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Figures:
    """Reads reports, and the conversations behind their rows."""

    def __init__(self, database: Database, catalog: Catalog, clock: Clock) -> None:
        self._database = database
        self._periods = Periods(catalog)
        self._clock = clock

    async def report(self, scope: Scope, days: int, zone: tzinfo, channel: str | None = None) -> Report:
        """The last `days` days, today among them, as days of `zone`; of one channel, or of all. Raises `Rejected` for
        more days than conversations are kept."""
        now, period = self._clock.now(), self._period(days, zone)
        values = {"shown": channel, "nice": list(_NICE), "steps": STEPS - 2, "last": STEPS - 1}
        async with self._database.session(scope, snapshot=True) as session:
            await (await session.connection()).execute(_LINEAR)
            (found,) = await _rows(session, _REPORT, _values(scope, period, None) | values)
            kept = (await self._periods.all(session, scope)).get("chat")
            before = None
            if kept is not None and period.before.since >= now - timedelta(days=kept):
                (row,) = await _rows(session, _SUMS, _values(scope, period.before, channel))
                before = _sums(row._mapping)
        by_day: dict[date, Sums] = {period.first + timedelta(days=n): Sums() for n in range(days)}
        by_channel: dict[str, Sums] = defaultdict(Sums)
        for row in found.sums:
            if channel in (None, row["channel"]):
                by_day[date.fromisoformat(row["day"])] += _sums(row)
                by_channel[row["channel"]] += _sums(row)
        times: dict[Span, Times] = {span: Times(0, None, None) for span in SPANS}
        counts = {row["step"]: row["count"] for row in found.spread}
        return Report(
            period=period,
            channel=channel,
            channels=sorted({row["channel"] for row in found.sums}),
            at=now,
            by_day=by_day,
            by_channel=dict(sorted(by_channel.items(), key=lambda one: (-one[1].conversations, one[0]))),
            before=before,
            times=times | {row["span"]: _times(row) for row in found.times},
            spread=Spread(found.width, [counts.get(step, 0) for step in range(STEPS)]) if counts else Spread(),
            deployments=[_deployment(row) for row in found.answered],
            open_gaps=found.gaps,
        )

    async def conversations(
        self, scope: Scope, wanted: Wanted, zone: tzinfo, *, after: UUID | None = None, limit: int = 50
    ) -> Sequence[Counted]:
        """The conversations behind a row, newest first, after the one with the id `after`."""
        values = {
            **_values(scope, self._period(wanted.days, zone), wanted.channel),
            "day": wanted.day,
            "who": wanted.who,
            "sign": wanted.sign,
            "deployment": wanted.deployment,
            "after": after,
            "limit": limit,
        }
        async with self._database.session(scope) as session:
            await (await session.connection()).execute(_LINEAR)
            return [Counted(**row._mapping) for row in await _rows(session, _LIST, values)]

    def _period(self, days: int, zone: tzinfo) -> Period:
        if not 1 <= days <= MOST_DAYS:
            raise Rejected(
                f"Conversations are kept for {MOST_DAYS} days; {days} cannot be counted.",
                code="bad_period",
                where="days",
                do=f"Ask for 1 to {MOST_DAYS} days.",
            )
        return Period.until(self._clock.now(), days, zone)


def _values(scope: Scope, period: Period, channel: str | None) -> dict[str, Any]:
    return {
        "domain": scope.domain_id,
        "since": period.since,
        "end": period.end,
        "zone": str(period.zone),
        "channel": channel,
    }


async def _rows(session: AsyncSession, statement: TextClause, values: dict[str, Any]) -> Sequence[Any]:
    return (await (await session.connection()).execute(statement, values)).all()


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(
        **{one.name: row[one.name] or 0 for one in fields(Sums) if one.name != "usd"}, usd=Decimal(row["usd"] or 0)
    )


def _times(row: Mapping[str, Any]) -> Times:
    return Times(row["count"], row["median"], row["p95"])


def _deployment(row: Mapping[str, Any]) -> DeploymentSums:
    given = {name: row[name] for name in ("name", "answers", "input", "output", "unpriced")}
    return DeploymentSums(**given, first=_times(row), usd=Decimal(row["usd"]))
