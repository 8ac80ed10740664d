"""Files of a business in Google Drive, as far as it opened them to OmniOps one by one (scope `drive.file`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from omniops import PluginContext
from omniops.contracts.documents import (
    DOCUMENTS_CHANGED,
    DocumentChanges,
    DocumentContent,
    DocumentInfo,
    DocumentStore,
    Format,
)
from omniops.contracts.integration import Link
from omniops.errors import NotFound, Rejected

from omniops_google.channels import Place, Watched
from omniops_google.client import Denied, Gone, GoogleClient, Why, path
from omniops_google.settings import GoogleSettings

DOCUMENTS = "documents"
"""The feature."""
CHANNEL = "drive"
SCOPE = "https://www.googleapis.com/auth/drive.file"
MOST_BYTES = 20 * 2**20
MOST_OFFERED = 1000
_APPS = "application/vnd.google-apps."
SHEET = f"{_APPS}spreadsheet"
EXPORTS: Mapping[str, tuple[str, Format]] = {
    f"{_APPS}document": ("text/markdown", "markdown"),
    f"{_APPS}presentation": ("text/plain", "text"),
}
"""Google's own formats, and as what their text is exported."""
FILES: Mapping[str, Format] = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/markdown": "markdown",
    "text/html": "html",
    "text/plain": "text",
    "text/csv": "csv",
}
FIELDS = "id,name,mimeType,version,webViewLink,trashed,size,permissionIds,capabilities/canDownload"
"""All that is asked of a file beside what stands in it."""
CELLS = (
    "sheets(properties(title,hidden),data(rowMetadata(hiddenByUser,hiddenByFilter),columnMetadata(hiddenByUser),"
    "rowData/values/formattedValue))"
)
_DRIVES: Mapping[str, Any] = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
_PICTURE = re.compile(rb"!\[[^\]]*\]\[image\d+\]|^\[image\d+\]:[ \t]*<data:[^>]*>[ \t]*$", re.MULTILINE)
"""Pictures inside Google's Markdown: the place of one, and its bytes at the end."""
ANYBODY = frozenset({"anyone", "anyoneWithLink"})
"""Ids of the permissions of files that whoever has the link may open."""


