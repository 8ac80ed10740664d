"""What a person wrote, out of the body of a mail: without quotes, introductions and signature."""

from __future__ import annotations

import re
from email.message import EmailMessage, MIMEPart
from html.parser import HTMLParser

MOST_TEXT = 200_000
"""Characters of a body that are looked at."""
LONGEST_INTRODUCTION = 300
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
