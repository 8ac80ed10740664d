"""Which sentence stands on which source, and which words of a source an answer uses."""

from hypothesis import given
from hypothesis import strategies as st
from omniops.inbox.statements import Statement, statements, used

QUOTE = "Tested in a wind tunnel: stable in gusts up to 80 km/h with all eight guy lines set."


def text(said):
    return {"type": "text", "text": said}


def cite(n):
    return {"type": "cite", "n": n}


def source(n, quote="something else"):
    return {"n": n, "quote": quote}


def told(parts, sources):
    return [(one.text, one.sources) for one in statements(parts, sources) if isinstance(one, Statement) and one.says]


def test_a_citation_belongs_to_the_sentence_before_it():
    parts = [text("Hello. It is rated for gusts."), cite(1), text(" It costs £4.50"), cite(2), cite(3), text(". Bye.")]
    assert told(parts, [source(1), source(2), source(3)]) == [
        ("Hello. ", []), ("It is rated for gusts.", [1]), (" It costs £4.50", [2, 3]), ("Bye.", []),
    ]  # fmt: skip


def test_what_is_quoted_in_several_sentences_is_carried_whole():
    parts = [text("Well. Sent the same day. Two days to arrive."), cite(1)]
    assert told(parts, [source(1, "Sent the same day.\nTwo days to arrive.")]) == [
        ("Well. ", []), ("Sent the same day. ", [1]), ("Two days to arrive.", [1]),
    ]  # fmt: skip


def test_the_words_that_an_answer_uses_are_told_from_the_rest():
    pieces = used(QUOTE, "Yes: it is rated for gusts up to 80 km/h when all eight guy lines are set.")
    assert [piece for piece, is_used in pieces if is_used] == ["gusts up to 80 km/h", "all eight guy lines"]
    assert all(is_used for _, is_used in used(QUOTE.rstrip("."), QUOTE))
    assert not any(is_used for _, is_used in used(QUOTE, "Something of our own."))


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_character_is_lost(quote, said):
    assert "".join(piece for piece, _ in used(quote, said)) == quote
    parts = statements([text(said), cite(1), text(quote)], [source(1, quote)])
    assert "".join(one.text for one in parts if isinstance(one, Statement)) == said + quote
