"""Cuts `graph_facts.json` out of what Microsoft publishes: calls, their query parameters, types and their properties.

Graph's own descriptions are tens of megabytes. Microsoft generates its client library `msgraph-sdk` from them, so the
facts are read out of that library's wheel, as text; nothing of it is installed, run or kept. The permissions stand in
the tables of the reference (learn.microsoft.com/graph/api), one page for each call; they are entered below by hand.

    python -m pip download --no-deps msgraph-sdk==1.65.0
    python plugins/omniops-microsoft/tests/cut_facts.py msgraph_sdk-1.65.0-py3-none-any.whl 2026-11-30
"""

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

GENERATED = "msgraph/generated/"
CALLS = {
    "subscriptions/subscriptions": {"get": "Mail.Read", "post": "Mail.Read ChannelMessage.Read.All"},
    "subscriptions/item/subscription_item": {"patch": "Mail.Read", "delete": "Mail.Read"},
    "users/item/user_item": {"get": "User.Read"},
    "users/item/joined_teams/joined_teams": {"get": "Team.ReadBasic.All"},
    "users/item/mail_folders/mail_folders": {"get": "Mail.Read"},
    "users/item/mail_folders/item/mail_folder_item": {"get": "Mail.Read"},
    "users/item/mail_folders/item/messages/messages": {"get": "Mail.Read"},
    "users/item/mail_folders/item/messages/delta/delta": {"get": "Mail.Read"},
    "users/item/messages/item/message_item": {"get": "Mail.Read"},
    "users/item/messages/item/reply/reply": {"post": "Mail.Send"},
    "users/item/messages/item/value/content": {"get": "Mail.Read"},
    "users/item/messages/item/attachments/attachments": {"get": "Mail.Read"},
    "users/item/calendar/get_schedule/get_schedule": {"post": "Calendars.ReadBasic Calendars.ReadWrite"},
    "users/item/events/events": {"get": "Calendars.ReadWrite", "post": "Calendars.ReadWrite"},
    "users/item/events/item/event_item": {
        "get": "Calendars.ReadBasic Calendars.ReadWrite",
        "delete": "Calendars.ReadWrite",
    },
    "teams/item/channels/channels": {"get": "Channel.ReadBasic.All"},
    "teams/item/channels/item/channel_item": {"get": "Channel.ReadBasic.All"},
    "teams/item/channels/item/messages/messages": {"get": "ChannelMessage.Read.All", "post": "ChannelMessage.Send"},
    "teams/item/channels/item/messages/item/soft_delete/soft_delete": {"post": "ChannelMessage.ReadWrite"},
    "teams/item/channels/item/messages/item/replies/replies": {
        "get": "ChannelMessage.Read.All",
        "post": "ChannelMessage.Send",
    },
    "teams/item/channels/item/messages/item/replies/item/chat_message_item": {"get": "ChannelMessage.Read.All"},
    "teams/item/channels/item/messages/item/replies/item/soft_delete/soft_delete": {"post": "ChannelMessage.ReadWrite"},
}
"""Request builders of the calls that the plugin makes, and the delegated permission of each, from its page."""
BY_HAND = {"GET /users/{}/messages/{}/attachments/{}/$value": "Mail.Read"}
"""Calls that the library has no builder for, from their pages (learn.microsoft.com/graph/api/attachment-get)."""
TYPES = (
    "Message",
    "MailFolder",
    "Subscription",
    "User",
    "Team",
    "Channel",
    "ChatMessage",
    "TeamworkUserIdentity",
    "Event",
    "ScheduleInformation",
    "FileAttachment",
)
"""Where to begin; what these hold is followed."""
LEAVES = frozenset({"Extension", "ProfilePhoto", "Site", "Drive", "OnlineMeeting", "Call"})
_TEMPLATE = re.compile(r'__init__\(request_adapter, "\{\+baseurl\}([^"{?]*(?:\{[^?}]+\}[^"{?]*)*)(?:\{\?([^}]*)\})?"')
_FIELD = re.compile(r'^            "([^"]+)": lambda n : setattr\(self, \'\w+\', n\.get_(\w+)\((\w*)\)\)', re.M)
_BODY = re.compile(r"async def (get|post|patch|delete)\(self,(?:body: (\w+))?")


def main(wheel, day):
    content = Path(wheel).read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        calls, bodies = _calls(archive)
        types = _types(archive, [*TYPES, *bodies])
    facts = {
        "source": Path(wheel).name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "cut": day,
        "calls": calls,
        "types": types,
    }
    place = Path(__file__).with_name("graph_facts.json")
    place.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _calls(archive):
    calls, bodies = {}, {}
    for builder, methods in CALLS.items():
        source = archive.read(f"{GENERATED}{builder}_request_builder.py").decode()
        found = _TEMPLATE.search(source)
        path = re.sub(r"\{[^}]+\}", "{}", found[1].replace("%2D", "-")).removesuffix("()")
        query = sorted(name.replace("%24", "$").rstrip("*") for name in (found[2] or "").split(",") if name)
        takes = dict(_BODY.findall(source))
        for method, permission in methods.items():
            body = takes[method]
            if body.endswith("RequestBody"):
                bodies[body] = f"{builder.rpartition('/')[0]}/{_snake(body)}"
            options = query if method == "get" else []
            calls[f"{method.upper()} {path}"] = {"query": options, "body": body, "permissions": permission.split()}
    for call, permission in BY_HAND.items():
        calls[call] = {"query": [], "body": "", "permissions": [permission]}
    return calls, bodies.items()


def _types(archive, wanted):
    types, waiting = {}, list(wanted)
    while waiting:
        one = waiting.pop()
        name, place = one if isinstance(one, tuple) else (one, f"models/{_snake(one)}")
        if name in types or name in LEAVES:
            continue
        source = archive.read(f"{GENERATED}{place}.py").decode()
        base = re.search(rf"class {name}\((\w+), Parsable", source)
        fields = {}
        for field, kind, of in _FIELD.findall(source):
            fields[field[0].lower() + field[1:]] = f"{kind}:{of}" if of else kind
            if of and kind.startswith(("object", "collection_of_object")) and name in _FOLLOWED:
                waiting.append(of)
        types[name] = {"base": base[1] if base and base[1] not in _NO_BASE else "", "fields": fields}
        if types[name]["base"]:
            waiting.append(types[name]["base"])
    return types


_NO_BASE = frozenset({"AdditionalDataHolder", "BackedModel"})
_FOLLOWED = frozenset(
    {
        "Message",
        "Recipient",
        "ReplyPostRequestBody",
        "ChatMessage",
        "ChatMessageFromIdentitySet",
        "IdentitySet",
        "Event",
        "Attendee",
        "GetSchedulePostRequestBody",
        "ScheduleInformation",
        "WorkingHours",
    }
)


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


if __name__ == "__main__":
    main(*sys.argv[1:])
