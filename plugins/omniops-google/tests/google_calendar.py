"""The calendar of the double: entries with revisions, sync tokens that grow too old, push channels."""

from datetime import UTC, datetime
from uuid import uuid4

from google_refusing import refuse

WEEK = 7 * 86400


def moment(said):
    return datetime.fromisoformat(said)


class Calendars:
    """A part of `Google`."""

    def enter(self, account, start, end, calendar="primary", **more):
        """Somebody enters something by hand. Gives its id."""
        made = {
            "id": uuid4().hex,
            "status": "confirmed",
            "summary": "A Canary at the doctor",
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": end.isoformat()},
            **more,
        }
        self._keep(account, calendar, made)
        return made["id"]

    def move(self, account, event, start, end, calendar="primary"):
        found = account.calendars[calendar][event]
        spans = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        self._keep(account, calendar, found | spans)

    def cancel(self, account, event, calendar="primary"):
        self._keep(account, calendar, {"id": event, "status": "cancelled"})

    def live(self, account, calendar="primary"):
        return [one for one in account.calendars[calendar].values() if one["status"] != "cancelled"]

    def notices(self, account, state="exists"):
        """What Google now sends to each channel of an account: address and headers; the body is empty."""
        for one in [one for one in self.channels.values() if one["account"] is account]:
            one["number"] += 1
            yield (
                one["address"],
                {
                    "X-Goog-Channel-ID": one["id"],
                    "X-Goog-Channel-Token": one["token"],
                    "X-Goog-Resource-ID": one["resourceId"],
                    "X-Goog-Resource-URI": "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json",
                    "X-Goog-Resource-State": state,
                    "X-Goog-Message-Number": str(one["number"]),
                },
            )

    def _keep(self, account, calendar, event):
        account.rev += 1
        account.calendars[calendar][event["id"]] = event | {"sequence": account.rev, "etag": f'"{account.rev}"'}

    def _calendar(self, account, given):
        if given["calendarId"] not in account.calendars:
            refuse(404, "notFound")
        return account.calendars[given["calendarId"]]

    def _calendar_freebusy_query(self, account, given, body):
        begin, end = moment(body["timeMin"]), moment(body["timeMax"])
        assert begin.tzinfo is not None, "timeMin needs its offset"
        found = {}
        for asked in body["items"]:
            if asked["id"] not in account.calendars:
                found[asked["id"]] = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
                continue
            spans = [
                (moment(e["start"]["dateTime"]), moment(e["end"]["dateTime"])) for e in self.live(account, asked["id"])
            ]
            met = sorted((s, e) for s, e in spans if s < end and e > begin)
            found[asked["id"]] = {"busy": [{"start": _z(max(s, begin)), "end": _z(min(e, end))} for s, e in met]}
        return {"kind": "calendar#freeBusy", "timeMin": body["timeMin"], "timeMax": body["timeMax"], "calendars": found}

    def _calendar_events_insert(self, account, given, body):
        events = self._calendar(account, given)
        if body.get("id") in events:
            refuse(409, "duplicate")
        assert set(body["id"]) <= set("0123456789abcdefghijklmnopqrstuv"), "ids are of base32hex"
        assert 5 <= len(body["id"]) <= 1024
        self._keep(account, given["calendarId"], {"status": "confirmed", **body})
        if given.get("sendUpdates") == "all":
            self.invited += [one["email"] for one in body.get("attendees", ())]
        return account.calendars[given["calendarId"]][body["id"]]

    def _calendar_events_get(self, account, given, body):
        return self._calendar(account, given).get(given["eventId"]) or refuse(404, "notFound")

    def _calendar_events_delete(self, account, given, body):
        found = self._calendar(account, given).get(given["eventId"])
        if found is None or found["status"] == "cancelled":
            refuse(410 if found else 404, "deleted" if found else "notFound")
        self.cancel(account, given["eventId"], given["calendarId"])

    def _calendar_events_list(self, account, given, body):
        events = self._calendar(account, given)
        after = None
        if "syncToken" in given:
            assert not {"timeMin", "timeMax", "q", "orderBy", "updatedMin"} & set(given), "not with a sync token"
            if self.too_old:
                self.too_old = False
                refuse(410, "fullSyncRequired")
            after = int(given["syncToken"].removeprefix("sync-"))
        found = sorted(events.values(), key=lambda one: one["sequence"])
        if after is not None:
            found = [one for one in found if one["sequence"] > after]
        else:
            found = [one for one in found if one["status"] != "cancelled"]
            found = [one for one in found if moment(one["end"]["dateTime"]) > moment(given["timeMin"])]
        size = min(int(given.get("maxResults", 250)), self.page)
        start = int(given.get("pageToken", "page-0").removeprefix("page-"))
        said = {"kind": "calendar#events", "summary": "Canary's calendar", "items": found[start : start + size]}
        if start + size < len(found):
            return said | {"nextPageToken": f"page-{start + size}"}
        return said | {"nextSyncToken": f"sync-{account.rev}"}

    def _calendar_events_watch(self, account, given, body):
        self._calendar(account, given)
        if body["type"] != "web_hook" or not body["address"].startswith("https://"):
            refuse(400, "webhookUrlNotHttps")
        if body["id"] in self.channels:
            refuse(400, "channelIdNotUnique")
        life = min(int(body.get("params", {}).get("ttl", WEEK)), WEEK)
        ends = str(int((self.now() + life) * 1000))
        made = {"id": body["id"], "token": body["token"], "address": body["address"], "resourceId": uuid4().hex}
        self.channels[body["id"]] = made | {"account": account, "number": 0}
        return {"kind": "api#channel", **made, "expiration": ends}

    def _calendar_channels_stop(self, account, given, body):
        known = self.channels.get(body["id"])
        if known is None or known["resourceId"] != body["resourceId"]:
            refuse(404, "notFound")
        del self.channels[body["id"]]


def _z(at):
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
