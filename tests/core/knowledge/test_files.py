"""What members upload: each format becomes passages, and each fault is named."""

import importlib.util
from pathlib import Path

import pytest
from omniops.errors import Rejected
from omniops.knowledge.files import MOST_UNPACKED, Unfit, read_file
from omniops.knowledge.formats import format_of
from omniops.knowledge.reading import PageReader, Unreadable

_spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(samples)

ISLANDS = "Delivery to the islands takes four working days and costs nine pounds."
GIFTS = "We wrap gifts in recycled paper for two pounds, and write a card by hand."


def test_a_pdf_is_cited_by_its_page():
    pieces = read_file(samples.pdf([ISLANDS], [], [GIFTS]), "pdf")
    assert [(piece.heading, piece.text, piece.facts["page"]) for piece in pieces] == [
        ("p. 1", ISLANDS, 1),
        ("p. 3", GIFTS, 3),
    ]


def test_a_word_that_a_line_divides_is_one_word():
    (piece,) = read_file(samples.pdf(["The deliv-", "ery takes four days."]), "pdf")
    assert piece.text == "The delivery takes four days."


def test_a_pdf_that_only_forbids_printing_is_read():
    assert read_file(samples.locked(samples.pdf([ISLANDS]), ""), "pdf")[0].text == ISLANDS


def test_headings_of_word_and_markdown_stand_above_their_text():
    for body, kind in (
        (samples.docx("# Delivery", ISLANDS, "# Gifts", GIFTS), "docx"),
        (f"# Delivery\n\n{ISLANDS}\n\n# Gifts\n\n{GIFTS}\n".encode(), "markdown"),
        (f"<h1>Delivery</h1><p>{ISLANDS}<h1>Gifts</h1><p>{GIFTS}".encode(), "html"),
    ):
        pieces = read_file(body, kind)
        assert [(piece.heading, piece.text) for piece in pieces] == [("Delivery", ISLANDS), ("Gifts", GIFTS)], kind


def test_markdown_holds_no_html():
    (piece,) = read_file(f"<script>alert(1)</script>\n\n{ISLANDS}".encode(), "markdown")
    assert piece.text.startswith("<script>alert(1)</script>")


def test_a_table_of_markdown_stays_in_rows():
    (piece,) = read_file(b"| Size | Price |\n|---|---|\n| 40 cm | 12 pounds |\n| 60 cm | 19 pounds |\n", "markdown")
    assert any("40 cm" in line and "12 pounds" in line for line in piece.text.split("\n"))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_of_questions_is_read_as_spreadsheets_write_it(codec, mark):
    rows = [("Nr", "Question", "ANSWER"), ("1", "Was kostet der Versand?", "Fünf Euro."), ("", "", "")]
    body = "\r\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows).encode(codec)
    (piece,) = read_file(body, "csv")
    assert (piece.kind, piece.question, piece.text) == ("faq", "Was kostet der Versand?", "Fünf Euro.")


def test_plain_text_is_cut_at_its_paragraphs_and_holds_no_control_characters():
    pieces = read_file(f"{ISLANDS} {'word ' * 120}\n\n{GIFTS * 8}\f".encode(), "text")
    assert [piece.text.split()[0] for piece in pieces] == ["Delivery", "We"]


def bomb():
    zeros = bytes(2**20)

    class Zeros:
        def __init__(self):
            self.left = MOST_UNPACKED // 2**20 + 1

        def read(self, size):
            self.left -= 1
            return zeros if self.left >= 0 else b""

    import io
    import shutil
    import zipfile

    out = io.BytesIO(samples.docx(ISLANDS))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("word/media/a.bin", "w") as part:
        shutil.copyfileobj(Zeros(), part, 2**20)
    return out.getvalue()


LAUGHS = (
    '<!DOCTYPE d [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + ']><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
    "&j;</w:t></w:r></w:p></w:body></w:document>"
)
BAD = {
    "an empty file": (lambda: b" \n", "text", "empty_file"),
    "a scan": (lambda: samples.pdf([], []), "pdf", "no_text"),
    "a pdf under a password": (lambda: samples.locked(samples.pdf([ISLANDS]), "secret"), "pdf", "encrypted_pdf"),
    "half a pdf": (lambda: samples.pdf([ISLANDS])[:120], "pdf", "broken_pdf"),
    "a pdf in name only": (lambda: b"<html>no</html>", "pdf", "broken_pdf"),
    "half a word file": (lambda: samples.docx(ISLANDS)[:-80], "docx", "broken_docx"),
    "a word file in name only": (lambda: samples.pdf([ISLANDS]), "docx", "broken_docx"),
    "a word file of broken xml": (lambda: samples.docx(document="<w:document>"), "docx", "broken_docx"),
    "a word file that laughs": (lambda: samples.docx(document=LAUGHS), "docx", "broken_docx"),
    "a word file under a password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "docx",
        "encrypted_docx",
    ),
    "a zip bomb": (bomb, "docx", "zip_bomb"),
    "a word file without words": (lambda: samples.docx(), "docx", "no_text"),
    "a picture as text": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "text", "bad_encoding"),
    "utf-16 without its mark": (lambda: ISLANDS.encode("utf-16-le"), "text", "bad_encoding"),
    "half of utf-16": (lambda: ISLANDS.encode("utf-16")[:-1], "markdown", "bad_encoding"),
    "a table without answers": (lambda: b"question,reply\nWhy?,So.\n", "csv", "csv_columns"),
    "a table without a first row": (lambda: b"Why?,So.\n", "csv", "csv_columns"),
    "a question without an answer": (lambda: b"question,answer\nWhy?,So.\nHow?,\n", "csv", "csv_row"),
    "a row cut short": (lambda: b"question,answer\nWhy?\n", "csv", "csv_row"),
    "a quote without an end": (lambda: b'question,answer\nWhy?,"So', "csv", "broken_csv"),
    "a table of nothing": (lambda: b"question,answer\n", "csv", "no_text"),
    "a picture as html": (lambda: bytes(range(256)) * 20, "html", "broken_html"),
    "html without text": (lambda: b"<html><body><img src=a.png></body></html>", "html", "no_text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_used_says_why(name):
    make, kind, problem = BAD[name]
    with pytest.raises(Unfit) as unfit:
        read_file(make(), kind)
    assert unfit.value.problem == problem
    assert len(str(unfit.value)) > 15


def test_a_fault_in_a_table_names_its_line():
    with pytest.raises(Unfit, match="Line 3 "):
        read_file(b"question,answer\nWhy?,So.\nHow?,\n", "csv")
    with pytest.raises(Unfit, match=r"'answer'.*'question, reply'"):
        read_file(b"question,reply\nWhy?,So.\n", "csv")


def test_the_ending_says_the_format():
    assert format_of("Preise 2026.PDF") == "pdf"
    for name in ("virus.exe", "README", "a.doc", ".pdf"):
        with pytest.raises(Rejected) as rejected:
            format_of(name)
        assert rejected.value.code == "unknown_format"


async def test_the_child_names_the_fault_and_reads_the_next_file():
    reader = PageReader()
    try:
        with pytest.raises(Unreadable) as unreadable:
            await reader.read_file(samples.pdf([]), "scan.pdf", "pdf")
        assert unreadable.value.problem == "no_text"
        reading = await reader.read_file(samples.pdf([ISLANDS]), "islands.pdf", "pdf")
        assert (reading.title, reading.pieces[0].text) == ("islands.pdf", ISLANDS)
    finally:
        await reader.close()
