"""The mailboxes of the double: labels, threads, a history that grows too old, a watch that tells Pub/Sub."""

import base64
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import uuid4

from google_refusing import refuse

WEEK = 7 * 86400
LONG_TEXT = 20_000
"""Bytes of a text that still come with its mail. Gmail says only that some do not."""
MOST_SENT = 5 * 2**20
"""Bytes of a call that carries a mail in its JSON; more is to be uploaded."""
BOTH = ("INBOX", "Label_7")
_TYPES = {"messageAdded": "messagesAdded", "labelAdded": "labelsAdded"}


def b64(data):
    return base64.urlsafe_b64encode(data).decode()


def _numbered(part, number):
    """The parts as Gmail numbers them: the mail itself has no number, then `0`, `1`, `1.0`…"""
    yield number, part
    if part.is_multipart():
        for place, one in enumerate(part.get_payload()):
            yield from _numbered(one, f"{number}.{place}".removeprefix("."))


def _headers(part, wanted=None):
    known = {one.lower() for one in wanted} if wanted is not None else None
    return [{"name": n, "value": str(v)} for n, v in part.items() if known is None or n.lower() in known]


def _part(part, number):
    """A `MessagePart`: what has a file name lies apart, and texts that are long do."""
    said = {
        "partId": number,
        "mimeType": part.get_content_type(),
        "filename": part.get_filename() or "",
        "headers": _headers(part),
    }
    if part.is_multipart():
        inner = [_part(one, f"{number}.{place}".removeprefix(".")) for place, one in enumerate(part.get_payload())]
        return said | {"body": {"size": 0}, "parts": inner}
    content = part.get_payload(decode=True)
    if part.get_filename() or len(content) > LONG_TEXT:
        return said | {"body": {"attachmentId": f"ANGjdJ{number}-{uuid4().hex}", "size": len(content)}}
    return said | {"body": {"size": len(content), "data": b64(content)}}


