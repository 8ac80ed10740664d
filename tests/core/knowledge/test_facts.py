"""Facts that a page states for machines: typed, checked, and quotable. What is wrong is dropped, the page is kept."""

import json

import pytest
from omniops.knowledge import values
from omniops.knowledge.cut import cut
from omniops.knowledge.extract import extract
from omniops.knowledge.structured import read_structured


def facts_of(*nodes):
    return read_structured([json.dumps(node) for node in nodes]).facts


def product(**offer):
    return {"@type": "Product", "name": "Tent", "offers": {"@type": "Offer", **offer}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("289.00", "289.00"),
        ("289,90", "289.90"),
        ("1,299.00", "1299.00"),
        ("1.299,00", "1299.00"),
        ("1 299,00 €", "1299.00"),
        ("1'299.50", "1299.50"),
        ("1.234.567", "1234567"),
        ("1,299", "1299"),
        ("0", "0"),
        ("-5", None),
        ("free", None),
        ("", None),
        ("1e99", None),
        ("9" * 40, None),
        ("12.34.56", None),
    ],
)
def test_a_price_is_a_decimal_number_or_nothing(written, meant):
    assert values.price(written) == meant


def test_a_product_has_price_currency_and_stock_as_values():
    (fact,) = facts_of(product(price="1.299,00", priceCurrency="eur", availability="https://schema.org/InStock"))
    assert fact.kind == "product"
    assert fact.facts == {"name": "Tent", "price": "1299.00", "currency": "EUR", "availability": "in_stock"}
    assert fact.text == "Tent costs 1299.00 EUR and is in stock."


def test_several_offers_give_a_range():
    node = {
        "@type": "Product",
        "name": "Tent",
        "offers": {"@type": "AggregateOffer", "lowPrice": 90, "highPrice": 120.5},
    }
    (fact,) = facts_of(node)
    assert (fact.facts["low_price"], fact.facts["high_price"]) == ("90", "120.5")
    assert "currency" not in fact.facts


@pytest.mark.parametrize(
    "offer",
    [
        {"price": "call us", "priceCurrency": "EUR"},
        {"price": "-3", "priceCurrency": "EUR"},
        {"price": {"@type": "Thing"}},
        {"price": None},
        {"availability": "https://schema.org/Perhaps"},
    ],
)
def test_a_price_that_is_none_makes_no_fact_and_the_page_is_kept(offer):
    html = f"""<html><head><title>Tent</title><script type="application/ld+json">{json.dumps(product(**offer))}</script>
    </head><body><h1>Tent</h1><p>A light tent for two people. Call us for the price of this tent.</p></body></html>"""
    page = extract(html.encode(), "https://shop.example/tent")
    pieces = cut(page, read_structured(page.head.json_ld, page.head.markup))
    assert [piece.kind for piece in pieces] == ["text"]
    assert "light tent" in pieces[0].text


@pytest.mark.parametrize("code", ["$", "kr", "EURO", "XXX", "€€"])
def test_a_currency_that_could_be_several_is_left_out(code):
    (fact,) = facts_of(product(price="5", priceCurrency=code))
    assert fact.facts == {"name": "Tent", "price": "5"}


def test_hours_are_times_per_weekday():
    shop = {
        "@type": "Store",
        "name": "Fjell",
        "telephone": "0555 123 456",
        "address": {"streetAddress": "Harbour Street 4", "postalCode": "20459", "addressLocality": "Hamburg"},
        "openingHoursSpecification": [
            {"dayOfWeek": ["https://schema.org/Monday", "Tuesday"], "opens": "9:00", "closes": "18:30:00"},
            {"dayOfWeek": "Tuesday", "opens": "20:00", "closes": "22:00"},
            {"dayOfWeek": "Sunday", "opens": "00:00", "closes": "00:00"},
            {"dayOfWeek": "Saturday", "opens": "25:00", "closes": "noon"},
            {"validFrom": "2026-12-24", "validThrough": "2026-12-26", "opens": "00:00", "closes": "00:00"},
        ],
    }
    (fact,) = facts_of(shop)
    assert fact.kind == "contact"
    assert fact.facts == {
        "name": "Fjell",
        "telephone": "0555 123 456",
        "address": {"street": "Harbour Street 4", "postal_code": "20459", "locality": "Hamburg"},
        "hours": {
            "monday": [["09:00", "18:30"]],
            "tuesday": [["09:00", "18:30"], ["20:00", "22:00"]],
            "sunday": [],
        },
        "special_hours": [{"since": "2026-12-24", "until": "2026-12-26", "hours": []}],
    }


