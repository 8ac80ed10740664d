"""The built-in plugins pass the conformance suites, and a broken one fails the test that is there for it."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from omniops.testing import (
    ChannelSuite,
    EncoderSuite,
    KnowledgeIndexSuite,
    PluginSuite,
    ProviderSuite,
    SourceSuite,
)

HERE = Path(__file__).parent
BROKEN_SUITES = HERE / "broken_suites.py"


class TestWebsite(PluginSuite):
    plugin_name = "website"


class TestWebsiteChannel(ChannelSuite):
    plugin_name = "website"


class TestSite(PluginSuite):
    plugin_name = "site"


class TestSiteSource(SourceSuite):
    plugin_name = "site"
    source_kind = "site"


class TestSitemapSource(SourceSuite):
    plugin_name = "site"
    source_kind = "sitemap"


class TestFeedSource(SourceSuite):
    plugin_name = "site"
    source_kind = "feed"


class TestQuoting(PluginSuite):
    plugin_name = "quoting"


class TestQuotingProvider(ProviderSuite):
    plugin_name = "quoting"


class TestHybrid(PluginSuite):
    plugin_name = "hybrid"


class TestHybridIndexByWords(KnowledgeIndexSuite):
    plugin_name = "hybrid"


class TestHybridIndexByMeaning(KnowledgeIndexSuite):
    plugin_name = "hybrid"

    @pytest.fixture
    def encoder(self):
        from omniops.defaults.wordllama import WordllamaEncoder

        return WordllamaEncoder()


class TestWordllama(PluginSuite):
    plugin_name = "wordllama"


class TestWordllamaEncoder(EncoderSuite):
    plugin_name = "wordllama"


BROKEN = {
    "Vague": {"test_the_docstring_begins_with_a_catalogue_entry"},
    "Undescribed": {"test_every_setting_is_described"},
    "Unmarked": {"test_every_overridden_hook_is_marked"},
    "Writes": {"test_loading_it_touches_nothing"},
    "Connects": {"test_loading_it_touches_nothing"},
    "Heavy": {"test_loading_it_touches_nothing"},
    "Undeclared": {"test_the_declaration_is_consistent"},
    "Urlhost": {"test_the_declaration_is_consistent"},
    "Wrongtype": {"test_hooks_give_what_they_promise"},
    "Ill": {"test_health_answers_in_time"},
    "Private": {"test_it_imports_public_names_only"},
    "Smuggler": {"test_deployments_are_named_and_declared"},
    "Mixer": {"test_two_answers_do_not_mix"},
    "Leaker": {"test_leaving_early_ends_everything", "test_cancelling_ends_everything"},
    "Unclosed": {"test_leaving_early_ends_everything"},
    "Hasty": {"test_level_comes_before_text"},
    "Sound": set(),
    "Forgetful": {"test_the_idempotency_key_is_passed_on"},
    "Late": {"test_the_disclosure_comes_before_the_text"},
    "Long": {"test_no_text_is_longer_than_max_length"},
    "Cut": {"test_no_text_is_longer_than_max_length"},
    "Believer": {
        "test_an_unsigned_webhook_is_rejected",
        "test_an_altered_webhook_is_rejected",
        "test_a_webhook_without_its_signature_is_rejected",
    },
    "Headerless": {"test_an_unsigned_webhook_is_rejected", "test_a_webhook_without_its_signature_is_rejected"},
    "Hurried": {"test_what_it_carries_makes_sense"},
    "Curt": {"test_what_it_carries_makes_sense", "test_no_text_is_longer_than_max_length"},
    "Listless": {"test_what_it_carries_makes_sense"},
    "Narrow": {"test_a_text_of_max_length_is_carried"},
    "Halved": {"test_a_file_comes_whole"},
    "Lingering": {"test_a_file_that_is_cut_off_leaves_nothing_behind"},
    "Crasher": {"test_nonsense_is_rejected"},
    "Dice": {"test_a_signed_webhook_is_taken"},
    "Homeless": {"test_it_is_named_and_its_processor_declared"},
    "Gossip": {"test_a_good_connection_is_healthy"},
    "Trusting": {"test_bad_credentials_are_refused"},
    "Steady": set(),
    "Lenient": {"test_without_a_secret_nothing_is_believed"},
    "Doubling": {"test_a_delivery_without_its_signature_is_refused"},
    "Rolling": {"test_a_signed_delivery_is_taken_and_told_again_it_is_the_same"},
    "Stumbling": {"test_nonsense_is_refused_or_ignored"},
    "Undeclaring": {"test_what_happens_is_declared"},
    "Once": {"test_an_event_can_be_handled_twice"},
    "Believing": {
        "test_a_fault_of_the_other_side_has_one_meaning[200 as a page]",
        "test_a_fault_of_the_other_side_has_one_meaning[half an answer]",
    },
    "Impatient": {
        "test_a_fault_of_the_other_side_has_one_meaning[429 with seconds]",
        "test_a_fault_of_the_other_side_has_one_meaning[429 with a date]",
    },
    "Wandering": {"test_a_next_page_elsewhere_is_not_asked"},
    "Resigned": {"test_refused_credentials_need_a_person"},
    "Settled": set(),
    "Rotting": {"test_two_processes_refresh_once_and_again"},
    "Eager": {"test_two_processes_refresh_once_and_again"},
    "Blabbing": {"test_what_is_about_people_lies_nowhere_in_clear", "test_people_get_a_copy_and_are_erased"},
    "Scribbling": {"test_what_is_about_people_lies_nowhere_in_clear", "test_people_get_a_copy_and_are_erased"},
    "Withholding": {"test_people_get_a_copy_and_are_erased"},
    "Territorial": {"test_one_that_is_removed_takes_its_own_along_and_nothing_of_others"},
    "Keeper": set(),
    "Pretender": {"test_what_it_says_it_erased_is_gone"},
    "Stalled": {"test_a_restriction_is_set_and_lifted", "test_evidence_names_nobody"},
    "Thrower": {"test_a_correction_is_seen_in_a_copy", "test_evidence_names_nobody"},
    "Speechless": {"test_a_restriction_is_set_and_lifted", "test_evidence_names_nobody"},
    "Namer": {"test_evidence_names_nobody"},
    "Reaper": {"test_erasing_touches_nobody_else"},
    "Blithe": {"test_an_outage_is_no_erasure"},
    "Unwilling": set(),
    "Unregistered": {"test_it_is_named_and_its_processor_declared"},
    "Doubled": {"test_shape_and_type"},
    "Coarse": {"test_the_scale_uses_an_int8"},
    "Circling": {"test_sitemaps_in_a_circle_end", "test_a_broken_site_does_not_stop_it"},
    "Greedy": {"test_excluded_pages_are_not_accepted"},
    "Hoarder": {"test_a_deleted_passage_is_gone_at_once"},
    "Borderless": {"test_another_domain_is_never_seen"},
    "Generous": {"test_the_limit_holds"},
}
"""Each broken plugin, and the tests that fail for it and no others."""

AMONG_OTHERS = {
    "Endless": "test_done_comes_once_and_last",
    "Twice": "test_done_comes_once_and_last",
    "Liar": "test_citations_quote_given_passages",
    "Stranger": "test_citations_quote_given_passages",
    "Sourceless": "test_without_passages_it_claims_no_source",
    "Silent": "test_send_gives_a_delivery",
    "Respelling": "test_letters_of_any_language_are_no_reason_to_doubt",
    "Gullible": "test_an_altered_delivery_is_refused",
    "Roundabout": "test_a_sync_comes_to_its_end_and_goes_on_from_there",
    "Unequal": "test_rows_have_length_one",
    "Together": "test_a_row_does_not_depend_on_its_batch",
    "Nameless": "test_its_id_names_it",
}
"""Plugins whose fault shows in several tests, and the one that is meant for it."""


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """Names of the tests that failed, by class, of one run of all suites over all broken plugins."""
    import broken_plugins

    folder = tmp_path_factory.mktemp("broken")
    site(folder, {**dict.fromkeys(broken_plugins.BROKEN, "broken_plugins"), "private": "broken_private"})
    report = folder / "report.xml"
    options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", f"--junitxml={report}", BROKEN_SUITES],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(HERE)])},
        capture_output=True,
        check=False,
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        failed = found.setdefault(case.get("classname").rpartition(".Test")[2], set())
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(case.get("name"))
    return found


def site(folder, plugins):
    """One installed distribution with all of them."""
    info = folder / "omniops_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omniops-broken\nVersion: 1.0\nRequires-Dist: numpy\n")
    targets = {name: "Private" if name == "private" else f"Plugin_{name}" for name in plugins}
    lines = [f"{name} = {module}:{targets[name]}" for name, module in plugins.items()]
    (info / "entry_points.txt").write_text("\n".join(["[omniops.plugins]", *lines, ""]))


@pytest.mark.parametrize("plugin", BROKEN)
def test_a_broken_plugin_fails_exactly_its_tests(failures, plugin):
    assert failures[plugin] == BROKEN[plugin]


@pytest.mark.parametrize("plugin", AMONG_OTHERS)
def test_a_broken_plugin_fails_the_test_meant_for_it(failures, plugin):
    assert AMONG_OTHERS[plugin] in failures[plugin]


def test_an_inherited_test_cannot_be_switched_off():
    with pytest.raises(TypeError, match="test_info_is_valid overrides a test of the suite"):

        class Deleted(PluginSuite):
            test_info_is_valid = None

    with pytest.raises(TypeError, match="xfail"):

        class Unexplained(PluginSuite):
            @pytest.mark.xfail
            def test_info_is_valid(self): ...


def test_an_inherited_test_may_be_expected_to_fail_with_a_reason():
    class Excused(PluginSuite):
        @pytest.mark.xfail(reason="the vendor numbers its versions with letters")
        def test_info_is_valid(self): ...
