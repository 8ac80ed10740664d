"""Advertising accounts: campaigns with results, and reports that Meta makes in its own time."""

import json
from datetime import UTC, date, datetime, timedelta

from omniops.testing.upstream import Answer

ADS_SCOPES = ["ads_read"]
INSIGHT_FIELDS = {
    "account_currency", "account_id", "account_name", "actions", "campaign_id", "campaign_name", "clicks", "cpc", "cpm",
    "ctr", "date_start", "date_stop", "frequency", "impressions", "inline_link_clicks", "objective", "reach", "spend",
}  # fmt: skip
"""Of the published list, those that have no parameter of their own."""


class AdsGraph:
    """A mixin of `Meta`. `campaigns` holds rows by advertising account, campaign and day; `slow` is how often a report
    is looked at before it is ready."""

    def begin_ads(self):
        self.campaigns, self.runs, self.slow, self.ends = {}, {}, 0, "Job Completed"

    def spent(self, business, day, **values):
        """What a campaign brought on a day."""
        row = {
            "account_currency": "EUR",
            "campaign_id": "6001",
            "campaign_name": "Tents",
            "spend": "12.50",
            "impressions": "1000",
            "reach": "800",
            "clicks": "40",
            "actions": [{"action_type": "link_click", "value": "31"}],
            "date_start": str(day),
            "date_stop": str(day),
            **values,
        }
        self.campaigns[business.advertising, row["campaign_id"], day] = row

    def ads_call(self, method, node, edge, params, business, scopes):
        """Answers about the business's advertising account and its reports; None for every other."""
        if node not in (f"act_{business.advertising}", *self.runs):
            return None
        if "ads_read" not in scopes:
            return self.error(200, status=403)
        if node in self.runs:
            return self._run(method, node, edge, params)
        if (method, edge) == ("GET", ""):
            return self._fields(params, {"id": node, "name": "Corner Shop ads", "account_id": business.advertising})
        if (method, edge) != ("POST", "insights"):
            return self._wrong(f"{method} account/{edge}")
        if set(params) - {"level", "time_increment", "fields", "time_range"} or params["level"] != "campaign":
            return self._wrong(f"insights {params}")
        asked, span = params["fields"].split(","), json.loads(params["time_range"])
        if set(asked) - INSIGHT_FIELDS or params["time_increment"] != "1" or set(span) != {"since", "until"}:
            return self._wrong(f"insights {params}")
        run = str(6_000_000_000_000 + len(self.runs))
        since, until = (date.fromisoformat(span[name]) for name in ("since", "until"))
        if until > datetime.fromtimestamp(self.now(), UTC).date() or since > until:
            return self.error(100)
        self.runs[run] = {"business": business, "days": (since, until), "asked": asked, "looks": 0}
        return Answer.json({"report_run_id": run})

    def _run(self, method, node, edge, params):
        run = self.runs[node]
        ready = run["looks"] >= self.slow
        if (method, edge) == ("GET", ""):
            run["looks"] += 1
            state = self.ends if ready else "Job Running"
            known = {"id": node, "async_status": state, "async_percent_completion": 100 if ready else 30}
            return self._fields(params, known)
        if (method, edge) != ("GET", "insights") or not ready:
            return self._wrong(f"{method} run/{edge}")
        since, until = run["days"]
        days = {since + timedelta(days=number) for number in range((until - since).days + 1)}
        found = [
            {name: value for name, value in row.items() if name in run["asked"] or name not in INSIGHT_FIELDS}
            for (account, _, day), row in sorted(self.campaigns.items())
            if account == run["business"].advertising and day in days
        ]
        return self._list(params, found)
