"""Mail that people write, for channels that carry it: who wrote it to whom, whether a person waits for an answer, and
what was written, without quotes, introductions and signature."""

from __future__ import annotations

import re
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message, MIMEPart
from email.utils import getaddresses
from html.parser import HTMLParser

from omniops.contracts.channel import Receipt

AUTOMATIC = ("bulk", "junk", "list")
"""What `Precedence` says of mail that nobody waits to be answered."""
MOST_TEXT = 200_000
"""Characters of a body that are looked at."""
LONGEST_INTRODUCTION = 300
NOT_THE_ADDRESS = ("5.2.2", "5.3.4", "5.7.")
"""Lasting failures that say nothing of the address: full, too large, policy (RFC 3463)."""
_INTRODUCES = re.compile(r"(On|Am|Le|El|Op|Dnia|W dniu) .+:", re.IGNORECASE)
"""`On Monday … Tom wrote:`. Counts only directly above a quoted line, so that it may be loose."""
_ENDS = re.compile(
    r"-{3,} ?(Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original|Oorspronkelijk bericht)"
    r" ?-{3,}"
    r"|_{20,}|(From|Von|De|Van|Od): .{0,200}@.{0,200}",
    re.IGNORECASE,
)
"""How Outlook and its like begin a quote that has no `>`."""
_SILENT = frozenset({"script", "style", "head", "title", "template", "blockquote"})
_BREAKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"})


def sender_of(message: EmailMessage) -> str | None:
    """Who gets an answer, in lower case; None where it is nobody, or several."""
    found = [
        address for _, address in getaddresses([str(message["Reply-To"] or message["From"] or "")]) if "@" in address
    ]
    return found[0].strip().casefold() if len(found) == 1 and not re.search(r"[\s<>,;]", found[0]) else None


def reached(message: EmailMessage) -> tuple[str, ...]:
    """The addresses that a mail was sent to, as far as it says, in lower case."""
    named = [
        str(value) for name in ("To", "Cc", "Delivered-To", "X-Original-To") for value in message.get_all(name, [])
    ]
    return tuple(dict.fromkeys(address.strip().casefold() for _, address in getaddresses(named) if "@" in address))


def automatic(message: EmailMessage, own: str) -> bool:
    """Whether no person waits for an answer: RFC 3834 (section 2), mailing lists, and what came from the address `own`.
    To answer such mail makes loops."""
    author = " ".join(address.casefold() for _, address in getaddresses([str(message["From"] or "")]))
    return (
        str(message["Auto-Submitted"] or "no").partition(";")[0].strip().casefold() != "no"
        or str(message["Precedence"] or "").strip().casefold() in AUTOMATIC
        or any(name in message for name in ("List-Id", "List-Post", "List-Unsubscribe", "X-AI-Generated"))
        or str(message["Return-Path"] or "").strip() == "<>"
        or author == own.casefold()
        or author.startswith("mailer-daemon@")
    )


def sent_at(message: EmailMessage) -> datetime | None:
    """When it says that it was sent; None where it does not, or not in which zone."""
    found = getattr(message["Date"], "datetime", None)
    return found if isinstance(found, datetime) and found.tzinfo is not None else None


def receipt(report: EmailMessage, header: str = "Message-ID") -> Receipt | None:
    """What a delivery status (RFC 3464) says about a mail of ours, which is known by the `header` of what came back of
    it. None for one that says nothing final, or of which nothing came back."""
    reference = ""
    fields: dict[str, str] = {}
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for group in part.walk():
                fields |= {name.lower(): str(group[name]) for name in ("Action", "Status") if name in group}
        elif kind in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"):
            reference = _returned(part, header) or reference
    action, status = fields.get("action", "").strip().lower(), fields.get("status", "").split(" ")[0]
    if not reference or action not in ("failed", "delivered"):
        return None
    if action == "delivered":
        return Receipt(reference, "delivered")
    status = status if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", status) else "5.0.0"
    permanent = status.startswith("5.") and not status.startswith(NOT_THE_ADDRESS)
    return Receipt(reference, "failed", permanent, status)


def _returned(part: Message, header: str) -> str:
    if part.is_multipart():
        inner = part.get_payload(0)
        return str(inner[header] or "").strip() if isinstance(inner, Message) else ""
    head = part.get_payload(decode=True)
    found = message_from_bytes(head, policy=policy.default) if isinstance(head, bytes) else None
    return str(found[header] or "").strip() if found is not None else ""


def one_line(text: str, most: int = 200) -> str:
    """Text that may stand in a header."""
    return " ".join(text.split())[:most]


def words_of(message: EmailMessage) -> str:
    """The words of the plain part, else of the HTML part. Empty where there are none."""
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = _decoded(body)[:MOST_TEXT]
    if body.get_content_type() == "text/html":
        text = _of_html(text)
    text = text.replace("\r\n", "\n").replace("\0", "")
    return unquoted(text) or text.strip()


def unquoted(text: str) -> str:
    """Drops lines that begin with `>`, the line above them that introduces them, everything from an Outlook-like header
    on, and the signature below `-- `."""
    kept: list[str] = []
    for line in text.split("\n"):
        bare = line.strip()
        if line.rstrip("\r") in ("-- ", "--") or (len(bare) < 500 and _ENDS.fullmatch(bare)):
            break
        if bare.startswith(">"):
            _drop_introduction(kept)
        else:
            kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _drop_introduction(kept: list[str]) -> None:
    """Takes away what introduces a quote that begins here; mail programs break it into at most three lines."""
    end = len(kept)
    while end and not kept[end - 1].strip():
        end -= 1
    for lines in (1, 2, 3):
        said = " ".join(line.strip() for line in kept[max(0, end - lines) : end])
        if len(said) <= LONGEST_INTRODUCTION and _INTRODUCES.fullmatch(said):
            del kept[max(0, end - lines) :]
            return


def _decoded(body: MIMEPart) -> str:
    try:
        content = body.get_content()
    except (LookupError, UnicodeError):  # a character set that nobody knows
        content = body.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)


class _Text(HTMLParser):
    """The words of a page, with line ends where blocks end. Quotes (`blockquote`) are silent."""

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


def _of_html(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
