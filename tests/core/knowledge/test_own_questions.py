"""Files of questions: what is taken, and which line is wrong."""

import pytest
from omniops.errors import Rejected
from omniops.knowledge.own_questions import MOST_PAGES, Asking, checked, parse

JSONL = (
    '{"question": "How long?", "pages": ["/shipping"], "contains": ["four days"]}\n\n{"question": "Why is the sky?"}\n'
)
CSV = 'question,pages,contains\nHow long?,/shipping|https://a.example/x,"four, days"\nWhy is the sky?,,\n'


def test_both_formats_say_the_same():
    assert parse(JSONL, "jsonl") == [Asking("How long?", ("/shipping",), ("four days",)), Asking("Why is the sky?")]
    first, second = parse("\ufeff" + CSV, "csv")
    assert first == Asking("How long?", ("/shipping", "https://a.example/x"), ("four, days",))
    assert second == Asking("Why is the sky?")


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("", "jsonl", "no question"),
        ('{"question": "a"}\n{nonsense', "jsonl", "line 2: this is no JSON"),
        ("[1]", "jsonl", "line 1: this is no JSON object"),
        ('{"question": " "}', "jsonl", "line 1: the question is missing"),
        ('{"question": 7}', "jsonl", "line 1: the question is missing"),
        ('{"question": "a", "page": "/x"}', "jsonl", "'page' is no field"),
        ('{"question": "a", "pages": "/x"}', "jsonl", "'pages' is no list"),
        ('{"question": "a", "pages": ["javascript:1"]}', "jsonl", "is no page"),
        ('{"question": "a", "contains": ["b"]}', "jsonl", "but no page"),
        ("[" * 5000, "jsonl", "line 1: this is no JSON"),
        ("question,answer\na,b\n", "csv", "line 2: 'answer' is no field"),
        ("question\na,b\n", "csv", "line 2: there are more cells"),
        ('question\n"a', "csv", "this is no CSV"),
        ("pages\n/x\n", "csv", "the question is missing"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(text, form, said):
    with pytest.raises(Rejected, match=said.replace("(", r"\(")):
        parse(text, form)


def test_too_much_is_refused():
    with pytest.raises(Rejected, match="1001 characters"):
        checked({"question": "a" * 1001}, "here")
    with pytest.raises(Rejected, match="too long"):
        checked({"question": "a", "pages": ["/x"] * (MOST_PAGES + 1)}, "here")


@pytest.mark.parametrize(
    ("page", "url", "fits"),
    [
        ("/shipping", "https://a.example/shipping", True),
        ("/shipping", "https://a.example/shipping/islands", False),
        ("/p?id=1", "https://a.example/p?id=1", True),
        ("HTTPS://A.example:443/shipping", "https://a.example/shipping", True),
        ("https://b.example/shipping", "https://a.example/shipping", False),
    ],
)
def test_a_page_is_a_url_or_a_path(page, url, fits):
    assert Asking("a", (page,)).answered_by(url) is fits
