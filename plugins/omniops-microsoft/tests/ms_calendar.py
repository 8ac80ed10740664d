"""A calendar of the double: what is busy, seen piece by piece, and entries with invitations. It speaks UTC."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ms_outlook import MARK, refuse


class Calendar:
    """One account's calendar. `busy` are beginnings and ends of what others entered."""

    def __init__(self):
        self.busy, self.events, self.deleted = [], [], []

    def answer(self, call, account, parts, query, body, graph):
        if call.endswith("/getSchedule"):
            return {"value": [self._schedule(account, body)]}
        if call == "GET /users/{}/events":
            found = MARK.fullmatch(query.get("$filter", ""))
            if found is None:
                graph.wrong.append(f"events: {query}")
                refuse(400, "ErrorInvalidUrlQueryFilter")
            wanted = {"id": found["id"], "value": found["value"]}
            rows = [one for one in self.events if wanted in one["singleValueExtendedProperties"]]
            return {"value": [{"id": one["id"]} for one in rows]}
        if call.startswith("POST"):
            known = [one for one in self.events if one["transactionId"] == body["transactionId"]]
            made = known[0] if known else {**body, "id": f"AAkA{uuid4().hex}="}
            self.events += [] if known else [made]
            return _shown(made, ("subject", "start", "end", "attendees", "transactionId"))
        found = [one for one in self.events if one["id"] == parts[0]]
        if not found:
            refuse(404, "ErrorItemNotFound")
        if call.startswith("GET"):
            return _shown(found[0], query["$select"].split(","))
        self.events.remove(found[0])
        self.deleted.append(found[0])
        return None

    def _schedule(self, account, body):
        if body["schedules"] != [account.address]:
            return {"scheduleId": body["schedules"][0], "error": {"message": "no", "responseCode": "ErrorNoFreeBusy"}}
        zones = {body[name]["timeZone"] for name in ("startTime", "endTime")}
        if zones != {"UTC"} or not 5 <= body["availabilityViewInterval"] <= 1440:
            refuse(400, "ErrorInvalidTimeZone")
        begin, end = (_moment(body[name]) for name in ("startTime", "endTime"))
        if end - begin > timedelta(days=62):
            refuse(400, "ErrorTimeIntervalTooBig")
        step = timedelta(minutes=body["availabilityViewInterval"])
        view = ""
        while begin < end:
            view += "2" if any(a < begin + step and b > begin for a, b in self._taken()) else "0"
            begin += step
        subjects = [{"subject": "A Canary at the doctor", "status": "busy"}] if self.busy else []
        return {"scheduleId": account.address, "availabilityView": view, "scheduleItems": subjects}

    def _taken(self):
        return [*self.busy, *((_moment(one["start"]), _moment(one["end"])) for one in self.events)]


def _moment(said):
    assert said["timeZone"] == "UTC", said
    return datetime.fromisoformat(said["dateTime"]).replace(tzinfo=UTC)


def _shown(event, names):
    """An entry as Graph tells it: moments have seven digits behind the second."""
    told = {name: event[name] for name in names if name in event} | {"id": event["id"]}
    for name in {"start", "end"} & set(told):
        told[name] = {**told[name], "dateTime": f"{told[name]['dateTime']}.0000000"}
    return told
