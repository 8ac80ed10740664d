"""What a statement says, and what it is not trusted for."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omniops.errors import Rejected
from omniops_tcf.settings import Manager
from omniops_tcf.sources import CallbackSource, TCFSource
from omniops_tcf.tcstring import Malformed, read
from strings import NOW, tc

ALL = tuple(range(1, 12))
OURS = Manager()
WITH_VENDOR = Manager(vendor=755)


def said(string, manager=OURS):
    return dict(TCFSource().read(string, manager, NOW).answers)


def refused(source, statement, manager=OURS):
    with pytest.raises(Rejected) as rejected:
        source.read(statement, manager, NOW)
    return rejected.value.code


def test_a_string_that_other_readers_are_tested_with_is_read_as_they_do():
    found = read("COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA.IBAgAAAgAIAwgAgAAAAEAAAACA.QAagAQAgAIAwgA.cAAAAAAAITg=")
    assert found.created == datetime(2020, 1, 26, 17, 1, tzinfo=UTC)
    assert found.updated == datetime(2021, 2, 2, 17, 1, tzinfo=UTC)
    assert (found.cmp, found.cmp_version, found.vendor_list, found.policy, found.language) == (675, 2, 15, 2, "en")
    assert (found.purposes, found.vendors, found.disclosed) == ({2, 10}, set(), {23, 37, 47, 48, 53, 65, 98, 129})


@pytest.mark.parametrize("ranged", [False, True])
def test_each_purpose_needs_all_that_it_is_mapped_to(ranged):
    assert said(tc(ALL, ranged=ranged)) == {"analytics": True, "advertising": True}
    assert said(tc((1, 8), ranged=ranged)) == {"analytics": True, "advertising": False}
    assert said(tc((8,), ranged=ranged)) == {"analytics": False, "advertising": False}
    assert said(tc((), ranged=ranged)) == {"analytics": False, "advertising": False}


def test_legitimate_interest_is_no_consent():
    assert said(tc((), interests=ALL)) == {"analytics": False, "advertising": False}
    assert said(tc(ALL, (), interested=(755,)), WITH_VENDOR) == {"analytics": False, "advertising": False}


@pytest.mark.parametrize("ranged", [False, True])
def test_a_named_vendor_needs_consent_and_must_have_been_shown(ranged):
    assert said(tc(ALL, (755,), ranged=ranged), WITH_VENDOR)["analytics"]
    assert not said(tc(ALL, (10,), ranged=ranged), WITH_VENDOR)["analytics"]
    assert not said(tc(ALL, (755,), disclosed=(10,), ranged=ranged), WITH_VENDOR)["analytics"]


@pytest.mark.parametrize(("kind", "allowed"), [(0, False), (1, True), (2, False)])
def test_what_the_publisher_restricts_is_not_allowed(kind, allowed):
    string = tc(ALL, (755,), restrictions=[(8, kind, [(700, 800)])])
    assert said(string, WITH_VENDOR) == {"analytics": allowed, "advertising": True}
    assert said(string, Manager(vendor=10)) == {"analytics": False, "advertising": False}
    both = tc(ALL, (755,), restrictions=[(8, 0, [(755, 755)]), (8, 1, [(755, 755)])])
    assert not said(both, WITH_VENDOR)["analytics"], "where two contradict, the stricter counts"


@pytest.mark.parametrize(
    ("string", "code"),
    [
        (tc(ALL, version=1), "no_tc_string"),
        (tc(ALL, disclosed=None), "not_disclosed"),
        (tc(ALL)[:40], "no_tc_string"),
        ("", "no_tc_string"),
        ("🍪", "no_tc_string"),
        (tc(ALL, policy=3), "old_policy"),
        (tc(ALL, created=NOW + timedelta(days=2)), "bad_time"),
        (tc(ALL, created=NOW, updated=NOW - timedelta(days=1)), "bad_time"),
        (tc(ALL, created=NOW - timedelta(days=400)), "too_old"),
        (tc(ALL, (755,), restrictions=[(n, 1, [(1, 0xFFFF)]) for n in range(1, 12)]), "no_tc_string"),
        (tc(ALL, (755,), restrictions=[(1, 1, [(9, 3)])]), "no_tc_string"),
    ],
)
def test_a_string_that_does_not_hold_is_refused(string, code):
    assert refused(TCFSource(), string) == code


def test_a_string_of_the_time_of_tcf_2_2_needs_no_disclosed_vendors():
    assert said(tc(ALL, policy=4, created=NOW - timedelta(days=300), disclosed=None))["analytics"]


def test_the_ledgers_facts_hold_nothing_but_versions():
    facts = TCFSource().read(tc(ALL), OURS, NOW).facts
    assert facts == {
        "cmp": 300, "cmp_version": 2, "vendor_list": 120, "policy": 5, "language": "en",
        "created": "2026-11-26", "updated": "2026-11-26",
    }  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=200).map(lambda raw: tc(ALL)[:20] + raw.hex())))
@example("....")
@example("CA.")
@example("Cé")
def test_whatever_comes_is_read_or_refused(statement):
    try:
        read(statement)
    except Malformed:
        return


def test_a_page_names_its_categories():
    source, manager = CallbackSource(), Manager(names={"analytics": ["stats", "speed"], "advertising": ["ads"]})

    def answers(said):
        return dict(source.read(json.dumps(said), manager, NOW).answers)

    assert answers({"stats": True, "speed": True, "ads": False}) == {"analytics": True, "advertising": False}
    assert answers({"stats": True, "speed": False}) == {"analytics": False}, "what is not said is not guessed"
    for wrong in ("[]", "1", "{", '{"stats": 1}', '{"stats": "true"}', "[" * 4000, "{}", '{"other": true}'):
        assert refused(source, wrong, manager) in ("no_statement", "nothing_said")


def test_a_mapping_of_nothing_is_refused():
    for wrong in ({"purposes": {"analytics": []}}, {"purposes": {"analytics": [25]}}, {"names": {"analytics": []}}):
        with pytest.raises(ValueError, match="needs"):
            Manager(**wrong)
