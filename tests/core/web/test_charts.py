"""Charts that the server draws, and the words over them: whole, never louder than the numbers, and never markup."""

from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from omniops.web.charts import Pair, Pile, pairs_svg, piles_svg, scale, spread_svg
from omniops.web.findings import percent, seconds, share, usd

BAD = "<script>alert(1)</script>\"'&"


def drawn(svg):
    return ElementTree.fromstring(str(svg))


def test_a_pile_is_as_high_as_its_number_and_its_parts_never_touch():
    root = drawn(piles_svg([Pile((("ai", 100), ("person", 0), ("unsettled", 50)), "1 May"), Pile(())], "Conversations"))
    bars = root.findall("rect")
    assert [bar.get("class") for bar in bars] == ["ai", "unsettled"]
    (base, _), (upper, height) = [(float(bar.get("y")), float(bar.get("height"))) for bar in bars]
    assert upper + height == base - 1
    assert root.get("aria-label") == "Conversations"
    assert "1 May" in [text.text for text in root.findall("text")]


def test_words_in_a_chart_stay_words():
    pair = Pair(BAD, 0.5, 0.25)
    for svg in (pairs_svg([pair], BAD), piles_svg([Pile((), BAD)], BAD), spread_svg([1], [(0.5, BAD)], [BAD], BAD)):
        assert drawn(svg).get("aria-label") == BAD
        assert "<script" not in svg


@pytest.mark.parametrize("counts", [[], [0, 0], [1], [3] * 16])
def test_a_spread_of_whatever_size_is_drawn(counts):
    assert len(drawn(spread_svg(counts, [(2.0, "half"), (40.0, "most")], [], "Times")).findall("rect")) == sum(
        1 for one in counts if one
    )


@pytest.mark.parametrize("most", [0, 1, 3, 4, 7, 10, 99, 100, 101, 5204, 10**7])
def test_a_scale_holds_what_it_is_for_in_a_few_round_steps(most):
    top, ticks = scale(most)
    assert top >= most
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert len({b - a for a, b in pairwise(ticks)}) == 1


@pytest.mark.parametrize(("part", "whole", "said"), [
    (2, 3, "2 of 3"), (16, 20, "four in five"), (17, 20, "85%"), (20, 20, "all"), (0, 20, "none"),
    (667, 1000, "two in three"),
    (999, 1000, ">99%"), (1, 1000, "<1%"), (12, 1000, "1%"),
])  # fmt: skip
def test_a_share_is_said_as_one_says_it_and_only_where_it_is_so(part, whole, said):
    assert share(part, whole) == said


def test_none_of_nothing_is_no_share():
    assert percent(0, 0) == "–"


@pytest.mark.parametrize(("value", "said"), [
    (None, "–"), (0.084, "84 ms"), (1.94, "1.9 s"), (45, "45 s"), (600, "10 min"), (9000, "2.5 h"),
    (200000, "2.3 days"),
])  # fmt: skip
def test_a_time_is_said_by_what_one_compares(value, said):
    assert seconds(value) == said


@pytest.mark.parametrize(("value", "said"), [("0", "$0.00"), ("0.0031", "$0.0031"), ("1234.5", "$1,234.50")])
def test_an_amount_has_as_many_places_as_it_needs(value, said):
    assert usd(Decimal(value)) == said
