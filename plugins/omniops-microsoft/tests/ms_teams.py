"""Teams of the double: channels, threads, authors of all kinds, messages that are taken back."""

import itertools
from collections import defaultdict
from uuid import uuid4

_numbers = itertools.count(1_700_000_000_000)


class Teams:
    """The teams that one account is in."""

    def __init__(self):
        self.all, self.messages = {}, defaultdict(list)

    def channel(self, name, *, team="Corner Shop", membership="standard"):
        """A new channel in a new team. Gives it as the plugin names it."""
        key, channel = str(uuid4()), f"19:{uuid4().hex}@thread.tacv2"
        self.all[key] = {"name": team, "channels": {channel: (name, membership)}}
        return f"{key}/{channel}"

    def write(self, channel, html, root=None, *, user=None, kind="aadUser", **more):
        """Somebody writes, in a thread or anew. Gives the message."""
        author = {"id": user or str(uuid4()), "displayName": "Ben", "userIdentityType": kind}
        at = self.now().isoformat().replace("+00:00", "Z")
        made = {
            "id": str(next(_numbers)), "replyToId": root, "messageType": "message", "createdDateTime": at,
            "lastModifiedDateTime": at, "deletedDateTime": None, "from": {"user": author, "application": None},
            "body": {"contentType": "html", "content": html}, "attachments": [], "mentions": [], "reactions": [],
            "etag": uuid4().hex, "importance": "normal", "locale": "en-us", "webUrl": "https://teams.microsoft.com/",
            **more,
        }  # fmt: skip
        self.messages[channel].append(made)
        team, _, inner = channel.partition("/")
        self.told(team, inner, root, made["id"])
        return made

    def thread(self, channel, root):
        """What stands in a thread now, its first message first, as its text."""
        rows = [m for m in self.messages[channel] if root in (m["id"], m["replyToId"]) and not m["deletedDateTime"]]
        return [row["body"]["content"] for row in rows]

    def roots(self, channel):
        return [m for m in self.messages[channel] if m["replyToId"] is None and not m["deletedDateTime"]]

    def answer(self, call, account, parts, query, body, graph):
        from ms_outlook import refuse

        team = self.all.get(parts[0])
        if team is None:
            refuse(404, "NotFound")
        shown = [
            {"id": key, "displayName": name, "membershipType": kind} for key, (name, kind) in team["channels"].items()
        ]
        if call.endswith("/channels"):
            return graph.paged(shown, query, f"/teams/{parts[0]}/channels")
        if parts[1] not in team["channels"]:
            refuse(404, "NotFound")
        if call == "GET /teams/{}/channels/{}":
            (one,) = (row for row in shown if row["id"] == parts[1])
            return {"id": one["id"], "displayName": one["displayName"]}
        channel, inner = f"{parts[0]}/{parts[1]}", parts[2:]
        rows = self.messages[channel]
        if int(query.get("$top", "20")) > 50:
            refuse(400, "BadRequest")
        if inner and not any(m["id"] == inner[0] and m["replyToId"] is None for m in rows):
            refuse(404, "NotFound")
        if call.startswith("POST") and not call.endswith("/softDelete"):
            assert set(body) == {"body"}, "only the body of a message is set"
            return self.write(channel, body["body"]["content"], inner[0] if inner else None, user=account.id)
        if call.endswith(("/messages", "/replies")):
            root = inner[0] if inner else None
            found = [m for m in rows if m["replyToId"] == root][::-1]
            at = f"/teams/{parts[0]}/channels/{parts[1]}/messages"
            return graph.paged(found, query, f"{at}/{root}/replies" if root else at)
        (found,) = [m for m in rows if m["id"] == inner[-1]] or [None]
        if found is None:
            refuse(404, "NotFound")
        if not call.endswith("/softDelete"):
            return found
        if found["from"]["user"]["id"] != account.id:
            refuse(403, "Forbidden")
        found["deletedDateTime"] = self.now().isoformat()
        found["body"] = {"contentType": "html", "content": ""}
        return None