class Mailboxes:
    """A part of `Google`."""

    def write(
        self,
        account,
        text,
        *,
        sender="ann@visitor.example",
        to=None,
        labels=("INBOX", "Label_7"),
        thread=None,
        files=(),
        **more,
    ):
        """A mail comes in, or somebody of the business writes one. `files` are (name, type, bytes). Gives what Gmail
        keeps of it."""
        message = EmailMessage()
        message["From"] = f"A Canary <{sender}>"
        message["To"] = to or account.email
        message["Subject"] = "Where is my parcel?"
        message["Message-ID"] = f"<{uuid4().hex}@visitor.example>"
        message["X-Canary"] = "Canary Street"
        for name, value in more.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        for name, kind, content in files:
            main, _, sub = kind.partition("/")
            message.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return self._keep_mail(account, message.as_bytes(policy=policy.SMTP), list(labels), thread)

    def label(self, account, number, label):
        account.messages[number]["labelIds"].append(label)
        self._told(account, "labelsAdded", account.messages[number], labelIds=[label])

    def delete(self, account, number):
        del account.messages[number]

    def mails(self, account, label):
        """The parsed mails with a label, oldest first."""
        found = [one for one in account.messages.values() if label in one["labelIds"]]
        return [message_from_bytes(base64.urlsafe_b64decode(one["raw"]), policy=policy.default) for one in found]

    def push(self, account, *, audience, account_of, number=None, at=None, **claims):
        """What Pub/Sub sends now: headers and body. `claims` are other ones than the right ones."""
        now = int(at or self.now())
        token = self.signed(
            {"iss": "https://accounts.google.com", "aud": audience, "azp": "1", "sub": "1", "email": account_of,
             "email_verified": True, "iat": now, "exp": now + 3600} | claims
        )  # fmt: skip
        data = {"emailAddress": account.email, "historyId": int(account.history[-1]["id"])}
        number = number or str(uuid4().int)[:16]
        message = {
            "data": base64.b64encode(json.dumps(data).encode()).decode(),
            "messageId": number, "message_id": number,
            "publishTime": "2026-12-01T09:00:00.1Z", "publish_time": "2026-12-01T09:00:00.1Z",
        }  # fmt: skip
        body = json.dumps({"message": message, "subscription": "projects/omniops-test/subscriptions/mail"}).encode()
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, body

    def _keep_mail(self, account, raw, labels, thread):
        number = uuid4().hex[:16]
        made = {
            "id": number,
            "threadId": thread or number,
            "labelIds": labels,
            "snippet": "Canary snippet",
            "internalDate": str(int(self.now() * 1000)),
            "sizeEstimate": len(raw),
            "raw": b64(raw),
        }
        account.messages[number] = made
        self._told(account, "messagesAdded", made)
        return made

    def _told(self, account, kind, message, **more):
        short = {name: message[name] for name in ("id", "threadId")} | {"labelIds": list(message["labelIds"])}
        number = str(int(account.history[-1]["id"]) + 7)
        account.history.append({"id": number, "messages": [short], kind: [{"message": short} | more]})

    def _mail(self, account, given):
        return account.messages.get(given["id"]) or refuse(404, "notFound")

    def _gmail_users_getProfile(self, account, given, body):
        return {"emailAddress": account.email, "historyId": account.history[-1]["id"], "messagesTotal": 7}

    def _gmail_users_labels_list(self, account, given, body):
        kind = {True: "system", False: "user"}
        listed = [{"id": k, "name": n, "type": kind[k in ("INBOX", "SENT")]} for k, n in account.labels.items()]
        return {"labels": listed}

    def _gmail_users_watch(self, account, given, body):
        assert body["topicName"].startswith("projects/")
        assert set(body["labelIds"]) <= set(account.labels), "a label that is there"
        account.watch = body
        return {"historyId": account.history[-1]["id"], "expiration": str(int((self.now() + WEEK) * 1000))}

    def _gmail_users_stop(self, account, given, body):
        account.watch = None

    def _gmail_users_history_list(self, account, given, body):
        if self.too_old_mail:
            self.too_old_mail = False
            refuse(404, "notFound")
        types = given["historyTypes"]
        kinds = {_TYPES[one] for one in ([types] if isinstance(types, str) else types)}
        found = [
            one for one in account.history[1:] if int(one["id"]) > int(given["startHistoryId"]) and kinds & set(one)
        ]
        start = int(given.get("pageToken", "0"))
        said = {"history": found[start : start + self.page], "historyId": account.history[-1]["id"]}
        return said | ({"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {})

    def _gmail_users_messages_list(self, account, given, body):
        after = int(given["q"].removeprefix("after:"))
        found = [
            {"id": one["id"], "threadId": one["threadId"]}
            for one in reversed(account.messages.values())
            if given["labelIds"] in one["labelIds"] and int(one["internalDate"]) >= after * 1000
        ]
        start = int(given.get("pageToken", "0"))
        said = {"messages": found[start : start + self.page], "resultSizeEstimate": len(found)}
        return said | ({"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {})

    def _gmail_users_messages_get(self, account, given, body):
        found, form = self._mail(account, given), given.get("format", "full")
        if form == "raw":
            return found
        shown = {k: v for k, v in found.items() if k != "raw"}
        if form == "minimal":
            return shown
        message = message_from_bytes(base64.urlsafe_b64decode(found["raw"]), policy=policy.default)
        if form == "full":
            return shown | {"payload": _part(message, "")}
        wanted = given["metadataHeaders"]
        return shown | {"payload": {"headers": _headers(message, [wanted] if isinstance(wanted, str) else wanted)}}

    def _gmail_users_messages_attachments_get(self, account, given, body):
        """A file by an id that Gmail gave with its mail: each look into the mail gives another."""
        raw = self._mail(account, {"id": given["messageId"]})["raw"]
        number, _, salt = given["id"].partition("-")
        assert salt, "an id that was given"
        parts = dict(_numbered(message_from_bytes(base64.urlsafe_b64decode(raw), policy=policy.default), ""))
        if number.removeprefix("ANGjdJ") not in parts:
            refuse(404, "notFound")
        content = parts[number.removeprefix("ANGjdJ")].get_payload(decode=True)
        return {"size": len(content), "data": b64(content)}

    def _gmail_users_threads_get(self, account, given, body):
        found = [one for one in account.messages.values() if one["threadId"] == given["id"]]
        if not found:
            refuse(404, "notFound")
        rest = {name: value for name, value in given.items() if name != "id"}
        shown = [self._gmail_users_messages_get(account, rest | {"id": one["id"]}, body) for one in found]
        return {"id": given["id"], "messages": shown}

    def _gmail_users_messages_send(self, account, given, body):
        if len(body["raw"]) > MOST_SENT:
            refuse(413, "uploadTooLarge")
        thread = body.get("threadId")
        if thread and all(one["threadId"] != thread for one in account.messages.values()):
            refuse(404, "notFound")
        message = message_from_bytes(base64.urlsafe_b64decode(body["raw"]), policy=policy.default)
        del message["Message-ID"]
        message["Message-ID"] = f"<{uuid4().hex}@mail.gmail.com>"  # Gmail gives its own
        message["Date"] = format_datetime(datetime.fromtimestamp(self.now(), UTC))
        kept = self._keep_mail(account, message.as_bytes(policy=policy.SMTP), ["SENT"], thread)
        return {name: kept[name] for name in ("id", "threadId", "labelIds")}
