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
BOTH = ("INBOX", "Label_7")
_TYPES = {"messageAdded": "messagesAdded", "labelAdded": "labelsAdded"}


def b64(data):
    return base64.urlsafe_b64encode(data).decode()


class Mailboxes:
    """A part of `Google`."""

    def write(
        self, account, text, *, sender="ann@visitor.example", to=None, labels=("INBOX", "Label_7"), thread=None, **more
    ):
        """A mail comes in, or somebody of the business writes one. Gives what Gmail keeps of it."""
        message = EmailMessage()
        message["From"] = f"A Canary <{sender}>"
        message["To"] = to or account.email
        message["Subject"] = "Where is my parcel?"
        message["Message-ID"] = f"<{uuid4().hex}@visitor.example>"
        message["X-Canary"] = "Canary Street"
        for name, value in more.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
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
        found = self._mail(account, given)
        return found if given["format"] == "raw" else {k: v for k, v in found.items() if k != "raw"}

    def _gmail_users_threads_get(self, account, given, body):
        found = [one for one in account.messages.values() if one["threadId"] == given["id"]]
        if not found:
            refuse(404, "notFound")
        wanted = given["metadataHeaders"]
        wanted = {one.lower() for one in ([wanted] if isinstance(wanted, str) else wanted)}
        shown = []
        for one in found:
            message = message_from_bytes(base64.urlsafe_b64decode(one["raw"]), policy=policy.default)
            headers = [{"name": n, "value": str(v)} for n, v in message.items() if n.lower() in wanted]
            rest = {k: v for k, v in one.items() if k != "raw"}
            shown.append(rest | {"payload": {"headers": headers}})
        return {"id": given["id"], "messages": shown}

    def _gmail_users_messages_send(self, account, given, body):
        thread = body.get("threadId")
        if thread and all(one["threadId"] != thread for one in account.messages.values()):
            refuse(404, "notFound")
        message = message_from_bytes(base64.urlsafe_b64decode(body["raw"]), policy=policy.default)
        del message["Message-ID"]
        message["Message-ID"] = f"<{uuid4().hex}@mail.gmail.com>"  # Gmail gives its own
        message["Date"] = format_datetime(datetime.fromtimestamp(self.now(), UTC))
        kept = self._keep_mail(account, message.as_bytes(policy=policy.SMTP), ["SENT"], thread)
        return {name: kept[name] for name in ("id", "threadId", "labelIds")}
