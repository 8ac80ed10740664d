"""Drive on loopback: files, who may see them, what changed; and what stands in spreadsheets."""

import re
from dataclasses import dataclass, field
from uuid import uuid4

from google_refusing import refuse

APPS = "application/vnd.google-apps."
DOC, SHEET, SLIDES = f"{APPS}document", f"{APPS}spreadsheet", f"{APPS}presentation"
EXPORTED = {
    DOC: {"text/markdown", "text/plain", "application/pdf", "application/zip"},
    SHEET: {"text/csv", "application/pdf", "application/zip"},
    SLIDES: {"text/plain", "application/pdf"},
}
MOST_EXPORTED = 10 * 1024 * 1024
WEEK = 7 * 86400


@dataclass(eq=False)
class File:
    """A file. `picked`: its owner chose it in Google's window for this app; without that `drive.file` sees nothing."""

    name: str
    mime: str = DOC
    content: bytes = b""
    sheets: list = field(default_factory=list)
    picked: bool = True
    trashed: bool = False
    anybody: bool = False
    downloadable: bool = True
    version: int = 1
    id: str = field(default_factory=lambda: uuid4().hex)

    def meta(self):
        own = self.mime.startswith(APPS)
        kind = {DOC: "document", SHEET: "spreadsheets", SLIDES: "presentation"}.get(self.mime, "file")
        return {
            "kind": "drive#file",
            "id": self.id,
            "name": self.name,
            "mimeType": self.mime,
            "version": str(self.version),
            "webViewLink": f"https://docs.google.com/{kind}/d/{self.id}/edit",
            "trashed": self.trashed,
            "permissionIds": ["1234567890", *(["anyoneWithLink"] if self.anybody else [])],
            "capabilities": {"canDownload": self.downloadable, "canEdit": False},
            "owners": [{"displayName": "A Canary", "emailAddress": "canary@shop.example"}],
            "description": "Canary's own",
            **({} if own else {"size": str(len(self.content))}),
        }


