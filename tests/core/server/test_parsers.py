"""What the server takes apart or puts together of other people's text, under hypothesis: addresses, events, words."""

import json

from hypothesis import given
from hypothesis import strategies as st
from omniops.accounts.service import checked_origin
from omniops.conversation.parts import clean
from omniops.errors import Rejected
from omniops.knowledge.urls import normalise
from omniops.server import sse

PIECES = st.sampled_from("http: https: javascript: // / ? # @ .. %00 %2e : [ ] é".split())
ADDRESSES = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@given(ADDRESSES, st.none() | st.just("https://one.example/a/b"))
def test_an_address_is_normal_or_none(url, base):
    found = normalise(url, base=base)
    if found is not None:
        assert found.startswith(("http://", "https://"))
        assert not any(character.isspace() or character < " " for character in found)


@given(ADDRESSES)
def test_an_origin_is_scheme_and_host_or_refused(origin):
    try:
        found = checked_origin(origin)
    except Rejected:
        return
    assert found.startswith(("http://", "https://"))
    assert checked_origin(found) == found


@given(st.text(), st.integers(min_value=0))
def test_an_event_is_read_back_whole_whatever_its_text(text, number):
    """Nothing that a visitor or a model writes can end an event, or begin one of its own."""
    data = json.dumps({"text": text}, ensure_ascii=False)
    wire = sse.event("text", data, number).decode()
    assert wire.endswith("\n\n")
    fields = [line.partition(": ") for line in wire[:-2].split("\n")]
    assert {name for name, _, _ in fields} == {"event", "data", "id"}
    assert json.loads("\n".join(value for name, _, value in fields if name == "data"))["text"] == text


@given(st.text())
def test_words_of_a_model_stay_words(text):
    shown = clean(text)
    assert clean(shown) == shown
    json.dumps(shown).encode()
