"""Which questions count as the same."""

import pytest
from omniops.conversation.clusters import Asked, grouped, middle
from omniops.defaults.wordllama import WordllamaEncoder

SHIPPING = ["Do you ship to Norway?", "Can you ship to Norway too?", "Is shipping to Norway possible?"]
INVOICE = ["How can I pay by invoice?", "Can I pay by invoice please?"]


@pytest.fixture(scope="module", params=["meaning", "words"])
def asked(request):
    encoder = WordllamaEncoder() if request.param == "meaning" else None

    def make(*texts):
        vectors = encoder.encode(texts) if encoder else [None] * len(texts)
        return [Asked(text, text, vector) for text, vector in zip(texts, vectors, strict=True)]

    return make


def texts(groups):
    return sorted(sorted(member.text for member in group.members) for group in groups)


def test_wordings_of_one_question_are_one_group_and_others_are_not(asked):
    assert texts(grouped({}, asked(*SHIPPING, *INVOICE))) == sorted([sorted(SHIPPING), sorted(INVOICE)])


def test_a_new_question_joins_the_group_it_resembles_and_moves_nobody(asked):
    first, second, third = asked(*SHIPPING)
    groups = grouped({"a": [first, second], "b": asked(*INVOICE)}, [third])
    assert {group.id: len(group.members) for group in groups} == {"a": 3, "b": 2}
    assert grouped({"a": [first]}, asked("Are dogs allowed in the shop?"))[1].id is None


def test_the_example_is_the_wording_in_the_middle(asked):
    odd = "By the way, my cousin in Bergen wonders whether her parcels to Norway are something you could ship at all?"
    assert middle(asked(odd, *SHIPPING)).text in SHIPPING
