"""From an uploaded file to passages. Runs in the child that reads pages: what a file does to a parser, it does there.

Word and Markdown become HTML first, so that headings, lists and tables are cut as those of a page are. The parsers are
imported when a file of their kind comes.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omniops.knowledge.cut import LONGEST_ANSWER, Piece, cut, cut_text
from omniops.knowledge.formats import Format

if TYPE_CHECKING:
    from pypdf import PageObject

MOST_UNPACKED = 200 * 2**20
"""Bytes of all that a Word file holds, unpacked."""
MOST_PAGES = 2000
MOST_PIECES = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How Word files of before 2007 begin, and those that are locked by a password."""


class Unfit(Exception):
    """A file that cannot be used. `problem` is a stable code, the text says what was found and what to do."""

    def __init__(self, problem: str, said: str) -> None:
        super().__init__(said)
        self.problem = problem


def read_file(body: bytes, kind: Format) -> list[Piece]:
    """The passages of a file. Raises `Unfit`."""
    if not body.strip():
        raise Unfit("empty_file", "The file is empty.")
    pieces = [_cleaned(piece) for piece in _READERS[kind](body)]
    pieces = [piece for piece in pieces if piece.text.strip()]
    if not pieces:
        raise Unfit("no_text", "The file holds no text.")
    if len(pieces) > MOST_PIECES:
        raise Unfit(
            "too_long", f"The file makes {len(pieces)} passages, more than {MOST_PIECES}. Divide it into several."
        )
    return pieces


def _cleaned(piece: Piece) -> Piece:
    """Without what no column of text may hold: control characters, and halves of surrogate pairs."""

    def clean(text: str) -> str:
        return _CONTROL.sub("", text.encode("utf-8", "replace").decode())

    asked = clean(piece.question) if piece.question is not None else None
    return replace(piece, text=clean(piece.text), heading=clean(piece.heading), question=asked)


def _html(body: bytes) -> list[Piece]:
    from omniops.knowledge.extract import extract
    from omniops.knowledge.structured import read_structured

    document = extract(body, "file:", None)
    if document.problem in ("not_html", "too_deep"):
        raise Unfit("broken_html", "The file is no HTML that can be read.")
    # What is cited is the file's name: a heading that a page would have as its title stays a heading.
    document = replace(document, head=replace(document.head, title=""))
    return cut(document, read_structured(document.head.json_ld))


def _markdown(body: bytes) -> list[Piece]:
    from markdown_it import MarkdownIt

    written = MarkdownIt("commonmark", {"html": False}).enable("table").render(_text(body))
    return _html(f"<main>{written}</main>".encode())


def _plain(body: bytes) -> list[Piece]:
    return [Piece("text", "", text) for text in cut_text(_text(body))]


def _csv(body: bytes) -> list[Piece]:
    """A table of questions and answers. Other columns are left alone."""
    text = _text(body)
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(rows)]
        if missing := [column for column in ("question", "answer") if column not in header]:
            raise Unfit(
                "csv_columns",
                f"The table has no column {' and no column '.join(map(repr, missing))}; its first row says "
                f"{', '.join(header)[:200]!r}. Name the columns `question` and `answer` there.",
            )
        question, answer = header.index("question"), header.index("answer")
        return [piece for row in rows if any(map(str.strip, row)) for piece in _asked(row, question, answer, rows)]
    except csv.Error as error:
        raise Unfit("broken_csv", f"Line {rows.line_num} of the table cannot be read: {error}.") from error


def _asked(row: Sequence[str], question: int, answer: int, rows: Any) -> Iterator[Piece]:
    if len(row) <= max(question, answer) or not row[question].strip() or not row[answer].strip():
        raise Unfit("csv_row", f"Line {rows.line_num} of the table has no question or no answer.")
    asked, answered = " ".join(row[question].split()), row[answer].strip()
    if len(answered.split()) > LONGEST_ANSWER:
        yield from (Piece("text", asked, text) for text in cut_text(answered))
    else:
        yield Piece("faq", "", answered, asked)


def _docx(body: bytes) -> list[Piece]:
    if body.startswith(_COMPOUND):
        raise Unfit(
            "encrypted_docx",
            "The file has a password, or is of an old Word. Save it as .docx without one.",
        )
    import mammoth

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise Unfit("zip_bomb", f"Unpacked, the file is larger than {MOST_UNPACKED // 2**20} MiB.")
        # Pictures would come back inside the text.
        found = mammoth.convert_to_html(io.BytesIO(body), convert_image=mammoth.images.img_element(lambda image: {}))
    except Unfit:
        raise
    except Exception as error:  # whatever a parser of hostile archives and XML raises
        raise Unfit("broken_docx", "The file is no Word file (.docx), or it is damaged. Save it again.") from error
    return _html(f"<main>{found.value}</main>".encode())


def _pdf(body: bytes) -> list[Piece]:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(body))
        # What only forbids printing or changing opens with the empty password.
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unfit("encrypted_pdf", "The PDF is locked by a password. Save it without one.")
        if len(reader.pages) > MOST_PAGES:
            raise Unfit("too_long", f"The PDF has {len(reader.pages)} pages, more than {MOST_PAGES}. Divide it.")
        pieces = [
            Piece("text", f"p. {number}", text, facts={"page": number})
            for number, page in enumerate(reader.pages, 1)
            for text in cut_text(_page_text(page))
        ]
    except Unfit:
        raise
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise Unfit("broken_pdf", "The file is no PDF, or it is damaged. Save it again.") from error
    if not any(len(piece.text) > 1 for piece in pieces):
        raise Unfit(
            "no_text", "The PDF holds pictures of text only, as a scan does. Let a program recognise its text (OCR)."
        )
    return pieces


def _page_text(page: PageObject) -> str:
    """A page's text; words that a line's end divides are joined."""
    return re.sub(r"(?<=[a-zà-öø-ÿ])-\n(?=[a-zà-öø-ÿ])", "", page.extract_text())


def _text(body: bytes) -> str:
    """Text in UTF-8, in UTF-16 with its mark, or as old Windows programs write it."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        codecs: tuple[str, ...] = ("utf-16",)
    else:
        codecs = ("utf-8-sig", "cp1252")
    for codec in codecs:
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text.replace("\f", "\n\n")):
            return text.replace("\f", "\n\n").replace("\r\n", "\n")
    raise Unfit("bad_encoding", "The file is no text, or in an unknown encoding. Save it as UTF-8.")


_READERS: dict[Format, Callable[[bytes], list[Piece]]] = {
    "pdf": _pdf,
    "docx": _docx,
    "markdown": _markdown,
    "html": _html,
    "text": _plain,
    "csv": _csv,
}
