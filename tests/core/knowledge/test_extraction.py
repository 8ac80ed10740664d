"""The business pages that the extractor is measured on: what must stay and go, and which answers are entries."""

import json
from pathlib import Path

import pytest
from omniops.knowledge.cut import cut
from omniops.knowledge.evaluate_extraction import evaluate
from omniops.knowledge.extract import extract
from omniops.knowledge.structured import read_structured

PAGES = Path(__file__).parent / "pages"
EXPECTED = json.loads((PAGES / "expected.json").read_text())
ASKED = {name: entry for name, entry in EXPECTED.items() if entry.get("faq")}


def test_business_pages_keep_what_a_customer_asks_for():
    report = evaluate(PAGES)
    assert report.pages >= 64
    assert report.recall >= 0.995, report.worst
    assert report.precision >= 0.98, report.worst


@pytest.mark.parametrize("name", ASKED)
def test_questions_of_a_page_become_entries_with_their_answers(name):
    page = extract((PAGES / "html" / name).read_bytes(), EXPECTED[name]["url"])
    pieces = cut(page, read_structured(page.head.json_ld, page.head.markup))
    entries = {piece.question: piece.text for piece in pieces if piece.question}
    for question, answer in ASKED[name]["faq"].items():
        assert answer in entries.get(question, ""), f"{question!r} is no entry among {list(entries)}"
