"""The proof of what the policy promises of files and contacts at Google: of files those that were chosen, of contacts
the one whose address was proved, and of both no more than is listed, whatever Google tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from omniops.contracts.contacts import Contact
from omniops.contracts.ids import new_id
from omniops.contracts.proof import Probe, Sabotage, Stage, hold

from omniops_google import contacts, drive
from omniops_google.proving import a_link
from omniops_google.settings import GoogleSettings

FIELDS = frozenset(
    {"id", "name", "mimeType", "version", "webViewLink", "trashed", "size", "permissionIds", "capabilities/canDownload"}
)
"""All that is asked of a file beside its content."""
MASK = frozenset({"names", "emailAddresses", "organizations"})
"""All that is asked of a contact; notes come beside it where the business wants them."""
CHOSEN = "chosen-file"


def _whole_person(original: Any) -> Any:
    """In the place of what reads an entry: all of it."""
    return lambda person, **_: Contact(name=str(person))


def _any_person(original: Any) -> Any:
    """In the place of the comparison of addresses."""
    return lambda *_: True


class OnlyChosenFilesAndListedContacts(Probe):
    """A file that was chosen, told with more than was asked for; contacts of which one has the address."""

    claims = ("P24",)
    sabotages = (
        Sabotage("omniops_google.drive:FIELDS", "the choice of what is asked of a file", lambda one: f"{one},owners"),
        Sabotage(
            "omniops_google.drive:CELLS", "the choice of what is asked of a table", lambda one: f"{one},namedRanges"
        ),
        Sabotage("omniops_google.contacts:read", "the choice of what is taken of a contact", _whole_person),
        Sabotage("omniops_google.contacts:has", "the comparison of addresses", _any_person),
    )

    async def run(self, stage: Stage) -> str:
        word, mark = stage.token("word"), stage.token("extra")
        await _files(word, mark)
        await _contacts(word, mark)
        return (
            "Of a chosen file its content, title and link were taken, and no other file was asked for; of contacts "
            "name and company of the one with the address, and its note only where notes are on."
        )


class _Google:
    """In the place of the client: tells far more than it is asked for, and notes for what it is asked."""

    def __init__(self, word: str, mark: str) -> None:
        self.word, self.mark = word, mark
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(
        self, connection: Any, method: str, place: str, where: str, why: Any, **query: Any
    ) -> dict[str, Any]:
        self.asked.append((where, query))
        if place == "people":
            return {
                "results": [{"person": self._person(email)} for email in ("ada@proof.example", "eve@proof.example")]
            }
        if place == "sheets":
            cells = [{"formattedValue": self.word, "note": self.mark}]
            return {"sheets": [{"data": [{"rowData": [{"values": cells}]}]}], "namedRanges": [self.mark]}
        kind = drive.SHEET if "table" in where else "text/plain"
        owners = [{"displayName": self.mark}]
        return {"id": CHOSEN, "name": self.word, "mimeType": kind, "version": "1", "owners": owners, "more": self.mark}

    async def content(self, *call: Any, **query: Any) -> bytes:
        self.asked.append((call[3], query))
        return self.word.encode()

    def _person(self, email: str) -> dict[str, Any]:
        whose = self.word if email.startswith("ada") else self.mark
        return {
            "names": [{"displayName": whose, "familyName": self.mark}],
            "emailAddresses": [{"value": email}],
            "organizations": [{"name": whose, "title": self.mark, "current": True}],
            "biographies": [{"value": f"note {self.mark}", "contentType": "TEXT_PLAIN"}],
            "phoneNumbers": [{"value": self.mark}],
        }


async def _files(word: str, mark: str) -> None:
    google: Any = _Google(word, mark)
    context: Any = SimpleNamespace(settings=GoogleSettings())
    reader = drive.Drive(context, google)
    for number in (CHOSEN, "table"):
        told = await reader.read(a_link(), number, "")
        hold(told is not None and word in str(told), "A chosen file was not read, so that this shows nothing.")
        hold(mark not in str(told), "What nobody declared came with a file.")
        others = [where for where, _ in google.asked if number not in where]
        hold(not others, "Beside a chosen file something else was asked for.")
        masks = [query["fields"] for where, query in google.asked if "fields" in query and "spreadsheets" not in where]
        hold(
            all(set(one.split(",")) == FIELDS for one in masks),
            "Of files other fields are asked for than those listed.",
        )
        cells = [query["fields"] for where, query in google.asked if "spreadsheets" in where]
        hold(
            all(one.startswith("sheets(") and one.endswith("rowData/values/formattedValue))") for one in cells),
            "Of tables more is asked for than what their cells show.",
        )
        google.asked.clear()


async def _contacts(word: str, mark: str) -> None:
    google: Any = _Google(word, mark)
    book = contacts.GoogleContacts(google)
    found = await book.find(a_link("contacts"), "Ada@proof.example", subjects=(new_id(),))
    hold(found is not None and word in str(found), "A contact was not found, so that this shows nothing.")
    hold(found == Contact(word, word), "More was taken of a contact than name and company.")
    masks = {query["readMask"] for _, query in google.asked}
    hold(all(set(one.split(",")) == MASK for one in masks), "Of contacts other fields are asked for than those listed.")
    noted = await book.find(a_link("contacts", "contact_notes"), "ada@proof.example", subjects=(new_id(),))
    hold(noted == Contact(word, word, f"note {mark}"), "The note was not taken where notes are on.")
    hold(await book.find(a_link("contacts"), "ad@proof.example", subjects=()) is None, "Another's address was enough.")
