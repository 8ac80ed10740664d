"""What Graph's messages say: pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from omniops.contracts.channel import Incoming, MediaLink, Receipt
from omniops.contracts.letters import receipt

from omniops_microsoft.client import text, within

MOST_TEXT = 200_000
"""Characters of a body that are looked at."""
KEY = "X-OmniOps-Key"
"""The header of a mail of ours that holds the key of the message: by it one that comes back is known."""
_BULK = ("bulk", "junk", "list")
_SILENT = frozenset({"script", "style", "head", "title", "template", "blockquote", "attachment"})
_BREAKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol", "hr"})
FILE = "#microsoft.graph.fileAttachment"
PEOPLE = ("aadUser", "onPremiseAadUser")
"""Authors in Teams who have an account in the directory: others do not speak for the business."""


def incoming(mail: Mapping[str, Any], own: str) -> Incoming | None:
    """A mail as a message without its files, or None where no person waits for an answer. `own` is the mailbox's
    address."""
    sender, headers = _sender(mail), _headers(mail)
    if sender is None or sender == own or mail.get("isDraft") or _automatic(mail, headers):
        return None
    said = _body(mail, "uniqueBody") or _body(mail, "body") or text(mail, "subject").strip()
    identity, conversation = text(mail, "internetMessageId") or text(mail, "id"), text(mail, "conversationId")
    if not (said or mail.get("hasAttachments")) or not text(mail, "id"):
        return None
    return Incoming(
        delivery_id=_digest(identity)[:32],
        # nobody writes into another person's thread, whatever a mail says that it answers
        thread=_digest(conversation or identity)[:16] + _digest(sender)[:16],
        sender=sender,
        text=said,
        sent_at=moment(text(mail, "receivedDateTime")),
        to=tuple(dict.fromkeys([*_addresses(mail, "toRecipients"), *_addresses(mail, "ccRecipients")])),
        about={"message": text(mail, "id")},
    )


def file_of(attachment: Mapping[str, Any], mail: str) -> MediaLink | None:
    """A file of the mail with this id; None for a picture within its text, a mail, or a link to a file."""
    identity, size = text(attachment, "id"), attachment.get("size")
    kind = text(attachment, "@odata.type").casefold()
    if not identity or kind != FILE.casefold() or attachment.get("isInline") is not False:
        return None
    return MediaLink(
        f"{mail} {identity}",
        text(attachment, "contentType"),
        text(attachment, "name"),
        size if isinstance(size, int) else 0,
    )


def is_report(mail: Mapping[str, Any]) -> bool:
    """Whether a mail server tells what became of a mail."""
    return _headers(mail).get("content-type", "").strip().casefold().startswith("multipart/report")


def told(raw: bytes) -> Receipt | None:
    """What a report says of a mail of ours. Raises whatever strangers make the parser raise."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return receipt(message, KEY)


def reply(said: Mapping[str, Any]) -> str:
    """The words of a person in a Teams channel; empty for what a bot, a guest or Teams itself wrote."""
    author = within(said, "from", "user")
    if said.get("messageType") != "message" or said.get("deletedDateTime") or not isinstance(author, dict):
        return ""
    if author.get("userIdentityType") not in PEOPLE or within(said, "from", "application"):
        return ""
    return _body(said, "body")


def plain(html: str) -> str:
    """The words of a page, with line ends where blocks end, and without what was quoted."""
    parser = _Text()
    parser.feed(html[:MOST_TEXT])
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _sender(mail: Mapping[str, Any]) -> str | None:
    """Who is to be answered: one address, since a reply goes to all that the mail names for it."""
    found = _addresses(mail, "replyTo") or [text(mail, "from", "emailAddress", "address").strip().casefold()]
    return found[0] if len(found) == 1 and re.fullmatch(r"[^\s<>,;@]+@[^\s<>,;@]+", found[0]) else None


def _automatic(mail: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """RFC 3834 (section 2), mailing lists, reports, invitations, and who says that no automatic answer is wanted
    (`X-Auto-Response-Suppress`, MS-OXCMAIL 2.2.3.2.14)."""
    author = text(mail, "from", "emailAddress", "address").strip().casefold()
    suppressed = headers.get("x-auto-response-suppress", "").casefold()
    return (
        text(mail, "@odata.type").casefold() not in ("", "#microsoft.graph.message")
        or headers.get("auto-submitted", "no").partition(";")[0].strip().casefold() != "no"
        or headers.get("precedence", "").strip().casefold() in _BULK
        or any(name in headers for name in ("list-id", "list-post", "list-unsubscribe", "x-ai-generated"))
        or is_report(mail)
        or headers.get("return-path", "").strip() == "<>"
        or any(word in suppressed for word in ("all", "autoreply"))
        or author.startswith(("mailer-daemon@", "postmaster@", "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e@"))
    )


def _headers(mail: Mapping[str, Any]) -> dict[str, str]:
    found = mail.get("internetMessageHeaders")
    pairs: Sequence[Any] = found if isinstance(found, list) else ()
    return {text(one, "name").casefold(): text(one, "value") for one in pairs if isinstance(one, dict)}


def _addresses(mail: Mapping[str, Any], field: str) -> list[str]:
    found = mail.get(field)
    people: Sequence[Any] = found if isinstance(found, list) else ()
    named = (text(one, "emailAddress", "address").strip().casefold() for one in people if isinstance(one, dict))
    return [address for address in named if "@" in address]


def _body(said: Mapping[str, Any], field: str) -> str:
    content = text(said, field, "content").replace("\r\n", "\n").replace("\0", "")
    if text(said, field, "contentType").casefold() == "html":
        return plain(content)
    return re.sub(r"\n{3,}", "\n\n", content[:MOST_TEXT]).strip()


def moment(said: str) -> datetime | None:
    """A moment as Graph writes it; None for what is none."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


class _Text(HTMLParser):
    """The words of a page; quotes (`blockquote`) and files are silent."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))
