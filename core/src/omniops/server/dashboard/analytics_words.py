"""The findings that stand over charts, in words, and the charts themselves: both from one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from omniops.analytics.report import Period, Report, Sums
from omniops.web.charts import Pair, Pile, pairs_svg, piles_svg, spread_svg
from omniops.web.findings import FEW, seconds, share

WORDS = 5
"""About so many words stand below a chart."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the page says, and what it draws for it."""

    settled: str
    first_word: str
    channels: str
    by_day: Markup
    spread: Markup
    by_channel: Markup


def findings(report: Report, titles: Mapping[str, str]) -> Findings:
    """Sentences and charts of a report; `titles` are what channels are called."""
    settled, first, channels = _settled(report), _first_word(report), _channels(report, titles)
    return Findings(
        settled=settled,
        first_word=first,
        channels=channels,
        by_day=piles_svg(_piles(report), f"Conversations by day. {settled}"),
        spread=spread_svg(*_spread(report), f"Time to the first word. {first}"),
        by_channel=pairs_svg(
            [
                Pair(titles.get(name, name), sums.ai / sums.conversations, sums.person / sums.conversations)
                for name, sums in report.by_channel.items()
            ],
            f"Share that the AI settled alone, and that people settled, by channel. {channels}",
        ),
    )


def day(value: date) -> str:
    return f"{value.day} {value:%b}"


def span(period: Period) -> str:
    """The days of a period: "26 Oct – 22 Nov"."""
    return f"{day(period.first)} – {day(period.last)}"


def of(part: int, whole: int, noun: str) -> str:
    """A share with its noun."""
    said = share(part, whole)
    if whole < FEW or " in " in said:
        return f"{said} {noun}"
    return f"all {whole:,} {noun}" if part == whole else f"{said} of the {noun}"


def _settled(report: Report) -> str:
    now, before, days = report.total, report.before, report.period.days
    said = f"The AI settled {of(now.ai, now.conversations, 'conversations')} without a person"
    if before is None or min(before.conversations, now.conversations) < FEW:
        return f"{said}."
    earlier = share(before.ai, before.conversations)
    if earlier == share(now.ai, now.conversations):
        return f"{said}, as in the {days} days before."
    return f"{said}; in the {days} days before it was {earlier}."


def _first_word(report: Report) -> str:
    times = report.times["first_word"]
    if not times.count:
        return "The AI gave no answer."
    if times.count < FEW:
        return f"Of {times.count} answers, half began within {seconds(times.median)}."
    return f"Half of all answers begin within {seconds(times.median)}, 19 in 20 within {seconds(times.p95)}."


def _channels(report: Report, titles: Mapping[str, str]) -> str:
    if len(report.by_channel) == 1:
        (name,) = report.by_channel
        return f"All of them came through {titles.get(name, name)}."

    def settled(name: str) -> float:
        sums = report.by_channel[name]
        return sums.ai / sums.conversations

    best, worst = max(report.by_channel, key=settled), min(report.by_channel, key=settled)
    if settled(best) == settled(worst):
        return "The AI settles every channel alike."
    return f"{titles.get(best, best)} is settled best, {titles.get(worst, worst)} needs people most."


def _piles(report: Report) -> list[Pile]:
    every = max(1, round(len(report.by_day) / WORDS))
    return [
        Pile(_parts(sums), day(on) if number % every == 0 and number + every / 2 < len(report.by_day) else "")
        for number, (on, sums) in enumerate(report.by_day.items())
    ]


def _parts(sums: Sums) -> Sequence[tuple[str, int]]:
    return ("ai", sums.ai), ("person", sums.person), ("unsettled", sums.nobody)


def _spread(report: Report) -> tuple[Sequence[int], Sequence[tuple[float, str]], Sequence[str]]:
    spread, times = report.spread, report.times["first_word"]
    if times.median is None or times.p95 is None:
        return (), (), ()
    marks = [
        (times.median / spread.width, f"half: {seconds(times.median)}"),
        (times.p95 / spread.width, f"19 in 20: {seconds(times.p95)}"),
    ]
    words = [seconds(step * spread.width) if step % 5 == 0 else "" for step in range(len(spread.counts))]
    return spread.counts, marks, ["0", *words[1:]]


def worst(report: Report) -> str | None:
    """The channel in which most was left unsettled, where there is another to compare it with."""
    if len(report.by_channel) < 2 or not report.total.nobody:
        return None
    return max(
        report.by_channel, key=lambda name: report.by_channel[name].nobody / report.by_channel[name].conversations
    )
