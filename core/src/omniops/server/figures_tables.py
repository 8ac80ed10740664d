"""The tables of a report, as a spreadsheet opens them: the same rows as on the page and in the API."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from fastapi import Response

from omniops.analytics.report import Report, Sums
from omniops.privacy.persons.encoding import cell

Table = Literal["days", "channels", "times", "deployments"]
_COUNTS = (
    "conversations", "ai_alone", "person", "nobody", "messages", "helpful", "not_helpful", "in_vain", "usd",
    "unpriced_answers",
)  # fmt: skip


def _counts(sums: Sums) -> list[Any]:
    return [
        sums.conversations, sums.ai, sums.person, sums.nobody, sums.messages, sums.helpful, sums.not_helpful,
        sums.in_vain, sums.usd, sums.unpriced,
    ]  # fmt: skip


def _days(report: Report) -> list[list[Any]]:
    return [["day", *_COUNTS], *([day, *_counts(sums)] for day, sums in report.by_day.items())]


def _channels(report: Report) -> list[list[Any]]:
    return [["channel", *_COUNTS], *([name, *_counts(sums)] for name, sums in report.by_channel.items())]


def _times(report: Report) -> list[list[Any]]:
    heads = ["span", "count", "median_seconds", "p95_seconds"]
    return [heads, *([span, one.count, one.median, one.p95] for span, one in report.times.items())]


def _deployments(report: Report) -> list[list[Any]]:
    heads = ["deployment", "answers", "first_word_median_seconds", "first_word_p95_seconds", "input_tokens"]
    heads += ["output_tokens", "usd", "unpriced_answers"]
    return [
        heads,
        *(
            [one.name, one.answers, one.first.median, one.first.p95, one.input, one.output, one.usd, one.unpriced]
            for one in report.deployments
        ),
    ]


_TABLES: dict[Table, Callable[[Report], list[list[Any]]]] = {
    "days": _days, "channels": _channels, "times": _times, "deployments": _deployments,
}  # fmt: skip


def csv_answer(report: Report, table: Table) -> Response:
    """A table as a file to keep. No cell of it begins a formula."""
    name = f"{table}-{report.period.first}-{report.period.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(_written(_TABLES[table](report)), media_type="text/csv; charset=utf-8", headers=headers)


def _written(rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([cell(_plain(value)) for value in row] for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    return f"{value}" if isinstance(value, date | Decimal) else value