class Files:
    """What people do with files, and what Drive and Sheets answer about them."""

    def put(self, account, name, content=b"", mime=DOC, **more):
        """A new file. Gives it."""
        made = File(name, mime, content if isinstance(content, bytes) else content.encode(), **more)
        account.files[made.id] = made
        account.changed.append(made.id)
        return made

    def touch(self, account, file, **changes):
        """Somebody changes a file, its name, or who may see it."""
        for name, value in changes.items():
            setattr(file, name, value)
        file.version += 1
        account.changed.append(file.id)

    def file_notices(self, account):
        """What Google now sends to each channel of an account's files: address and headers."""
        for one in [one for one in self.channels.values() if one["account"] is account and one.get("files")]:
            one["number"] += 1
            yield (
                one["address"],
                {
                    "X-Goog-Channel-ID": one["id"],
                    "X-Goog-Channel-Token": one["token"],
                    "X-Goog-Resource-ID": one["resourceId"],
                    "X-Goog-Resource-URI": "https://www.googleapis.com/drive/v3/changes?alt=json",
                    "X-Goog-Resource-State": "change",
                    "X-Goog-Message-Number": str(one["number"]),
                },
            )

    def _file(self, account, number):
        found = account.files.get(number)
        return found if found is not None and found.picked else refuse(404, "notFound")

    def _drive_files_get(self, account, given, body):
        found = self._file(account, given["fileId"])
        if given.get("alt") != "media":
            return found.meta()
        if found.mime.startswith(APPS):
            refuse(403, "fileNotDownloadable")
        return found.content if found.downloadable else refuse(403, "cannotDownloadFile")

    def _drive_files_export(self, account, given, body):
        found = self._file(account, given["fileId"])
        if given["mimeType"] not in EXPORTED.get(found.mime, ()):
            refuse(400, "badRequest")
        if len(found.content) > MOST_EXPORTED:
            refuse(403, "exportSizeLimitExceeded")
        return found.content if found.downloadable else refuse(403, "cannotDownloadFile")

    def _drive_files_list(self, account, given, body):
        trashed, kinds = re.fullmatch(r"trashed = (true|false) and \((.*)\)", given["q"]).groups()
        wanted = set(re.findall(r"mimeType = '([^']+)'", kinds))
        assert " or ".join(f"mimeType = '{one}'" for one in re.findall(r"mimeType = '([^']+)'", kinds)) == kinds
        assert given["orderBy"] == "modifiedTime desc"
        seen = [one for one in account.files.values() if one.picked and one.trashed == (trashed == "true")]
        found = [one.meta() for one in reversed(seen) if one.mime in wanted]
        size = min(int(given.get("pageSize", 100)), self.page)
        start = int(given.get("pageToken", "page-0").removeprefix("page-"))
        more = {"nextPageToken": f"page-{start + size}"} if start + size < len(found) else {}
        return {"kind": "drive#fileList", "files": found[start : start + size], **more}

    def _drive_changes_getStartPageToken(self, account, given, body):
        return {"kind": "drive#startPageToken", "startPageToken": str(1000 + len(account.changed))}

    def _drive_changes_list(self, account, given, body):
        if self.too_old_files:
            self.too_old_files = False
            refuse(410, "gone")
        start = int(given["pageToken"]) - 1000 if given["pageToken"].isdigit() else -1
        if not 0 <= start <= len(account.changed):
            refuse(400, "invalid")
        assert given["includeRemoved"] == "true", "else nobody tells of lost files"
        end = min(start + min(int(given.get("pageSize", 100)), self.page), len(account.changed))
        changes = []
        for number in account.changed[start:end]:
            file = account.files.get(number)
            gone = file is None or not file.picked
            what = {} if gone else {"file": file.meta()}
            changes.append({"kind": "drive#change", "changeType": "file", "fileId": number, "removed": gone, **what})
        token = "nextPageToken" if end < len(account.changed) else "newStartPageToken"
        return {"kind": "drive#changeList", "changes": changes, token: str(1000 + end)}

    def _drive_changes_watch(self, account, given, body):
        if body["type"] != "web_hook" or not body["address"].startswith("https://"):
            refuse(400, "webhookUrlNotHttps")
        if body["id"] in self.channels:
            refuse(400, "channelIdNotUnique")
        life = min(int(body.get("params", {}).get("ttl", 3600)), WEEK)
        made = {"id": body["id"], "token": body["token"], "address": body["address"], "resourceId": uuid4().hex}
        self.channels[body["id"]] = made | {"account": account, "number": 0, "files": True}
        return {"kind": "api#channel", **made, "expiration": str(int((self.now() + life) * 1000))}

    def _drive_channels_stop(self, account, given, body):
        known = self.channels.get(body["id"])
        if known is None or known["resourceId"] != body["resourceId"]:
            refuse(404, "notFound")
        del self.channels[body["id"]]

    def _sheets_spreadsheets_get(self, account, given, body):
        found = self._file(account, given["spreadsheetId"])
        if found.mime != SHEET:
            refuse(400, "failedPrecondition")
        assert given.get("includeGridData") == "true", "else no cell comes along"
        return {"spreadsheetId": found.id, "properties": {"title": found.name}, "sheets": found.sheets}


def sheet(title, *rows, hidden=False, hidden_rows=(), hidden_columns=()):
    """A sheet with its cells, as the Sheets API tells them."""
    width = max(map(len, rows), default=0)
    return {
        "properties": {"title": title, "hidden": hidden, "sheetType": "GRID"},
        "data": [
            {
                "rowData": [{"values": [{"formattedValue": cell} if cell else {} for cell in row]} for row in rows],
                "rowMetadata": [{"hiddenByUser": at in hidden_rows} for at in range(len(rows))],
                "columnMetadata": [{"hiddenByUser": at in hidden_columns} for at in range(width)],
            }
        ],
    }
