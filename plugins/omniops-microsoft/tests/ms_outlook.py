"""A mailbox of the double: folders, mails with the two kinds of ids, delta tokens, sent items."""

import re
from base64 import b64decode
from urllib.parse import quote
from uuid import uuid4

from ms_published import fields_of

MARK = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '(?P<id>[^']+)' and ep/value eq '(?P<value>(?:[^']|'')*)'\)"
)
FILE, MOST_ATTACHED = "#microsoft.graph.fileAttachment", 3_000_000
"""Graph takes less than 3 MB of files in one request (learn.microsoft.com/graph/api/message-post-attachments)."""
SINCE = re.compile(r"receivedDateTime (?:ge|gt) (\S+Z)")


class Mail:
    """What lies in one mailbox. `forgotten`: delta tokens of before do not count any more."""

    def __init__(self):
        self.inbox, self.sent_items = f"AAMk{uuid4().hex}/Inbox=", f"AAMk{uuid4().hex}-Sent="
        self.folders = {self.inbox: "Inbox", self.sent_items: "Sent Items"}
        self.mails, self.sent, self.forgotten = [], [], 0
        self.slow = 0
        """So many more sent mails are filed late: a look among the sent ones does not find them."""

    def folder(self, name):
        made = f"AAMk{uuid4().hex}="
        self.folders[made] = name
        return made

    def write(self, sender, text, *, subject="Question", conversation=None, folder=None, headers=(), html="", files=(),
              mime=b"", **more):  # fmt: skip
        """A mail comes in, with files as `attached` makes them; `mime` is it as it travelled. Gives it."""
        made = {
            "id": f"AAkA/{uuid4().hex}+im=", "moving": f"AAMk/{uuid4().hex}=", "folder": folder or self.inbox,
            "conversationId": conversation or f"AAQk{uuid4().hex}=", "subject": subject,
            "internetMessageId": f"<{uuid4().hex}@sender.example>", "from": _person(sender), "sender": _person(sender),
            "replyTo": [], "toRecipients": [_person("shop@corner.example")], "ccRecipients": [], "bccRecipients": [],
            "receivedDateTime": self.now().strftime("%Y-%m-%dT%H:%M:%SZ"), "isDraft": False, "isRead": False,
            "text": text, "html": html or f"<html><body><p>{text}</p></body></html>", "quoted": "",
            "internetMessageHeaders": [{"name": name, "value": value} for name, value in headers],
            "importance": "normal", "webLink": "https://outlook.office365.com/owa/",
            "hasAttachments": any(not one["isInline"] for one in files),
            "attachments": list(files), "mime": mime, **more,
        }  # fmt: skip
        self.mails.append(made)
        self.told(made)
        return made

    def move(self, mail, folder):
        mail["folder"], mail["moving"] = folder, f"AAMk/{uuid4().hex}="

    def answer(self, call, account, parts, query, body, prefer, graph):
        immutable = 'IdType="ImmutableId"' in prefer
        if call.endswith("/mailFolders"):
            rows = [{"id": key, "displayName": name} for key, name in self.folders.items()]
            return graph.paged(rows, query, "/me/mailFolders")
        if call == "GET /users/{}/mailFolders/{}":
            key = self._folder(parts[0], graph)
            return {"id": key, "displayName": self.folders[key]}
        if call.endswith("/delta"):
            return self._delta(self._folder(parts[0], graph), query, immutable, _most(prefer, graph), graph)
        if call.endswith("/messages"):
            return self._search(self._folder(parts[0], graph), query, graph)
        mail = next((one for one in self.mails if parts[0] in (one["id"], one["moving"])), None)
        if mail is None or (parts[0] == mail["id"]) != immutable:
            refuse(404, "ErrorItemNotFound")
        if call.endswith("/reply"):
            return self._reply(mail, account, body, graph)
        if call.endswith("/attachments"):
            return graph.paged(
                [_file_shown(one, query) for one in mail["attachments"]],
                query,
                f"/me/messages/{quote(parts[0], safe='')}/attachments",
            )
        if call.endswith("/attachments/{}/$value"):
            return next((one["content"] for one in mail["attachments"] if one["id"] == parts[1]), None) or refuse(
                404, "E"
            )
        if call.endswith("/$value"):
            return mail["mime"]
        return _shown(mail, query, immutable, as_text='outlook.body-content-type="text"' in prefer)

    def _folder(self, key, graph):
        found = {"inbox": self.inbox, "sentitems": self.sent_items}.get(key.casefold(), key)
        if found not in self.folders:
            refuse(404, "ErrorItemNotFound")
        return found

    def _delta(self, folder, query, immutable, most, graph):
        tokens = {"$skiptoken", "$deltatoken"} & set(query)
        if tokens and len(query) > 1:
            graph.wrong.append(f"delta: {sorted(query)}")
        if tokens:
            (token,) = (query[name] for name in tokens)
            since, start, epoch = token.split("~")
            if int(epoch) != self.forgotten:
                refuse(410, "syncStateNotFound")
        else:
            assert query.get("changeType") == "created", "all changes of a mailbox are asked for"
            found = SINCE.fullmatch(query.get("$filter", ""))
            if found is None:
                refuse(400, "ErrorInvalidUrlQueryFilter")
            since, start = found[1], "0"
        rows = [one for one in self.mails if one["folder"] == folder and one["receivedDateTime"] >= since]
        begin = int(start)
        page = {"value": [{"id": one["id" if immutable else "moving"]} for one in rows[begin : begin + most]]}
        end = min(begin + most, len(rows))
        kind, name = ("nextLink", "$skiptoken") if end < len(rows) else ("deltaLink", "$deltatoken")
        at = f"{graph.base}/v1.0/me/mailFolders('{folder.replace('/', '%2F')}')/messages/delta"
        return {**page, f"@odata.{kind}": f"{at}?{name}={since}~{end}~{self.forgotten}"}

    def _search(self, folder, query, graph):
        found = MARK.fullmatch(query.get("$filter", ""))
        if folder != self.sent_items or found is None:
            graph.wrong.append(f"messages: {query}")
            refuse(400, "ErrorInvalidUrlQueryFilter")
        wanted = {"id": found["id"], "value": found["value"].replace("''", "'")}
        rows = [one for one in self.sent if wanted in one.get("singleValueExtendedProperties", [])]
        return {"value": [{"id": one["id"]} for one in rows if one.get("filed")][: int(query.get("$top", "10"))]}

    def _reply(self, mail, account, body, graph):
        """The reply goes to whom the mail names for it, in its conversation."""
        if ("comment" in body) == ("body" in body.get("message", {})):
            refuse(400, "ErrorInvalidParameter")
        headers = body["message"].get("internetMessageHeaders", [])
        if any(not one["name"].casefold().startswith("x-") for one in headers) or len(headers) > 5:
            refuse(400, "InvalidInternetMessageHeader")
        files = body["message"].get("attachments", [])
        if any(one.get("@odata.type") != FILE or not one.get("name") for one in files):
            refuse(400, "ErrorInvalidRequest")
        if sum(len(b64decode(one["contentBytes"], validate=True)) for one in files) >= MOST_ATTACHED:
            refuse(413, "RequestEntityTooLarge")
        self.slow -= 1
        made = {
            **body["message"], "id": f"AAkA{uuid4().hex}=", "conversationId": mail["conversationId"],
            "toRecipients": mail["replyTo"] or [mail["from"]], "from": _person(account.address),
            "filed": self.slow < 0, "answers": mail["id"],
        }  # fmt: skip
        self.sent.append(made)


def attached(name, kind, content, *, inline=False, of=""):
    """A file of a mail that comes in. `of` is another kind of attachment, such as `#microsoft.graph.itemAttachment`."""
    return {
        "@odata.type": of or FILE, "id": f"AAkB/{uuid4().hex}=", "name": name, "contentType": kind,
        "size": len(content) + 200, "isInline": inline,
        "lastModifiedDateTime": "2026-11-30T12:00:00Z", "content": content,
    }  # fmt: skip


def _file_shown(file, query):
    """Without a choice of properties the bytes would come along, and `Attachment` has none of them."""
    names = query["$select"].split(",") if "$select" in query else ["contentBytes"]
    return {"@odata.type": file["@odata.type"], "id": file["id"]} | {name: file.get(name) for name in names}


def _shown(mail, query, immutable, *, as_text):
    kind = "text" if as_text else "html"
    own = mail["text"] if as_text else mail["html"]
    whole = {
        **{name: value for name, value in mail.items() if name in fields_of("Message") and name != "attachments"},
        "id": mail["id" if immutable else "moving"], "parentFolderId": mail["folder"],
        "uniqueBody": {"contentType": kind, "content": own},
        "body": {"contentType": kind, "content": own + mail["quoted"]}, "bodyPreview": mail["text"][:255],
    }  # fmt: skip
    names = query["$select"].split(",") if "$select" in query else [n for n in whole if n != "uniqueBody"]
    shown = {name: value for name, value in whole.items() if name in names or name == "id"}
    return {**shown, **({"@odata.type": mail["@odata.type"]} if "@odata.type" in mail else {})}


def _most(prefer, graph):
    """Items of a page: what is preferred, up to what Graph gives."""
    asked = [one.partition("=")[2] for one in prefer if one.startswith("odata.maxpagesize=")]
    return min([graph.page, *map(int, asked)])


def _person(address):
    return {"emailAddress": {"name": address.partition("@")[0].title(), "address": address}}


def refuse(status, code):
    from ms_graph import Refusal

    raise Refusal(status, code)
