"""When a page is visited again, learnt from what its visits found. Pure functions.

The rule: the second visit comes a day after the first. A visit that finds something new halves the page's interval; one
that finds nothing new, at the end of the interval, makes it half as long again; one that came early and finds nothing
new teaches nothing. An interval is never shorter than an hour and never longer than the domain's ceiling, at most 30
days. A sitemap or feed that says that a page changed since its last visit makes it due at once; once it said so
wrongly, it is not believed for that page again until a visit of its own finds something new. Sitemaps and feeds are
looked at by the same rule, at least once a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

LEAST = timedelta(hours=1)
LOOK_AT_LEAST = timedelta(days=1)
TICK = timedelta(minutes=5)
"""How often due visits are queued. What falls due before the next tick is visited by this one, so that no page waits
longer than its interval."""
AGAIN = timedelta(hours=6)
"""After which a page that failed is tried again, unless its interval is shorter."""
_WHOLE = 0.9
"""Share of an interval from which it counts as waited for: a tick is early by some minutes."""


def learnt(interval: timedelta, *, changed: bool, waited: timedelta, ceiling: timedelta) -> timedelta:
    """The next interval, after a visit that came `waited` after the one before."""
    if changed:
        interval /= 2
    elif waited >= _WHOLE * interval:
        interval *= 1.5
    return max(LEAST, min(interval, ceiling))


def next_visit(state: str, now: datetime, interval: timedelta, retry_after: float | None) -> datetime | None:
    """When a page in this state is due again; None for what is gone, until somebody links to it. A failure shortens the
    wait, but a site that said when to come back (seconds) is not asked before."""
    if state == "gone":
        return None
    due = now + (min(interval, AGAIN) if state == "failed" else interval)
    return max(due, now + timedelta(seconds=retry_after)) if retry_after else due