class Drive(DocumentStore):
    """Reads a file, and tells what changed."""

    feature = DOCUMENTS

    def __init__(self, context: PluginContext, client: GoogleClient) -> None:
        self._settings: GoogleSettings = context.settings
        self._client = client
        self.watched = Watched(CHANNEL, DOCUMENTS_CHANGED, DOCUMENTS, "/drive/v3/channels/stop", self._place)

    def picker(self, connection: object) -> Mapping[str, str]:
        """For Google's window: the person who chooses signs in there, in their own browser, and gives it a token of
        their own, of the same app and scope."""
        settings = self._settings
        if not settings.app_id or not settings.picker_key:
            return {}
        return {
            "client_id": settings.client_id,
            "app_id": settings.app_id,
            "developer_key": settings.picker_key,
            "scope": SCOPE,
        }

    async def offered(self, link: Link) -> Sequence[DocumentInfo]:
        kinds = " or ".join(f"mimeType = '{one}'" for one in (SHEET, *EXPORTS, *FILES))
        pages = self._client.pages(
            link.connection,
            "apis",
            "/drive/v3/files",
            Why(scope=link.scope),
            q=f"trashed = false and ({kinds})",
            orderBy="modifiedTime desc",
            pageSize=100,
            fields="nextPageToken,files(id,name,webViewLink)",
            **_DRIVES,
        )
        found: list[DocumentInfo] = []
        async for page in pages:
            found += map(_info, page.get("files") or ())
            if len(found) >= MOST_OFFERED:
                break
        return found[:MOST_OFFERED]

    async def read(self, link: Link, document_id: str, known: str) -> DocumentContent | None:
        where, why = path("drive", "v3", "files", document_id), Why(scope=link.scope)
        try:
            seen = await self._client.call(
                link.connection, "GET", "apis", where, why, fields=FIELDS, supportsAllDrives="true"
            )
        except (Gone, Denied) as error:  # to who may not see a file, Google says either
            raise NotFound("Google has no such file, or does not show it to us any more.") from error
        if seen.get("trashed"):
            raise NotFound("This file is in the bin.")
        opened = bool(ANYBODY & set(seen.get("permissionIds") or ()))
        version = f"{seen.get('version')}:{opened:d}"
        if version == known:
            return None
        if (seen.get("capabilities") or {}).get("canDownload") is False:
            raise Rejected("This file may be looked at, and not downloaded.", code="no_download")
        if int(seen.get("size") or 0) > MOST_BYTES:
            raise Rejected(f"This file is larger than {MOST_BYTES // 2**20} MiB.", code="too_large")
        data, kind = await self._content(link, document_id, str(seen.get("mimeType")), where, why)
        title, address = str(seen.get("name") or ""), str(seen.get("webViewLink") or "")
        return DocumentContent(title, data, kind, version, address, opened)

    async def begin(self, link: Link) -> str:
        said = await self._client.call(
            link.connection,
            "GET",
            "apis",
            "/drive/v3/changes/startPageToken",
            Why(scope=link.scope),
            fields="startPageToken",
            supportsAllDrives="true",
        )
        return str(said["startPageToken"])

    async def changes(self, link: Link, place: str) -> DocumentChanges:
        try:
            said = await self._client.call(
                link.connection,
                "GET",
                "apis",
                "/drive/v3/changes",
                Why(scope=link.scope),
                pageToken=place,
                pageSize=1000,
                includeRemoved="true",
                fields="nextPageToken,newStartPageToken,changes(fileId)",
                **_DRIVES,
            )
        except (Gone, Denied) as error:
            raise Rejected("Google does not know this place any more.", code="bad_cursor") from error
        ids = frozenset(str(one["fileId"]) for one in said.get("changes") or () if one.get("fileId"))
        following = said.get("nextPageToken")
        return DocumentChanges(ids, str(following or said.get("newStartPageToken") or place), bool(following))

    async def _content(self, link: Link, document_id: str, mime: str, where: str, why: Why) -> tuple[bytes, Format]:
        """What stands in a file. It is gone, or shut, by now: then it raises as for one that never was open."""
        try:
            if mime == SHEET:
                return await self._table(link, document_id, why), "html"
            if mime in EXPORTS:
                wanted, kind = EXPORTS[mime]
                data = await self._client.content(
                    link.connection, "GET", "apis", f"{where}/export", why, mimeType=wanted
                )
                return (_PICTURE.sub(b"", data) if kind == "markdown" else data), kind
            if mime in FILES:
                data = await self._client.content(
                    link.connection, "GET", "apis", where, why, alt="media", supportsAllDrives="true"
                )
                return data, FILES[mime]
        except Gone as error:
            raise NotFound("Google has no such file any more.") from error
        except Denied as error:
            if "exportSizeLimitExceeded" in error.reasons:
                raise Rejected("Google exports no more than 10 MB of a file.", code="too_large") from error
            raise Rejected("Google does not give this file's content.", code="no_download") from error
        raise Rejected("A file of this kind holds no text that can be read.", code="unknown_format")

    async def _table(self, link: Link, document_id: str, why: Why) -> bytes:
        """The visible sheets of a spreadsheet, as people see their cells, as tables."""
        where = path("v4", "spreadsheets", document_id)
        said = await self._client.call(
            link.connection, "GET", "sheets", where, why, includeGridData="true", fields=CELLS
        )
        shown = (one for one in said.get("sheets") or () if not (one.get("properties") or {}).get("hidden"))
        return f"<main>{''.join(map(_sheet, shown))}</main>".encode()

    async def _place(self, link: Link) -> Place:
        token = await self.begin(link)
        return Place("changes", "/drive/v3/changes/watch", {"pageToken": token, "includeRemoved": "true", **_DRIVES})


def _info(file: Mapping[str, Any]) -> DocumentInfo:
    return DocumentInfo(str(file["id"]), str(file.get("name") or ""), str(file.get("webViewLink") or ""))


def _sheet(sheet: Mapping[str, Any]) -> str:
    """A sheet without the rows and columns that people hid. Its first row stands above the columns."""
    found = "".join(f"<table>{_rows(grid)}</table>" for grid in sheet.get("data") or ())
    return f"<h2>{escape(str((sheet.get('properties') or {}).get('title') or ''))}</h2>{found}"


def _rows(grid: Mapping[str, Any]) -> str:
    rows, columns = grid.get("rowMetadata") or (), grid.get("columnMetadata") or ()
    away = {number for number, one in enumerate(columns) if one.get("hiddenByUser")}
    gone = {number for number, one in enumerate(rows) if one.get("hiddenByUser") or one.get("hiddenByFilter")}
    written: list[str] = []
    for number, row in enumerate(grid.get("rowData") or ()):
        values = row.get("values") or ()
        cells = [str(one.get("formattedValue") or "") for at, one in enumerate(values) if at not in away]
        if number not in gone and any(cell.strip() for cell in cells):
            tag = "td" if written else "th"
            written.append("<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>")
    return "".join(written)
