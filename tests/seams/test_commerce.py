"""The suite of shops: the corner shop passes it, and each of twelve faults turns its own test red."""

import pytest
from cornered import Cornered
from faulty import failures_of
from omniops.testing import CommerceSuite

FAULTS = {
    "Prefixer": "test_what_is_no_order_is_told_in_the_same_words",
    "Teller": "test_what_is_no_order_is_told_in_the_same_words",
    "Doubler": "test_an_action_is_done_once_for_its_key",
    "Looper": "test_a_search_is_paged_to_its_end",
    "Gossip": "test_nonsense_and_outages_can_be_tried_again",
    "Everybodys": "test_a_customers_orders_are_their_own",
    "Oldest": "test_a_customers_orders_are_their_own",
    "Forgiving": "test_a_product_is_found_by_its_id_alone",
    "Believer": "test_a_cursor_of_something_else_is_rejected",
    "Blind": "test_what_cannot_be_done_is_rejected_in_words",
    "Moody": "test_what_it_offers_is_told_without_asking",
    "Tireless": "test_refused_credentials_ask_for_a_new_connection",
}


class TestCornerShop(Cornered, CommerceSuite):
    pass


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    return failures_of("broken_shops.py", tmp_path_factory.mktemp("broken"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_shop_fails_the_test_meant_for_it(failures, fault):
    assert failures[fault] == {FAULTS[fault]}