def test_the_short_form_of_hours_is_read():
    (fact,) = facts_of(
        {"@type": "Dentist", "name": "Dr. Smile", "openingHours": ["Mo-We,Fr 08:00-12:00", "Sa by phone"]}
    )
    assert fact.facts["hours"] == {day: [["08:00", "12:00"]] for day in ("monday", "tuesday", "wednesday", "friday")}


def test_an_event_has_its_time_place_and_price():
    node = {
        "@type": "MusicEvent",
        "name": "Winter concert",
        "startDate": "2026-12-05T19:30:00+01:00",
        "location": {"@type": "Place", "name": "Town hall", "address": "Market 1"},
        "offers": {"price": "18", "priceCurrency": "EUR", "availability": "SoldOut"},
        "eventStatus": "https://schema.org/EventPostponed",
    }
    (fact,) = facts_of(node)
    assert fact.kind == "event"
    assert fact.facts == {
        "name": "Winter concert",
        "start": "2026-12-05T19:30:00+01:00",
        "place": "Town hall, Market 1",
        "price": "18",
        "currency": "EUR",
        "availability": "sold_out",
        "status": "postponed",
    }
    assert fact.text == (
        "Winter concert begins on 2026-12-05 at 19:30 at Town hall, Market 1. It costs 18 EUR. It is sold out."
        " It is postponed."
    )


@pytest.mark.parametrize("start", ["soon", "2026-02-31", "", None])
def test_an_event_on_a_day_that_does_not_exist_is_no_fact(start):
    assert facts_of({"@type": "Event", "name": "Concert", "startDate": start}) == ()


MICRODATA = """<html><head><title>Kettle</title></head><body><main><div itemscope itemtype="https://schema.org/Product">
<h1 itemprop="name">Copper kettle</h1><p itemprop="description">Holds 1.7 litres and whistles.</p>
<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
<span itemprop="price" content="99.50">99,50 €</span>
<meta itemprop="priceCurrency" content="EUR"><link itemprop="availability" href="https://schema.org/InStock"></div>
<div itemprop="brand" itemscope itemtype="https://schema.org/Brand"><span itemprop="name">Hearth</span></div>
</div></main></body></html>"""


def test_microdata_says_the_same_as_json_ld():
    page = extract(MICRODATA.encode(), "https://shop.example/kettle")
    (fact,) = read_structured(page.head.json_ld, page.head.markup).facts
    assert fact.facts == {
        "name": "Copper kettle",
        "price": "99.50",
        "currency": "EUR",
        "availability": "in_stock",
        "brand": "Hearth",
    }


def test_open_graph_product_tags_are_facts_where_nothing_else_is():
    tags = (
        '<meta property="og:title" content="Kettle"><meta property="product:price:amount" content="99,50">'
        '<meta property="product:price:currency" content="EUR">'
        '<meta property="product:availability" content="in stock">'
    )
    html = f"<html><head><title>Kettle</title>{tags}</head><body><p>A kettle.</p></body></html>"
    page = extract(html.encode(), "https://shop.example/kettle")
    (fact,) = read_structured(page.head.json_ld, page.head.markup).facts
    assert fact.facts == {"name": "Kettle", "price": "99.50", "currency": "EUR", "availability": "in_stock"}
    stated = json.dumps(product(price="89", priceCurrency="EUR"))
    (fact,) = read_structured([stated], page.head.markup).facts
    assert fact.facts["name"] == "Tent"


def test_one_broken_script_does_not_hide_the_others():
    found = read_structured(["{not json", json.dumps(product(price="5", priceCurrency="GBP"))])
    assert [fact.facts["price"] for fact in found.facts] == ["5"]
    assert len(found.problems) == 1
