"""Cards: what they may hold, and that core lets none lead elsewhere or stand on a source that is not of this turn."""

from dataclasses import FrozenInstanceError, replace
from uuid import uuid4

import pytest
from omniops.contracts.cards import (
    Button,
    ButtonsCard,
    Field,
    FormCard,
    ListCard,
    ProductCard,
    Row,
    TextCard,
    Variant,
    to_json,
)
from omniops.contracts.commerce import Money, Product, ProductVariant
from omniops.contracts.ids import utcnow
from omniops.contracts.knowledge import Hit, Passage
from omniops.contracts.provider import Citation, Shown
from omniops.conversation.orders.telling import product_card
from omniops.conversation.parts import Answer
from omniops.defaults.quoting.products import product
from omniops.errors import Rejected

URL = "https://shop.example/tents/ridge-2"
HOSTS = frozenset({"shop.example"})
FACTS = {"name": "Ridge 2", "price": "289.00", "currency": "GBP", "availability": "in_stock", "brand": "Tarn & Tor"}
TENT = Passage(
    id=uuid4(),
    page_id=uuid4(),
    url=URL,
    title="Ridge 2",
    heading="",
    text="Ridge 2 costs 289.00 GBP and is in stock.",
    kind="product",
    read_at=utcnow(),
    facts=FACTS,
)
WIND = replace(TENT, id=uuid4(), kind="text", text="It stood through a night of wind at 80 km/h.", facts={})


def hits(*passages):
    return [Hit(passage, 1.0, None, 1.0) for passage in passages]


@pytest.mark.parametrize(
    "make",
    [
        lambda: TextCard("", "x"),
        lambda: TextCard("x", "y" * 401),
        lambda: Button("Go", say="x", url=URL),
        lambda: Button("Go", url="javascript:alert(1)"),
        lambda: Button("Go", url="https://"),
        lambda: ButtonsCard("Which?", ()),
        lambda: ButtonsCard("Which?", (Button("x"),) * 9),
        lambda: ListCard("Things", (Row("x", url="data:text/html,x"),)),
        lambda: Field("Day", "choice"),
        lambda: Field("Name", options=("a", "b")),
        lambda: ProductCard("Ridge 2", URL, price="289.00"),
        lambda: ProductCard("Ridge 2", URL, price="cheap", currency="GBP"),
        lambda: ProductCard("Ridge 2", URL, price="-1", currency="GBP"),
        lambda: ProductCard("Ridge 2", URL, price="1", currency="£"),
        lambda: ProductCard("Ridge 2", "/tents/ridge-2"),
        lambda: ProductCard("Ridge 2", URL, variants=(Variant("Moss", price="1"),)),
        lambda: Variant("Moss", price="cheap"),
    ],
)
def test_what_is_no_card_is_refused_where_it_is_made(make):
    with pytest.raises(Rejected):
        make()


def test_a_card_is_a_value_with_a_stable_shape():
    card = ProductCard("Ridge 2", URL, "289.00", "GBP", stock="in_stock", variants=(Variant("Moss"),))
    assert to_json(card) == {
        "kind": "product",
        "name": "Ridge 2",
        "url": URL,
        "price": "289.00",
        "currency": "GBP",
        "note": "",
        "stock": "in_stock",
        "variants": ({"name": "Moss", "note": "", "price": "", "stock": "", "left": None},),
    }
    with pytest.raises(FrozenInstanceError):
        card.name = "Other"


def test_variants_tell_a_price_where_theirs_differ_and_stock_in_no_language():
    def told(*prices):
        variants = [
            ProductVariant(str(number), "Red", Money(price, "EUR"), availability, 3)
            for number, (price, availability) in enumerate(
                zip(prices, ("in_stock", "sold_out", "back_order"), strict=True)
            )
        ]
        card = product_card(Product("1", "Mug", URL, Money("10.00", "EUR"), "in_stock", variants=tuple(variants)))
        return [(one.price, one.stock, one.left, one.note) for one in card.variants]

    states = [("in_stock", 3, ""), ("sold_out", None, ""), ("", None, "back order")]
    assert told("10.00", "10.00", "10.00") == [("", *state) for state in states]
    assert told("10.00", "12.00", "10.00") == [
        (price, *state) for price, state in zip(("10.00", "12.00", "10.00"), states, strict=True)
    ]


def test_a_card_that_leads_to_another_website_is_left_out():
    answer = Answer(hits(TENT), HOSTS)
    for url in (
        "https://elsewhere.example/",
        "https://shop.example.elsewhere.example/",
        "https://shop.example@x.example",
    ):
        assert answer.add_card(Shown(ListCard("Things", (Row("x", url=url),)))) is None
    assert answer.add_card(Shown(ListCard("Things", (Row("x", url=URL),)))) is not None
    assert [part["type"] for part in answer.parts] == ["card"]


def test_a_card_stands_on_a_source_of_this_turn_or_is_left_out():
    answer = Answer(hits(TENT), HOSTS)
    card = ProductCard("Ridge 2", URL)
    assert answer.add_card(Shown(card, Citation(uuid4(), TENT.text))) is None
    assert answer.add_card(Shown(card, Citation(TENT.id, "It is free."))) is None
    assert answer.add_card(Shown(card, Citation(TENT.id, TENT.text)))["n"] == 1
    assert answer.sources[0].quote == TENT.text


def test_characters_that_hide_words_do_not_pass():
    answer = Answer((), HOSTS)
    form = FormCard("Call\u202e me", (Field("Na\x00me"), Field("Day", "choice", True, ("Mon\u200b", "Tue"))), "Send")
    shown = answer.add_card(Shown(form))["card"]
    assert (shown["title"], shown["fields"][0]["label"]) == ("Call me", "Name")
    assert shown["fields"][1]["options"] == ["Mon", "Tue"]


def test_the_product_of_the_answering_page_gets_its_card():
    shown = product(WIND, hits(WIND, TENT))
    assert (shown.card.name, shown.card.price, shown.card.stock) == ("Ridge 2", "289.00", "in_stock")
    assert shown.source.source == TENT.id


def test_no_card_where_the_page_has_several_products_or_none_or_poor_facts():
    other = replace(TENT, id=uuid4(), facts={**FACTS, "name": "Ridge 3"})
    elsewhere = replace(TENT, id=uuid4(), page_id=uuid4())
    nameless = replace(TENT, facts={"price": "289.00", "currency": "GBP"})
    priced_oddly = replace(TENT, facts={**FACTS, "price": "289,00"})
    for found in ((WIND, TENT, other), (WIND, elsewhere), (WIND,), (WIND, nameless), (WIND, priced_oddly)):
        assert product(WIND, hits(*found)) is None
